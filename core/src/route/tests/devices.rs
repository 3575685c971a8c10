//! Devices: attributes that come from what a client says it is.

use super::*;
use crate::signal::device::{Client, Device, DeviceReader};

const PHONE: &str = "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";

fn canary(when: &str, from: &Value, reserved: &str) -> Archive<RuleTable> {
    let target = json!({ "id": "d", "when": when, "variant": "canary" });
    let overrides = json!([{ "header": reserved, "requires": "trusted" }]);
    let release = json!({ "upstream": "u", "overrides": overrides, "targets": [target], "default": { "variant": "stable" } });
    let mut bundle: Value =
        bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release);
    for (name, kind, property) in [
        ("device.os", "string", "os"),
        ("device.major", "int", "osMajor"),
        ("device.class", "string", "class"),
        ("device.model", "string", "model"),
    ] {
        bundle["attributes"][name] = json!({ "type": kind, "from": [{ "device": property }] });
    }
    bundle["attributes"]["of"] = json!({ "type": "string", "from": from, "default": "none" });
    table(bundle)
}

fn is_canary(table: &Archive<RuleTable>, trusted: bool, headers: &[(&str, &str)]) -> bool {
    let found = ask(table, &Ask { trusted, headers, ..Ask::default() });
    found.expect("a route").1 == "t/u/canary"
}

#[test]
fn expressions_read_the_device() {
    let from = json!([{ "device": "brand" }]);
    for (when, agent, expected) in [
        ("device.os == 'android'", Some(PHONE), true),
        ("device.os == 'ios'", Some(PHONE), false),
        ("device.major >= 14 && device.class == 'phone'", Some(PHONE), true),
        ("device.major >= 15", Some(PHONE), false),
        ("device.model.startsWith('SM-') && of == 'samsung'", Some(PHONE), true),
        // What is not known is missing: neither equal nor different, and a default stands in for it.
        ("device.os != 'ios'", None, false),
        ("!has(device.os)", None, true),
        ("of == 'none'", None, true),
        ("device.os == 'other' && !has(device.model)", Some("x"), true),
    ] {
        let headers: Vec<_> = agent.map(|agent| ("User-Agent", agent)).into_iter().collect();
        let table = canary(when, &from, "X-Release-Group");
        assert_eq!(is_canary(&table, true, &headers), expected, "{when} {agent:?}");
    }
}

#[test]
fn a_source_after_another_is_asked_when_that_has_nothing() {
    let table = canary(
        "of == 'android'",
        &json!([{ "header": "x-os", "trusted": true }, { "device": "os" }]),
        "X-Release-Group",
    );
    assert!(is_canary(&table, true, &[("User-Agent", PHONE)]));
    assert!(!is_canary(&table, true, &[("User-Agent", PHONE), ("X-Os", "ios")]));
    assert!(is_canary(&table, false, &[("User-Agent", PHONE), ("X-Os", "ios")]));
}

/// What is stripped decides nothing, also not by way of the device.
#[test]
fn a_reserved_field_tells_nothing_of_an_untrusted_peer() {
    let table =
        canary("device.os == 'windows'", &json!([{ "device": "os" }]), "Sec-CH-UA-Platform");
    let headers = [("User-Agent", PHONE), ("Sec-CH-UA-Platform", "\"Windows\"")];
    assert!(is_canary(&table, true, &headers));
    assert!(!is_canary(&table, false, &headers));
}

#[test]
fn repeated_hints_are_one_list() {
    let table = canary("of == 'edge'", &json!([{ "device": "browser" }]), "X-Release-Group");
    let brands =
        [("Sec-CH-UA", "\"Chromium\";v=\"124\""), ("sec-ch-ua", "\"Microsoft Edge\";v=\"124\"")];
    assert!(is_canary(&table, true, &brands));
    // One item twice is none.
    let table = canary("device.class == 'phone'", &json!([{ "device": "os" }]), "X-Release-Group");
    assert!(is_canary(&table, true, &[("Sec-CH-UA-Mobile", "?1")]));
    assert!(!is_canary(&table, true, &[("Sec-CH-UA-Mobile", "?1"), ("Sec-CH-UA-Mobile", "?1")]));
}

/// Refuses to be asked.
#[derive(Debug)]
struct Nobody;

impl DeviceReader for Nobody {
    fn device<'c>(&self, _: &dyn Fn() -> Client<'c>) -> Option<&Device> {
        panic!("no rule asks for the device");
    }
}

#[test]
fn what_no_rule_asks_for_is_not_looked_at() {
    // The device stands behind a header that is there.
    let from = json!([{ "header": "x-os" }, { "device": "os" }]);
    let table = canary("of == 'ios'", &from, "X-Release-Group");
    let headers = [
        Header { name: "x-os", value: b"ios" },
        Header { name: "user-agent", value: PHONE.as_bytes() },
    ];
    let bare = Bare::default();
    let view = RequestView { headers: &headers, trusted: true, devices: &Nobody, ..bare.view() };
    let decision = route(table.rules(), &view, 0, 0).expect("a route");
    assert_eq!(decision.reason, Reason::TargetingMatch);
}

/// Explain says which value came from where.
#[test]
fn explanations_name_the_device() {
    use crate::table::{ArchivedPartRow, PartRow};
    let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(&PartRow::Device(
        crate::signal::device::DeviceProperty::OsMajor,
    ))
    .expect("archived");
    let row = rkyv::access::<ArchivedPartRow, rkyv::rancor::Error>(&bytes).expect("a part");
    assert_eq!(crate::route::parts::part_name(row), "device osMajor");
}
