//! The whole control plane against a gateway that is not one: it speaks the control socket, verifies
//! every archive, and remembers what it was told.
//!
//! No sleeps: everything is awaited with a deadline.

mod api;
mod bundles;
mod control;
mod files;
mod gateway;
mod instances;
mod lists;
mod metrics;
mod objects;
mod openapi;
mod tags;

use std::path::Path;

use control::{Control, options};
use gateway::Gateway;
use halftone_controlplane::{ControlError, run_until};
use serde_json::{Value, json};
use tempfile::TempDir;

const CANARY: &str = r#"{"service":"user-api","addr":"127.0.0.1:8000","metadata":{"version":"v2.1","group":"canary","weight":30}}"#;

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn start(directory: &Path) -> (Gateway, Control) {
    let gateway = Gateway::start(directory);
    let control = Control::start(options(directory, &[&gateway.socket]));
    gateway.wait("the first commit", |seen| seen.commits == 1);
    (gateway, control)
}

fn bundle(tenant: &str, host: &str, canary: &str) -> String {
    format!(
        r#"
apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {tenant} }}
upstreams:
  web:
    variants:
      stable: {{ addresses: ["127.0.0.1:9001"] }}
      canary: {{ addresses: ["127.0.0.1:9002"] }}
routes:
  - {{ name: web, hostnames: [{host}], rules: [{{ release: web-v2 }}] }}
releases:
  web-v2:
    upstream: web
    default: {{ split: {{ canary: {canary} }} }}
"#
    )
}

#[test]
fn the_quick_start_registration_reaches_the_gateway_before_it_is_answered() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let answer = control.register(CANARY);
    assert_eq!(answer.status, 201, "{answer:?}");
    let seen = gateway.wait("nothing", |_| true);
    assert_eq!(
        answer.json(),
        json!({
            "id": "user-api@127.0.0.1:8000", "service": "user-api", "addr": "127.0.0.1:8000",
            "metadata": { "version": "v2.1", "group": "canary", "weight": 30 },
            "group": "canary", "weight": 30, "applied": true,
        })
    );
    assert_eq!(answer.headers["halftone-applied"], "true");
    assert_eq!(answer.headers["location"], "/v1/instances/user-api@127.0.0.1:8000");
    assert_eq!(seen.of("user-api", "canary"), ["127.0.0.1:8000"]);
    assert_eq!(seen.of("user-api", "stable"), ["127.0.0.1:8000"], "--upstream");
    assert_eq!(seen.rules.overrides, ["x-release-group", "x-release-stage"]);
    assert!(seen.rules.variants.contains(&"implicit/user-api/canary".to_owned()));
}

#[test]
fn an_instance_change_that_leaves_the_rules_publishes_instances_only() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    control.register(CANARY);
    let before = gateway.wait("nothing", |_| true);
    let heavier = CANARY.replace("30", "60");
    let answer = control.register(&heavier);
    assert_eq!((answer.status, &answer.json()["applied"]), (200, &json!(true)), "{answer:?}");
    let second = CANARY.replace(":8000", ":8001");
    assert_eq!(control.register(&second).status, 201);
    let after = gateway.wait("nothing", |_| true);
    assert_eq!(after.of("user-api", "canary"), ["127.0.0.1:8000", "127.0.0.1:8001"]);
    assert_eq!(after.prepared.0, before.prepared.0);
    assert_eq!(after.prepared.1, before.prepared.1 + 2);
    assert_eq!(after.rules, before.rules);

    // The same again changes nothing, and is served already.
    let again = control.register(&second);
    assert_eq!((again.status, &again.json()["applied"]), (200, &json!(true)));
    assert_eq!(gateway.wait("nothing", |_| true).commits, after.commits);

    assert_eq!(control.get("/v1/instances").json().as_array().map(Vec::len), Some(2));
    assert_eq!(control.get("/v1/instances/user-api@127.0.0.1:8001").status, 200);
    for status in [204, 404] {
        assert_eq!(control.delete("/v1/instances/user-api@127.0.0.1%3A8001").status, status);
    }
    assert_eq!(gateway.wait("nothing", |_| true).of("user-api", "canary"), ["127.0.0.1:8000"]);
}

