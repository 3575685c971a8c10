//! One valid bundle, and one fault at a time in it.

use serde_json::{Value, json};

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn nested(levels: Value, table: Value) -> Value {
    json!({ "id": "m", "nested": levels, "table": table })
}

fn valid() -> Value {
    json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
        "attributes": { "user.id": { "type": "string", "from": [{ "header": "x-user-id", "trusted": true }, { "cookie": "uid" }] } },
        "upstreams": { "user-api": { "timeouts": { "connect": "1s", "firstByte": "15s", "idle": "60s" }, "variants": {
            "stable": { "select": { "service": "user-api", "group": "stable" } },
            "canary": { "addresses": ["127.0.0.1:8001"] }
        } } },
        "routes": [{ "name": "user", "hostnames": ["api.example.com", "*.example.com"], "rules": [
            { "matches": [{ "path": { "type": "PathPrefix", "value": "/user" } }], "release": "user-v2",
              "timeouts": { "request": "30s" }, "limits": { "bodyBytes": "10MiB" } },
            { "upstream": "user-api" }
        ] }],
        "releases": { "user-v2": { "upstream": "user-api", "unit": ["user.id", "client.ip"],
            "overrides": [{ "header": "X-Release-Group", "requires": "trusted" }],
            "propagate": { "baggage": "release.user-v2" },
            "targets": [
                { "id": "qa", "match": { "method": "GET", "cookies": [{ "name": "qa", "value": "1" }],
                    "hostnames": ["*.example.com"], "sourceRanges": ["10.0.0.0/8", "fd00::/8"] },
                  "variant": "canary", "expiresAt": "2027-01-31T00:00:00Z" },
                { "id": "beta", "match": { "headers": [{ "name": "X-Beta", "type": "Exact", "value": "1" }] },
                  "split": "scheduled" } ],
            "default": { "split": { "canary": "20%" } } } }
    })
}

fn problems(value: Value) -> Vec<String> {
    let bundle: Bundle = serde_json::from_value(value).expect("the shape is right");
    validate(&bundle).iter().map(ToString::to_string).collect()
}

#[test]
fn a_valid_bundle_has_no_problem() {
    assert_eq!(problems(valid()), Vec::<String>::new());
}

