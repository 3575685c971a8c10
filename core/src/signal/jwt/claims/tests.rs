//! Claims found by name, whatever is nested.

use serde_json::json;

use super::*;

fn claims(value: Value) -> Claims {
    match value {
        Value::Object(object) => Claims::of(object),
        other => panic!("{other} is no object"),
    }
}

#[test]
fn a_claim_is_found_by_its_name_or_by_its_path() {
    let claims = claims(json!({
        "sub": "u-42", "age": 41, "ratio": 0.5, "beta": true, "none": null, "roles": ["a", "b"],
        "https://example.com/level": "vip",
        "realm": { "level": "gold", "deep": { "er": 7 }, "a.b": "dotted" },
        "x.y": "whole", "x": { "y": "path", "z": "only" },
        "北京": { "区": "朝阳" },
    }));
    for (name, expected) in [
        ("sub", Some("u-42")),
        ("age", Some("41")),
        ("ratio", Some("0.5")),
        ("beta", Some("true")),
        ("none", None),
        ("roles", None),
        ("roles.0", None),
        ("https://example.com/level", Some("vip")),
        ("realm", None),
        ("realm.level", Some("gold")),
        ("realm.deep.er", Some("7")),
        ("realm.deep", None),
        ("realm.a.b", Some("dotted")),
        ("x.y", Some("whole")),
        ("x.z", Some("only")),
        ("sub.x", None),
        ("", None),
        (".", None),
        ("realm.", None),
        ("SUB", None),
        ("北京.区", Some("朝阳")),
    ] {
        assert_eq!(claims.text(name), expected, "{name}");
    }
}

#[test]
fn what_is_kept_is_counted() {
    let small = claims(json!({ "a": "b" })).bytes();
    let large = claims(json!({ "a": "b".repeat(1000), "c": { "d": "e" } })).bytes();
    assert!(small >= 2 && large > small + 1000);
}
