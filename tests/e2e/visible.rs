//! Changes become visible: on connections that are open already, and under load.

use serde_json::Value;

use crate::{
    on_each_engine,
    stack::{Engine, Stack, get, halftone},
    upstream::Upstream,
};

const BUNDLE: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  web: { variants: { stable: { addresses: ["STABLE"] }, canary: { addresses: ["CANARY"] } } }
routes: [ { name: all, rules: [ { release: web-v2 } ] } ]
releases: { web-v2: { upstream: web, unit: [client.ip], default: { split: scheduled } } }
"#;
/// Kept connections: enough for each worker to have some.
const CONNECTIONS: usize = 16;
const CHANGES: usize = 20;

on_each_engine! {
    /// Once a change is answered, no connection is decided by what was before, however old it is.
    fn the_next_request_of_an_open_connection_is_decided_anew(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &[]);
        let bundle = BUNDLE.replace("STABLE", &stable.address().to_string());
        stack.api.put_bundle("shop", &bundle.replace("CANARY", &canary.address().to_string()));
        let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| stack.connect()).collect();
        for change in 0..CHANGES {
            for connection in &mut connections {
                let expected = if change % 2 == 0 { "stable" } else { "canary" };
                assert_eq!(connection.send(get("/", &[])).answer().text(), expected, "change {change}");
            }
            let weight = if change % 2 == 0 { "100%" } else { "0%" };
            let body = format!("{{\"weight\":\"{weight}\"}}");
            let path = "/v1/tenants/shop/releases/web-v2:setWeight";
            let (status, answer) = stack.api.call("POST", path, &body).expect("the API answers");
            assert_eq!((status, &answer["applied"]), (200, &true.into()), "{answer}");
        }
    }
}

fn bench(arguments: &[&str]) -> Value {
    let output = halftone(&["bench", "push", "--json", "--rules", "3", "--load", "100"])
        .args(arguments)
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// No figure is asserted: only that what is offered is made, counted and loses nothing.
#[test]
fn pushes_are_measured() {
    let report = bench(&["--pushes", "20"]);
    let (pushes, load) = (&report["pushes"], &report["load"]);
    for (count, expected) in [("offered", 20), ("acknowledged", 20), ("failed", 0)] {
        assert_eq!(pushes[count], expected, "{count}: {report:#}");
    }
    assert!(load["failed"] == 0 && load["answered"].as_u64() > Some(0), "{report:#}");
}

#[test]
fn a_flood_of_pushes_is_coalesced() {
    let report = bench(&["--rate", "200", "--seconds", "1", "--callers", "16"]);
    let pushes = &report["pushes"];
    for (count, expected) in [("offered", 200), ("acknowledged", 200), ("failed", 0)] {
        assert_eq!(pushes[count], expected, "{count}: {report:#}");
    }
    let counted = |name: &str| pushes[name].as_u64().expect("a number");
    assert_eq!(counted("published") + counted("coalesced"), 200, "{report:#}");
    assert_eq!(report["load"]["failed"], 0, "{report:#}");
}