#[test]
fn each_fault_is_named() {
    for (pointer, value, expected) in [
        ("/kind", json!("Gateway"), "kind: expected \"Bundle\""),
        ("/metadata/tenant", json!("a b"), "metadata.tenant: expected letters"),
        ("/metadata/tenant", json!("implicit"), "metadata.tenant: \"implicit\" stands for"),
        (
            "/segments",
            json!({ "a": { "members": "a b" } }),
            "segments.a.members: expected the name of a list",
        ),
        (
            "/segments",
            json!({ "a": { "members": "a", "when": "true" } }),
            "segments.a: expected exactly one of when, members",
        ),
        ("/segments", json!({ "a": {} }), "segments.a: expected exactly one of when, members"),
        ("/segments", json!({ "a": { "when": "b()" } }), "segments.a.when: 1:2: unknown segment"),
        (
            "/segments",
            json!({ "a-b": { "when": "true" }, "a.b": { "when": "true" } }),
            "segments.a.b: is called like \"a-b\"",
        ),
        ("/attributes/user.id/alias", json!("a-b"), "alias: expected letters"),
        ("/attributes/user.id/alias", json!("request"), "has a meaning in expressions already"),
        ("/attributes/user.id/alias", json!("user.id"), "expected letters"),
        ("/attributes/user.id/type", json!("float"), ""),
        (
            "/attributes/user.id/from",
            json!([{ "header": "a", "cookie": "b" }]),
            "from[0]: expected exactly one of header",
        ),
        ("/attributes/user.id/from", json!([{ "pathSegment": 0 }]), "expected 1 to 64, got 0"),
        ("/attributes/user.id/from", json!([{ "request": "body" }]), ""),
        (
            "/attributes/user.id/from",
            json!([{ "tags": "id" }]),
            "from[0].tags: tags are looked up by user.id, which cannot be one of them",
        ),
        (
            "/attributes",
            json!({ "user.level": { "type": "string", "from": [{ "tags": "level" }] } }),
            "from[0].tags: tags are looked up by the attribute user.id: declare it",
        ),
        (
            "/attributes/user.level",
            json!({ "type": "string", "from": [{ "tags": "a b" }] }),
            "user.level.from[0].tags: expected letters",
        ),
        (
            "/attributes/user.age",
            json!({ "type": "int", "from": [{ "query": "age" }], "default": "old" }),
            "default: expected a whole number of 64 bits, as the type says, got \"old\"",
        ),
        (
            "/attributes/user.id/from",
            json!([{ "jwt": "" }]),
            "jwt: expected a claim of 1 to 253 bytes",
        ),
        ("/attributes/user.id/from", json!([{ "jwt": "a\nb" }]), "jwt: expected a claim"),
        ("/attributes/user.id/from", json!([{ "jwt": true }]), ""),
        (
            "/attributes/user.id/from",
            json!([{ "jwt": "sub", "header": "x-user" }]),
            "from[0]: expected exactly one of header",
        ),
        (
            "/attributes/user.id/from",
            json!([{ "header": "x-user", "issuer": "https://id" }]),
            "from[0].issuer: only claims have an issuer: name one by jwt",
        ),
        (
            "/attributes/user.id/from",
            json!([{ "jwt": "sub", "issuer": "" }]),
            "from[0].issuer: expected an issuer of 1 to 512 bytes",
        ),
        (
            "/attributes/user.age",
            json!({ "type": "int", "from": [{ "geoip": "city" }] }),
            "user.age.from[0]: city is of type string, the attribute is of type int",
        ),
        (
            "/attributes/device.os",
            json!({ "type": "int", "from": [{ "header": "x-os" }, { "device": "os" }] }),
            "device.os.from[1].device: \"os\" is text; expected type string",
        ),
        (
            "/attributes/device.major",
            json!({ "type": "bool", "from": [{ "device": "osMajor" }] }),
            "device.major.from[0].device: \"osMajor\" is text; expected type string, int or double",
        ),
        ("/attributes/user.id/from", json!([{ "device": "os_version" }]), ""),
        (
            "/attributes/user.id/from",
            json!([{ "device": "os", "header": "a" }]),
            "from[0]: expected exactly one of header",
        ),
        (
            "/attributes/user.id/from",
            json!([{ "geoip": "asn" }]),
            "user.id.from[0]: asn is of type int, the attribute is of type string",
        ),
        (
            "/attributes/user.id/from",
            json!([{ "geoip": "country", "lang": "zh-CN" }]),
            "from[0].lang: only continentName, countryName, province, city have a language",
        ),
        (
            "/attributes/user.id/from",
            json!([{ "header": "x-city", "lang": "zh-CN" }]),
            "from[0].lang: only names that come from geoip have a language",
        ),
        (
            "/attributes/user.id/from",
            json!([{ "geohash": 5 }]),
            "user.id.from[0].geohash: many users share a cell",
        ),
        (
            "/attributes/cell",
            json!({ "type": "string", "from": [{ "geohash": 13 }] }),
            "cell.from[0].geohash: expected 1 to 12 letters, got 13",
        ),
        (
            "/attributes/geo.lat",
            json!({ "type": "double", "from": [{ "header": "x-lat" }] }),
            "attributes.geo.lat: a position has two sides: declare geo.lon, too",
        ),
        (
            "/attributes/geo.lat",
            json!({ "type": "string", "from": [{ "header": "x-lat" }] }),
            "attributes.geo.lat.type: expected double: it is an angle in degrees",
        ),
        (
            "/attributes/geo.lat",
            json!({ "type": "double", "from": [{ "geoip": "latitude" }] }),
            "attributes.geo.lat.from[0]: where the address is stands in by itself",
        ),
        (
            "/releases/user-v2/overrides",
            json!([{ "header": "Content-Length" }]),
            "overrides[0].header: \"Content-Length\" cannot choose a variant",
        ),
        ("/releases/user-v2/upstream", json!("user-apj"), "did you mean \"user-api\"?"),
        ("/releases/user-v2/unit/0", json!("user.di"), "did you mean \"user.id\"?"),
        ("/releases/user-v2/default/split/canary", json!("100.1%"), ""),
        ("/releases/user-v2/default/split/beta", json!("1%"), "unknown variant \"beta\""),
        ("/releases/user-v2/default/split", json!("scheduld"), "expected `scheduled`, or weights"),
        (
            "/releases/user-v2/default/variant",
            json!("stable"),
            "expected exactly one of variant, split",
        ),
        ("/releases/user-v2/canary", json!("stable"), "name another variant"),
        (
            "/releases/user-v2/onNoHealthy",
            json!({ "stable": "fallback-stable" }),
            "nothing to fall",
        ),
        ("/releases/user-v2/onNoHealthy", json!({ "beta": "fail" }), "unknown variant \"beta\""),
        ("/releases/user-v2/onNoHealthy", json!({ "canary": "stable" }), ""),
        ("/releases/user-v2/salt", json!(""), "expected 1 to"),
        ("/releases/user-v2/expiresAt", json!("tomorrow"), ""),
        ("/releases/user-v2/targets/0/id", json!("default"), "the split of everyone else"),
        ("/releases/user-v2/targets/0/id", json!("beta"), "is the id of targets[0] already"),
        (
            "/releases/user-v2/targets/0/when",
            json!("tru"),
            "targets[0].when: 1:1: unknown attribute",
        ),
        ("/releases/user-v2/targets/0/when", json!("true"), "exactly one of match, when, nested"),
        ("/releases/user-v2/targets/0/nested", json!([]), "exactly one of match, when, nested"),
        (
            "/releases/user-v2/targets/0",
            nested(json!([]), json!({ "a": { "weight": "1%" } })),
            "at least one attribute",
        ),
        (
            "/releases/user-v2/targets/0",
            nested(json!(["user.di"]), json!({ "a": { "weight": "1%" } })),
            "nested[0]: unknown attribute \"user.di\"; did you mean \"user.id\"?",
        ),
        ("/releases/user-v2/targets/0", nested(json!(["user.id"]), json!(null)), "expected table"),
        (
            "/releases/user-v2/targets/0",
            nested(json!(["user.id"]), json!({})),
            "table: expected at least one value",
        ),
        (
            "/releases/user-v2/targets/0",
            nested(json!(["user.id", "client.ip"]), json!({ "a": { "weight": "1%" } })),
            "table.a: expected values of client.ip before the cell",
        ),
        (
            "/releases/user-v2/targets/0",
            nested(json!(["user.id"]), json!({ "a": { "b": { "weight": "1%" } } })),
            "table.a: expected a cell",
        ),
        (
            "/releases/user-v2/targets/0",
            nested(json!(["user.id"]), json!({ "a": { "weight": "1%", "variant": "canary" } })),
            "table.a: expected exactly one of weight, variant, split",
        ),
        (
            "/releases/user-v2/targets/0",
            nested(json!(["user.id"]), json!({ "a": { "variant": "canaray" } })),
            "did you mean \"canary\"?",
        ),
        (
            "/releases/user-v2/targets/0",
            nested(json!(["user.id"]), json!({ "a": { "weight": "1%", "b": {} } })),
            "",
        ),
        (
            "/releases/user-v2/targets/0/table",
            json!({ "a": { "weight": "1%" } }),
            "table: expected nested beside it",
        ),
        ("/releases/user-v2/targets/0/split", json!("scheduled"), "one of variant, split"),
        ("/releases/user-v2/targets/0/variant", json!("canaray"), "did you mean \"canary\"?"),
        ("/releases/user-v2/targets/0/match", json!({}), "at least one condition"),
        (
            "/releases/user-v2/targets/0/match/sourceRanges",
            json!(["10.0.0.0/33", "::ffff:10.0.0.0/104"]),
            "sourceRanges[1]: expected an IPv4 range",
        ),
        (
            "/releases/user-v2/targets/0/match/cookies",
            json!([{ "name": "qa", "value": "a b" }]),
            "a cookie's value",
        ),
        (
            "/releases/user-v2/targets/1/split",
            json!({ "canary": "60%", "stable": "40%" }),
            "stable takes the rest",
        ),
        (
            "/releases/user-v2/generation",
            json!(1),
            "generation: counts pins, which only `stickiness: pinned` makes",
        ),
        (
            "/attributes/user.id/from/0/signed",
            json!(true),
            "from[0].signed: only a cookie can be signed: name one",
        ),
        (
            "/releases/user-v2/unit/0",
            json!("device.ids"),
            "unit[0]: unknown attribute \"device.ids\"",
        ),
        (
            "/releases/user-v2/propagate",
            json!({ "baggage": "release%2Euser" }),
            "releases.user-v2.propagate.baggage: expected a key of W3C Baggage",
        ),
        ("/releases/user-v2/propagate", json!({ "baggage": "" }), "expected a key of W3C Baggage"),
        ("/releases/user-v2/propagate", json!({ "baggage": "a b" }), "expected a key of W3C"),
        ("/releases/user-v2/propagate", json!({}), ""),
        ("/releases/user-v2/propagate", json!({ "baggage": "a", "tracestate": "b" }), ""),
        ("/upstreams/user-api/variants/canary/addresses/0", json!("x"), "expected \"ip:port\""),
        ("/routes/0/hostnames/0", json!("API.example.com"), "expected a lower-case host name"),
        ("/routes/0/rules/0/matches/0/path/value", json!("user"), "starts with '/'"),
        ("/routes/0/rules/0/matches/0/path/value", json!("/a/../b"), "write \"/b\""),
        ("/routes/0/rules/0/matches/0/path/value", json!("/a//"), "ends with one '/'"),
        (
            "/routes/0/rules/0/matches/0/path",
            json!({ "type": "RegularExpression", "value": "/v(1" }),
            "matches[0].path.value: no regular expression: unclosed group",
        ),
        ("/routes/0/hostnames/0", json!(".example.com"), "expected a lower-case host name"),
        ("/routes/0/rules/0/matches/0/method", json!("get"), ""),
        ("/routes/0/rules/0/matches/0/headers", json!([{ "name": "a b", "value": "1" }]), "token"),
        ("/routes/0/rules/0/matches/0/headers", json!([{ "name": "a", "value": " 1" }]), "spaces"),
        (
            "/routes/0/rules/0/matches/0/headers",
            json!([{ "name": "x-a", "value": "1" }, { "name": "X-A", "value": "2" }]),
            "headers[1].name: \"X-A\" is named above already",
        ),
        (
            "/routes/0/rules/0/matches/0/headers",
            json!([{ "name": "x-a", "type": "RegularExpression", "value": "\\w{1000}" }]),
            "headers[0].value: its automaton takes more than",
        ),
        (
            "/routes/0/rules/0/matches/0/queryParams",
            json!([{ "name": "q", "value": "a&b" }]),
            "as it is sent in a query",
        ),
        (
            "/upstreams/user-api/timeouts",
            json!({ "connect": "0s" }),
            "timeouts.connect: expected at",
        ),
        ("/upstreams/user-api/timeouts", json!({ "firstByte": "1x" }), ""),
        ("/upstreams/user-api/timeouts", json!({ "total": "1s" }), ""),
        ("/routes/0/rules/0/timeouts", json!({ "request": "25h" }), ""),
        ("/routes/0/rules/0/limits", json!({ "bodyBytes": "10MB" }), ""),
        (
            "/routes/0/rules/1/release",
            json!("user-v2"),
            "expected exactly one of release, upstream",
        ),
    ] {
        let mut bundle = valid();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = bundle.pointer_mut(parent).expect("the parent is there");
        match parent {
            Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
            other => other[key] = value,
        }
        match serde_json::from_value::<Bundle>(bundle.clone()) {
            Err(error) => assert!(expected.is_empty(), "{pointer}: {error}"),
            Ok(_) => {
                let problems = problems(bundle);
                assert!(problems.iter().any(|p| p.contains(expected)), "{pointer}: {problems:?}");
            }
        }
    }
}

#[test]
fn all_problems_come_at_once() {
    let mut bundle = valid();
    bundle["kind"] = json!("x");
    bundle["metadata"]["tenant"] = json!("");
    bundle["releases"]["user-v2"]["upstream"] = json!("nowhere");
    assert_eq!(problems(bundle).len(), 3);
}

#[test]
fn members_are_told_by_a_declared_id() {
    let mut bundle = valid();
    bundle["segments"] = json!({ "staff": { "members": "staff" }, "some": { "when": "!staff()" } });
    assert_eq!(problems(bundle.clone()), Vec::<String>::new());
    bundle["attributes"] = json!({});
    bundle["releases"]["user-v2"]["unit"] = json!(["client.ip"]);
    let expected = "segments.staff.members: members are told by the attribute user.id: declare it";
    assert_eq!(problems(bundle), [expected]);
}
