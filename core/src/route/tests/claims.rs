//! Decisions by what a caller's token says.

use serde_json::json;

use super::*;
use crate::signal::jwt::ClaimReader;

/// A token that `one` has issued; every claim of it is asked for by name.
#[derive(Debug)]
struct Token(&'static [(&'static str, &'static str)]);

impl ClaimReader for Token {
    fn claim(&self, name: &str, issuer: Option<&str>) -> Option<&str> {
        if issuer.is_some_and(|issuer| issuer != "one") {
            return None;
        }
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }
}

/// Knows the level of one user.
#[derive(Debug)]
struct Level;

impl TagReader for Level {
    fn tag(&self, _: &str, id: &str, name: &str) -> Option<&str> {
        (id == "u7" && name == "level").then_some("gold")
    }
}

fn decide(when: &str, claims: &'static [(&'static str, &'static str)]) -> Decision {
    let table = table(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "attributes": {
            "user.id": { "type": "string", "from": [{ "jwt": "sub" }] },
            "user.age": { "type": "int", "alias": "age", "from": [{ "jwt": "age" }] },
            "user.staff": { "type": "bool", "alias": "staff", "from": [{ "jwt": "staff", "issuer": "one" }], "default": false },
            "user.guest": { "type": "bool", "alias": "guest", "from": [{ "jwt": "staff", "issuer": "two" }] },
            "user.level": { "type": "string", "alias": "level", "from": [{ "tags": "level" }] },
        },
        "upstreams": { "u": upstream() },
        "routes": [{ "name": "r", "rules": [{ "release": "v" }] }],
        "releases": { "v": { "upstream": "u", "unit": ["user.id"], "unitMissing": "stable",
            "default": { "split": { "canary": "50%" } },
            "targets": [{ "id": "t", "when": when, "variant": "canary" }] } },
    }));
    let (bare, token) = (Bare::default(), Token(claims));
    let view = RequestView { tags: &Level, claims: &token, ..bare.view() };
    route(table.rules(), &view, 0, 0).expect("a route")
}

#[test]
fn a_claim_decides() {
    let user = &[("sub", "u7"), ("age", "41"), ("staff", "true")][..];
    for (when, claims, expected) in [
        ("age > 18", user, true),
        ("age > 41", user, false),
        ("staff", user, true),
        ("has(guest)", user, false),
        ("staff", &[], false),
        ("has(age)", &[], false),
        ("has(age)", &[("age", "old")], false),
        ("level == 'gold'", user, true),
        ("level == 'gold'", &[("sub", "u8")], false),
    ] {
        let taken = decide(when, claims).reason == Reason::TargetingMatch;
        assert_eq!(taken, expected, "{when} {claims:?}");
    }
}

#[test]
fn a_claim_is_a_bucketing_key() {
    let decision = decide("false", &[("sub", "u7")]);
    assert_eq!(decision.bucket, Some(crate::bucket::bucket(b"v", b"u7")));
    assert_eq!(decide("false", &[]).bucket, None);
}
