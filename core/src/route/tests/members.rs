//! Decisions by who is on a list.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    limits::UNIT_BYTES_MAX,
    route::{route_told, trace::Trace},
    signal::lists::IdLists,
    table::{IdList, fingerprint_of_id},
};

fn lists() -> IdLists {
    let list = |tenant: &str, name: &str, ids: &[&str]| {
        let mut prints: Vec<u64> = ids.iter().map(|id| fingerprint_of_id(7, id)).collect();
        prints.sort_unstable();
        let list = IdList { tenant: tenant.to_owned(), name: name.to_owned(), key: 7, prints };
        Arc::new(Archive::build(&list, 1).expect("a good list"))
    };
    IdLists::default().with(list("t", "staff.2027", &["u7", "张三"])).with(list(
        "other",
        "beta",
        &["u7", "u8"],
    ))
}

/// Returns whether the target takes the request, and what explain tells of it.
fn decided(when: &str, header: Option<&str>, trusted: bool) -> (bool, String) {
    let release = json!({ "upstream": "u", "default": { "variant": "stable" },
        "targets": [{ "id": "t", "when": when, "variant": "canary" }] });
    let mut bundle =
        bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release);
    bundle["attributes"]["user.id"]["default"] = json!("u7");
    bundle["segments"] = json!({
        "staff": { "members": "staff.2027" }, "beta": { "members": "beta" },
        "some-staff": { "when": "staff() && request.path != '/no'" },
    });
    let table = table(bundle);
    let headers: Vec<Header<'_>> =
        header.iter().map(|id| Header { name: "x-user", value: id.as_bytes() }).collect();
    let (bare, lists) = (Bare::default(), lists());
    let view = RequestView { headers: &headers, trusted, lists: &lists, ..bare.view() };
    let mut trace = Trace::default();
    let decision = route_told(table.rules(), &view, 0, 0, &mut trace).expect("a route");
    assert_eq!(route(table.rules(), &view, 0, 0), Some(decision), "explained as it is decided");
    (decision.reason == Reason::TargetingMatch, format!("{:?}", trace.steps))
}

#[test]
fn members_match() {
    for (when, id, trusted, expected) in [
        ("staff()", Some("u7"), true, true),
        ("segment('staff')", Some("张三"), true, true),
        ("staff()", Some("u8"), true, false),
        ("!staff()", Some("u8"), true, true),
        ("some_staff()", Some("u7"), true, true),
        ("staff() && !staff()", Some("u7"), true, false),
        // Nobody is named: neither a member nor none. A default names nobody.
        ("staff() || !staff()", None, true, false),
        ("staff() || !staff()", Some(""), true, false),
        ("staff() || true", None, true, true),
        // Who is not believed is not named.
        ("staff() || !staff()", Some("u7"), false, false),
        // There is no such list of this tenant.
        ("beta() || !beta()", Some("u7"), true, false),
        ("beta() || staff()", Some("u7"), true, true),
    ] {
        let (found, told) = decided(when, id, trusted);
        assert_eq!(found, expected, "{when} {id:?} {trusted}: {told}");
    }
    let long = "u".repeat(UNIT_BYTES_MAX + 1);
    assert!(!decided("staff() || !staff()", Some(&long), true).0);
}

#[test]
fn explain_tells_who_was_asked_for_and_what_the_list_said() {
    let (_, told) = decided("staff()", Some("u8"), true);
    assert!(told.contains("members of staff.2027") && told.contains("false"), "{told}");
    assert!(told.contains("user.id") && told.contains("u8"), "{told}");
    let (_, told) = decided("beta()", Some("u8"), true);
    assert!(told.contains("members of beta") && told.contains("a value is missing"), "{told}");
}
