//! Equal wishes have equal digests, and other wishes other ones.

use serde_json::{Value, json};

use super::*;
use crate::policy::validate;

fn plain() -> Value {
    json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
        "attributes": { "user.id": { "type": "string", "from": [{ "header": "x-user" }] } },
        "upstreams": { "web": { "variants": {
            "stable": { "select": { "service": "web", "level": 30 } },
            "canary": { "addresses": ["127.0.0.1:1"] },
        } } },
        "routes": [{ "name": "web", "rules": [
            { "matches": [{ "headers": [{ "name": "x-a", "value": "A" }] }], "release": "r" },
        ] }],
        "releases": { "r": {
            "upstream": "web", "overrides": [{ "header": "x-group" }],
            "targets": [
                { "id": "qa", "match": { "headers": [{ "name": "x-qa", "value": "1" }],
                    "cookies": [{ "name": "qa", "value": "1" }] },
                  "variant": "canary", "expiresAt": "2027-01-31T00:00:00Z" },
            ],
            "default": { "split": { "canary": "20%" } },
        } },
    })
}

fn read(value: Value) -> Bundle {
    let bundle: Bundle = serde_json::from_value(value).expect("a bundle");
    assert_eq!(validate(&bundle), []);
    bundle
}

/// Returns the bundle with one value put in.
fn with(pointer: &str, value: Value) -> Bundle {
    let mut bundle = plain();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match bundle.pointer_mut(parent).expect("the parent is there") {
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        other => other[key] = value,
    }
    read(bundle)
}

#[test]
fn what_is_served_alike_has_one_digest() {
    let expected = digest(&read(plain()));
    for (pointer, value) in [
        ("/releases/r/salt", json!("r")),
        ("/releases/r/canary", json!("canary")),
        ("/releases/r/unit", json!(["client.ip"])),
        ("/releases/r/unitMissing", json!("stable")),
        ("/releases/r/stickiness", json!("hash")),
        ("/releases/r/disabled", json!(false)),
        ("/releases/r/onNoHealthy", json!({ "canary": "fallback-stable" })),
        ("/releases/r/onNoHealthy", json!({ "stable": "fail", "canary": "fallback-stable" })),
        ("/releases/r/overrides/0", json!({ "header": "X-Group", "requires": "trusted" })),
        ("/releases/r/targets/0/match/headers/0/name", json!("X-QA")),
        ("/releases/r/targets/0/match/headers/0/type", json!("Exact")),
        ("/releases/r/targets/0/expiresAt", json!("2027-01-31T08:00:00+08:00")),
        ("/releases/r/default/split/canary", json!(20)),
        ("/routes/0/hostnames", json!([])),
        ("/routes/0/rules/0/matches/0/headers/0/name", json!("X-a")),
        ("/routes/0/rules/0/timeouts", json!({})),
        ("/routes/0/rules/0/limits", json!({})),
        ("/attributes/user.id/from/0", json!({ "header": "X-User", "trusted": false })),
        ("/upstreams/web/variants/stable/select/level", json!("30")),
        ("/upstreams/web/timeouts", json!({})),
    ] {
        assert_eq!(digest(&with(pointer, value.clone())), expected, "{pointer}: {value}");
    }
}

#[test]
fn what_is_served_otherwise_has_another() {
    let one = digest(&read(plain()));
    for (pointer, value) in [
        ("/releases/r/salt", json!("R")),
        ("/releases/r/onNoHealthy", json!({ "canary": "fail" })),
        ("/releases/r/targets/0/match/headers/0/value", json!("2")),
        ("/releases/r/targets/0/match/cookies/0/name", json!("QA")),
        ("/routes/0/rules/0/matches/0/headers/0/value", json!("a")),
        ("/routes/0/rules/0/timeouts", json!({ "request": "0s" })),
        ("/upstreams/web/variants/stable/select/level", json!(31)),
    ] {
        assert_ne!(digest(&with(pointer, value.clone())), one, "{pointer}: {value}");
    }
}

#[test]
fn the_canonical_form_reads_back_as_itself() {
    let bundle = read(plain());
    let text = canonical_text(&bundle);
    let again: Bundle = serde_json::from_str(&text).expect("a bundle");
    assert_eq!(validate(&again), []);
    assert_eq!(canonical_text(&again), text);
    for part in
        [r#""salt":"r""#, r#""stable":"fail""#, r#""level":"30""#, r#""requires":"trusted""#]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn runs_follow_from_the_list_alone() {
    let mut bundle = read(plain());
    let route = (*bundle.routes[0]).clone();
    let routes = |range: std::ops::Range<usize>| {
        range.map(|at| std::sync::Arc::new(Route { name: format!("r{at}"), ..route.clone() }))
    };
    bundle.routes = routes(0..3000).collect();
    let before = Canonical::of(&bundle);
    assert!(before.routes.len() > 5, "{:?}", before.routes);
    let mut after = bundle.clone();
    for (place, new) in [(0, 5000), (1500, 5001), (3002, 5002)] {
        after.routes.splice(place..place, routes(new..new + 1));
    }
    after.routes.remove(700);
    let next = before.after(&bundle, &after);
    assert_eq!(next, Canonical::of(&after));
    let known = before.routes.iter().map(|run| *run.digest()).collect::<Vec<_>>();
    let new = next.routes.iter().filter(|run| !known.contains(run.digest())).count();
    assert!((1..=8).contains(&new), "{new} of {}", next.routes.len());
}