#[test]
fn a_bundle_replaces_the_implicit_one_and_gives_way_again() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let answer = control.put_bundle("shop", &bundle("shop", "shop.example", "20%"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let put = answer.json();
    assert_eq!(put["applied"], true);
    let seen = gateway.wait("nothing", |_| true);
    assert_eq!(seen.rules.revision, put["revision"].as_u64().expect("a number"));
    assert_eq!(Some(seen.rules.digest.as_str()), put["digest"].as_str());
    assert_eq!(seen.rules.hosts, ["shop.example"]);
    assert_eq!(seen.instances["shop/web/canary"], ["127.0.0.1:9002"]);

    let shown = control.get("/v1/tenants/shop/bundle");
    assert_eq!(shown.headers["etag"], format!("\"{}\"", seen.rules.digest));
    assert_eq!(shown.json()["metadata"]["tenant"], "shop");
    // Spelling is no change: the canonical form, as JSON, is the same bundle.
    let json = Some("application/json; charset=utf-8");
    let same = control.call("PUT", "/v1/tenants/shop/bundle", json, shown.text.as_bytes());
    assert_eq!(same.json(), put, "{same:?}");

    let other = control.put_bundle("blog", &bundle("blog", "shop.example", "1%"));
    assert_eq!(other.status, 409, "{other:?}");
    assert!(other.text.contains("shop.example"), "{other:?}");
    assert_eq!(control.delete("/v1/tenants/shop/bundle").status, 204);
    assert_eq!(control.get("/v1/tenants/shop/bundle").status, 404);
    let seen = gateway.wait("nothing", |_| true);
    assert_eq!(seen.rules.hosts, [""; 0]);
    assert!(seen.rules.revision > put["revision"].as_u64().expect("a number"));
    assert_eq!(control.put_bundle("blog", &bundle("blog", "shop.example", "1%")).status, 200);
}

#[test]
fn a_rejection_is_shown_and_not_repeated_until_something_changes() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    gateway.reject(Some("too strange"));
    let answer = control.put_bundle("shop", &bundle("shop", "shop.example", "20%"));
    assert_eq!((answer.status, &answer.json()["applied"]), (200, &json!(false)), "{answer:?}");
    let refused = gateway.wait("nothing", |_| true);
    assert_eq!(refused.commits, 1);
    let shown = control.get("/v1/gateways").json();
    assert_eq!(shown[0]["rejected"], "too strange", "{shown}");
    assert_eq!(shown[0]["connected"], true);

    gateway.reject(None);
    // No variant selects it, so the tables are those that were rejected.
    let answer = control.register(CANARY);
    assert_eq!(answer.json()["applied"], false, "{answer:?}");
    assert_eq!(gateway.wait("nothing", |_| true).prepared, refused.prepared);
    let answer = control.put_bundle("shop", &bundle("shop", "shop.example", "30%"));
    assert_eq!(answer.json()["applied"], true, "{answer:?}");
    let seen = gateway.wait("nothing", |_| true);
    assert_eq!(seen.prepared.0, refused.prepared.0 + 1);
    assert_eq!(seen.rules.hosts, ["shop.example"]);
    assert_eq!(control.get("/v1/gateways").json()[0].get("rejected"), None);
}

#[test]
fn rules_of_another_peer_are_replaced() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    control.register(CANARY);
    let before = gateway.wait("nothing", |_| true);
    gateway.interfere();
    let answer = control.register(&CANARY.replace("30", "31"));
    assert_eq!(answer.json()["applied"], true, "{answer:?}");
    let after = gateway.wait("nothing", |_| true);
    assert_eq!((after.rules, after.commits), (before.rules, before.commits + 2));
}

#[test]
fn a_flood_of_changes_ends_at_the_newest_state() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    std::thread::scope(|scope| {
        for client in 0..8u16 {
            let control = &control;
            scope.spawn(move || {
                for at in 0..25 {
                    let addr = format!("127.0.0.1:{}", 9000 + client * 100 + at);
                    let answer = control.register(&CANARY.replace("127.0.0.1:8000", &addr));
                    assert_eq!(answer.status, 201, "{answer:?}");
                }
            });
        }
    });
    let seen = gateway.wait("every instance", |seen| seen.of("user-api", "canary").len() == 200);
    assert_eq!(seen.prepared.0, 2, "the rules changed once, with the first registration");
}

