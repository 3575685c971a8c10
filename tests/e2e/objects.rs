//! One object of a bundle at a time, up to the request that meets it.

use serde_json::{Value, json};

use crate::{
    on_each_engine,
    stack::{Engine, Stack, halftone},
    upstream::Upstream,
};

const BUNDLE: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
attributes: { user.age: { type: int, from: [{ header: x-age, trusted: true }], alias: age } }
segments: { adults: { when: age > 18 } }
upstreams:
  web: { variants: { stable: { addresses: ["STABLE"] }, canary: { addresses: ["CANARY"] } } }
routes: [ { name: all, rules: [ { release: web-v2 } ] } ]
releases:
  web-v2:
    upstream: web
    targets: [{ id: adults, when: adults(), variant: canary }]
    default: { variant: stable }
"#;

on_each_engine! {
    fn each_object_is_served_when_it_is_answered(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &[]);
        let bundle = BUNDLE.replace("STABLE", &stable.address().to_string());
        stack.api.put_bundle("shop", &bundle.replace("CANARY", &canary.address().to_string()));
        let put = |object: &str, body: Value| {
            let path = format!("/v1/tenants/shop/bundle/{object}");
            let (status, told) = stack.api.call("PUT", &path, &body.to_string()).expect("an answer");
            assert_eq!((status, &told["applied"]), (200, &json!(true)), "{object}: {told}");
        };
        let of_age = |age: &str| stack.get(&[("X-Age", age)]).text();
        assert_eq!((of_age("17"), of_age("20")), ("stable".to_owned(), "canary".to_owned()));
        put("segments/adults", json!({ "when": "age > 20" }));
        assert_eq!((of_age("20"), of_age("21")), ("stable".to_owned(), "canary".to_owned()));
        put("releases/web-v2", json!({ "upstream": "web", "default": { "variant": "canary" } }));
        assert_eq!(of_age("1"), "canary");
        put("routes/first", json!({ "name": "first", "rules": [
            { "matches": [{ "path": { "type": "Exact", "value": "/" } }], "upstream": "web" } ] }));
        assert_eq!(of_age("1"), "stable");
        let path = "/v1/tenants/shop/bundle/routes/first";
        assert_eq!(stack.api.call("DELETE", path, "").expect("an answer").0, 200);
        assert_eq!(of_age("1"), "canary");
    }
}

/// No figure is asserted: only that every change is made and served, and nothing is lost meanwhile.
#[test]
fn changes_of_a_large_bundle_are_measured() {
    let output = halftone(&["bench", "scale", "--json", "--routes", "300", "--hosts", "30"])
        .args(["--targets", "50", "--releases", "10", "--segments", "5", "--changes", "3"])
        .args(["--load", "100"])
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let changes = report["changes"].as_array().expect("a list");
    assert_eq!(changes.len(), 4, "{report:#}");
    for change in changes {
        assert_eq!(
            (&change["visible"], &change["load"]["failed"]),
            (&json!(3), &json!(0)),
            "{change:#}"
        );
        for stages in [&change["stages_ms"], &change["slowest_ms"]] {
            for stage in ["judge", "compile", "write", "check", "digest", "store", "apply"] {
                assert!(stages[stage].is_number(), "{stage}: {change:#}");
            }
        }
    }
}
