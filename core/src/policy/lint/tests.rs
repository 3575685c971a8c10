//! What is warned about, and what is not.

use serde_json::{Value, json};

use super::*;

fn warnings(release: &Value) -> Vec<String> {
    let bundle: Bundle = serde_json::from_value(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
        "attributes": {
            "user.level": { "type": "string", "alias": "level", "from": [{ "header": "x-level", "trusted": true }] },
            "user.age": { "type": "int", "alias": "age", "from": [{ "header": "x-user-age" }] },
            "user.id": { "type": "string", "from": [{ "cookie": "uid" }, { "header": "x-id", "trusted": true }] },
            "user.sid": { "type": "string", "from": [{ "cookie": "sid", "signed": true }] },
            "user.staff": { "type": "bool", "from": [{ "jwt": "staff" }, { "jwt": "a.b", "issuer": "me" }] },
            "user.tier": { "type": "string", "from": [{ "tags": "tier" }] },
            "geo.city": { "type": "string", "from": [{ "geoip": "city" }] },
            "geo.lat": { "type": "double", "from": [{ "query": "lat" }] },
            "geo.lon": { "type": "double", "from": [{ "tags": "lon" }, { "header": "x-lon", "trusted": true }] },
            "geo.cell": { "type": "string", "from": [{ "geohash": 5 }] },
            "device.os": { "type": "string", "from": [{ "device": "os" }] },
            "app": { "type": "string", "from": [{ "cookie": "app" }, { "pathSegment": 1 }] },
        },
        "segments": { "grown-up": { "when": "age > 18" }, "some": { "when": "grown_up() || app == 'x'" }, "staff": { "members": "staff" } },
        "releases": { "r": release },
    }))
    .expect("the shape is right");
    lint(&bundle).iter().map(ToString::to_string).collect()
}

fn check(overrides: &Value, target: Value, expected: &[&str]) {
    let mut targets = vec![json!({ "id": "t", "match": {} })];
    if let Value::Object(fields) = target {
        fields.into_iter().for_each(|(name, value)| targets[0][name] = value);
    }
    let release = json!({ "upstream": "u", "overrides": overrides, "targets": targets,
        "default": { "variant": "stable" } });
    let found = warnings(&release);
    assert_eq!(found.len(), expected.len(), "{release}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found:?} has not {expected:?}");
    }
}

#[test]
fn variants_granted_on_what_a_client_can_write() {
    let header = json!({ "headers": [{ "name": "x-qa", "value": "1" }] });
    let beta = json!([{ "name": "beta", "value": "1" }]);
    let over = |requires: &str| json!([{ "header": "X-Release-Group", "requires": requires }]);
    let none = json!([]);

    check(&over("trusted"), json!({}), &[]);
    check(&over("signed"), json!({}), &[]);
    check(&over("any"), json!({}), &["releases.r.overrides[0].requires: any client may take"]);
    check(&none, json!({ "match": header, "variant": "stable" }), &[]);
    check(
        &none,
        json!({ "match": header, "variant": "canary" }),
        &[
            "releases.r.targets[0].match.headers: any client may take variant \"canary\" by sending the header \"x-qa\"",
        ],
    );
    for field in ["cookies", "queryParams"] {
        let target = json!({ "match": { field: beta }, "variant": "canary" });
        check(&none, target, &[&format!("targets[0].match.{field}: any client")]);
    }
    let both =
        json!({ "match": { "headers": beta, "cookies": beta }, "split": { "canary": "5%" } });
    check(&none, both, &["the header \"beta\" and the cookie \"beta\""]);
    check(&none, json!({ "match": header, "split": "scheduled" }), &["a part of"]);
    check(&none, json!({ "match": header, "split": { "canary": "0%" } }), &[]);
    // What is asked for, and from where, is not what a client says of itself.
    let place = json!({ "path": { "type": "Exact", "value": "/b" }, "hostnames": ["b.example"] });
    check(&none, json!({ "match": place, "variant": "canary" }), &[]);
    let office =
        json!({ "headers": [{ "name": "x-qa", "value": "1" }], "sourceRanges": ["10.0.0.0/8"] });
    check(&none, json!({ "match": office, "variant": "canary" }), &[]);
}

