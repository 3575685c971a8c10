//! Nested tables: which cell a combination has.

use super::*;

#[test]
fn combinations_are_found_exactly_then_by_any() {
    let target = json!({ "id": "matrix", "nested": ["geo.city", "device.os", "user.id"], "table": {
        "上海": { "ios": { "vip": { "variant": "canary" }, "*": { "weight": "15%" } }, "android": { "*": { "weight": "0%" } } },
        "北京": { "ios": { "vip": { "variant": "canary" } } },
        "a/b": { "*": { "*": { "split": "scheduled" } } },
        "*": { "web": { "*": { "variant": "canary" } } },
    } });
    let release = json!({ "upstream": "u", "unit": ["user.id"], "targets": [target], "default": { "variant": "stable" } });
    let mut bundle: Value =
        bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release);
    for (name, header) in [("geo.city", "x-city"), ("device.os", "x-os")] {
        bundle["attributes"][name] = json!({ "type": "string", "from": [{ "header": header }] });
    }
    let table = table(bundle);
    for (city, os, user, expected) in [
        (Some("上海"), Some("ios"), Some("vip"), Some(("上海/ios/vip", "canary"))),
        // u7 lies at 149 856, just inside 15 %.
        (Some("上海"), Some("ios"), Some("u7"), Some(("上海/ios/*", "canary"))),
        (Some("上海"), Some("ios"), Some("user-42"), Some(("上海/ios/*", "stable"))),
        (Some("上海"), Some("ios"), None, Some(("上海/ios/*", "stable"))),
        (Some("上海"), Some("android"), Some("vip"), Some(("上海/android/*", "stable"))),
        // Where a value leads nowhere, any value of the same level is tried.
        (Some("上海"), Some("web"), Some("vip"), Some(("*/web/*", "canary"))),
        (Some("北京"), Some("ios"), Some("vip"), Some(("北京/ios/vip", "canary"))),
        (Some("北京"), Some("ios"), Some("u7"), None),
        (Some("a/b"), None, None, Some(("a~1b/*/*", "stable"))),
        (None, Some("web"), None, Some(("*/web/*", "canary"))),
        (Some("*"), Some("ios"), None, None),
        (None, None, None, None),
    ] {
        let named = [("x-city", city), ("x-os", os), ("x-user", user)];
        let headers: Vec<Header<'_>> = named
            .iter()
            .filter_map(|(name, value)| Some(Header { name, value: value.as_ref()?.as_bytes() }))
            .collect();
        let bare = Bare::default();
        let view = RequestView { headers: &headers, trusted: true, ..bare.view() };
        let decision = route(table.rules(), &view, 0, 0).expect("a route");
        let target = &table.table().releases[0].targets[0];
        let cell = decision
            .cell
            .map(|at| target.nested.as_ref().expect("cells").cells[at as usize].as_str());
        let variant = table.table().variants[decision.variant as usize].name.as_str();
        assert_eq!(cell.map(|cell| (cell, variant)), expected, "{named:?}");
        assert_eq!(cell.is_some(), decision.reason == Reason::TargetingMatch);
    }
}