#[test]
fn a_reconnect_publishes_both_tables_again() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    control.register(CANARY);
    let before = gateway.wait("nothing", |_| true);
    gateway.disconnect();
    let after = gateway.wait("a commit of a new connection", |seen| seen.commits > before.commits);
    assert_eq!(after.greeted, before.greeted + 1);
    assert_eq!(after.prepared, (before.prepared.0 + 1, before.prepared.1 + 1));
    assert_eq!((&after.rules, &after.instances), (&before.rules, &before.instances));
    let stable = CANARY.replace("canary", "stable");
    assert_eq!(control.register(&stable).status, 200);
    gateway.wait("the later change", |seen| seen.of("user-api", "stable") == ["127.0.0.1:8000"]);
}

#[test]
fn a_restart_keeps_everything_and_numbers_go_on() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    control.register(CANARY);
    let put = control.put_bundle("shop", &bundle("shop", "shop.example", "20%")).json();
    let (instances, text) =
        (control.get("/v1/instances").text, control.get("/v1/tenants/shop/bundle").text);
    let before = gateway.wait("nothing", |_| true);
    control.stop();

    let control = Control::start(options(directory.path(), &[&gateway.socket]));
    let after = gateway.wait("a commit", |seen| seen.commits > before.commits);
    assert_eq!(control.get("/v1/instances").text, instances);
    assert_eq!(control.get("/v1/tenants/shop/bundle").text, text);
    assert_eq!((&after.rules, &after.instances), (&before.rules, &before.instances));
    let next = control.put_bundle("shop", &bundle("shop", "shop.example", "30%")).json();
    assert!(next["revision"].as_u64() > put["revision"].as_u64(), "{next}");
    assert_eq!(next["applied"], true);
}

#[test]
fn gateways_are_shown_with_statistics_and_without_distributions() {
    let directory = directory();
    let gateway = Gateway::start(directory.path());
    let missing = directory.path().join("missing.sock");
    let control = Control::start(options(directory.path(), &[&gateway.socket, &missing]));
    gateway.wait("the first commit", |seen| seen.commits == 1);
    // One gateway that is away does not make a change unserved.
    assert_eq!(control.register(CANARY).json()["applied"], true);
    let shown = poll(&control, "/v1/gateways", |shown| {
        shown[0].get("stats").is_some() && shown[1].get("error").is_some()
    });
    let (first, second) = (&shown[0], &shown[1]);
    assert_eq!(first["gateway"]["engine"], "fake");
    assert_eq!(first["workers"][1]["appliedNs"], 1001);
    for epoch in ["rulesEpoch", "instancesEpoch"] {
        assert_eq!(first["workers"][1][epoch], first[epoch], "{epoch}");
    }
    assert_eq!(first["controlPlanes"], 1);
    let variant = &first["stats"]["variants"]["implicit/user-api/canary"];
    assert_eq!((&variant["requests"], variant.get("histogram")), (&json!(1), None));
    assert_eq!(second["connected"], false);
    assert!(second["error"].as_str().is_some_and(|error| error.contains("missing.sock")));
    let full = control.get("/v1/gateways?histograms=true").json();
    assert!(full[0]["stats"]["variants"]["implicit/user-api/canary"]["histogram"].is_string());
    assert_eq!(control.get("/healthz").json(), json!({ "status": "ok" }));
}

fn poll(control: &Control, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let value = control.get(path).json();
        if condition(&value) {
            return value;
        }
        assert!(std::time::Instant::now() < deadline, "{path} still is {value:#}");
        std::thread::yield_now();
    }
}

#[test]
fn without_a_gateway_changes_are_stored_and_not_applied() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let answer = control.register(CANARY);
    assert_eq!((answer.status, &answer.json()["applied"]), (201, &json!(false)));
    assert_eq!(answer.headers["halftone-applied"], "false");
}

#[test]
fn an_api_for_everyone_and_a_store_in_use_are_refused() {
    let directory = directory();
    let mut open = options(directory.path(), &[]);
    open.api = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = run_until(open, |_| (), async {}).expect_err("refused");
    assert!(matches!(refused, ControlError::NotLoopback(_)));
    assert!(refused.to_string().contains("no authentication yet"));

    let _control = Control::start(options(directory.path(), &[]));
    let refused = run_until(options(directory.path(), &[]), |_| (), async {}).expect_err("refused");
    assert!(refused.to_string().contains("another control plane"), "{refused}");
}