#[test]
fn variants_granted_by_what_an_expression_reads() {
    let none = json!([]);
    for (when, expected) in [
        (
            "level == 'gold' && request.path.startsWith('/b') && client.ip.inCidr('10.0.0.0/8')",
            &[][..],
        ),
        (
            "level == 'gold' && age > 18",
            &[
                "targets[0].when: any client may take variant \"canary\" by sending the header \"x-user-age\"; use",
            ],
        ),
        ("user.sid == 'u7'", &[]),
        ("segment('some')", &["the cookie \"app\" or the header \"x-user-age\""]),
        ("staff()", &["by sending the cookie \"uid\"; use"]),
        ("'x-qa' in request.headers", &["the header \"x-qa\""]),
        (
            "request.cookies['a'] == request.query['b']",
            &["the cookie \"a\" or the query parameter \"b\""],
        ),
        ("user.tier == 'gold'", &["by sending the cookie \"uid\"; use"]),
        ("geo.city == 'Beijing'", &[]),
        (
            "geo.within(1, 2, 3)",
            &["by sending the cookie \"uid\" or the query parameter \"lat\"; use"],
        ),
        ("geohash.startsWith('wtw3')", &["the query parameter \"lat\""]),
        ("geo.cell == 'wtw3e'", &["the cookie \"uid\" or the query parameter \"lat\""]),
        // Which software asks is no privilege; a header that says the same is one that anybody sends.
        ("device.os == 'android'", &[]),
        ("request.headers['user-agent'].contains('Android')", &["the header \"user-agent\""]),
        ("age >", &[]),
    ] {
        check(&none, json!({ "match": null, "when": when, "variant": "canary" }), expected);
        check(&none, json!({ "match": null, "when": when, "variant": "stable" }), &[]);
    }
}

#[test]
fn cells_that_a_client_can_choose() {
    let none = json!([]);
    let table = |cell: Value| json!({ "a": cell });
    for (levels, cell, expected) in [
        (json!(["user.level"]), json!({ "weight": "1%" }), &[][..]),
        (json!(["device.os"]), json!({ "weight": "1%" }), &[]),
        (json!(["app"]), json!({ "weight": "0%" }), &[]),
        (json!(["app"]), json!({ "variant": "stable" }), &[]),
        (
            json!(["app"]),
            json!({ "weight": "1%" }),
            &["targets[0].nested: any client may choose its cell by sending the cookie"],
        ),
        (json!(["app"]), json!({ "split": "scheduled" }), &["the cookie \"app\""]),
        (json!(["user.tier"]), json!({ "weight": "1%" }), &["the cookie \"uid\""]),
        (json!(["geo.city"]), json!({ "weight": "1%" }), &[]),
        (json!(["geo.cell"]), json!({ "weight": "1%" }), &["the query parameter \"lat\""]),
    ] {
        check(&none, json!({ "match": null, "nested": levels, "table": table(cell) }), expected);
    }
}

#[test]
fn releases_of_one_chain_have_what_another_decides_for() {
    let check = |pay: Value, key: &str, expected: &[&str]| {
        let variant = json!({ "addresses": ["127.0.0.1:1"] });
        let variants = |canary: &str| json!({ "variants": { "stable": variant, canary: variant } });
        let mut bundle = json!({
            "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
            "upstreams": { "cart": variants("canary"), "pay": variants("beta") },
            "releases": {
                "cart-v2": { "upstream": "cart", "propagate": { "baggage": "release.shop" },
                    "default": { "variant": "stable" } },
                "pay-v2": { "upstream": "pay", "propagate": { "baggage": key },
                    "default": { "variant": "stable" } } },
        });
        for (field, value) in pay.as_object().expect("a map") {
            bundle["releases"]["pay-v2"][field] = value.clone();
        }
        let bundle: Bundle = serde_json::from_value(bundle).expect("the shape is right");
        let found: Vec<String> = lint(&bundle).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    };
    let cart = "releases.cart-v2.propagate.baggage: \"cart\" has no variant \"beta\", which release \"pay-v2\" of the same chain may decide for: such requests go to stable";
    let pay = "releases.pay-v2.propagate.baggage: \"pay\" has no variant \"canary\", which release \"cart-v2\" of the same chain may decide for: such requests go to stable";
    check(json!({ "canary": "beta" }), "release.shop", &[cart, pay]);
    check(json!({}), "release.shop", &[pay]);
    check(json!({ "upstream": "cart" }), "release.shop", &[]);
    check(json!({}), "release.other", &[]);
    check(json!({ "upstream": "nowhere" }), "release.shop", &[]);
}
