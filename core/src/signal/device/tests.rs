//! Fields, their bounds, and what any bytes become.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Client, Device, DeviceProperty, FIELDS};
use crate::http::Header;

mod corpus;
mod precedence;

/// Recognises what a head with these fields comes from.
fn recognised(fields: &[(&str, &str)]) -> Option<Device> {
    let headers: Vec<Header<'_>> =
        fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    Device::recognise(&Client::of(&headers, |_| true, |_| None))
}

/// Writes what is known: system and version, class, browser and version, brand, model; `-` for what is not.
fn told(device: &Device) -> String {
    let text = |property| device.get(property).unwrap_or("-");
    let mut told = format!("{} {}", text(DeviceProperty::Os), text(DeviceProperty::OsVersion));
    for property in [
        DeviceProperty::Class,
        DeviceProperty::Browser,
        DeviceProperty::BrowserVersion,
        DeviceProperty::Brand,
        DeviceProperty::Model,
    ] {
        let _ = write!(told, " {}", text(property));
    }
    told
}

#[track_caller]
fn check(fields: &[(&str, &str)], expected: &str) {
    let device = recognised(fields).map_or_else(|| "nothing".to_owned(), |device| told(&device));
    assert_eq!(device, expected, "{fields:#?}");
}

#[test]
fn the_lengths_of_fields_tell_them_apart() {
    for (at, name) in FIELDS.iter().enumerate() {
        assert_eq!(super::place(name), Some(at));
        assert_eq!(super::place(&name.to_uppercase()), Some(at));
        assert_eq!(super::place(&"x".repeat(name.len())), None);
    }
}

#[test]
fn who_says_nothing_is_nothing() {
    check(&[], "nothing");
    check(&[("User-Agent", "")], "nothing");
    check(&[("User-Agent", "x")], "other - other other - - -");
    check(&[("Sec-CH-UA-Mobile", "nonsense")], "other - other other - - -");
}

#[test]
fn majors_are_the_first_number() {
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1";
    let device = recognised(&[("User-Agent", agent)]).expect("a device");
    assert_eq!(device.get(DeviceProperty::OsMajor), Some("17"));
    assert_eq!(device.get(DeviceProperty::BrowserMajor), Some("17"));
    let device = recognised(&[("User-Agent", "curl")]).expect("a device");
    assert_eq!(device.get(DeviceProperty::OsMajor), None);
    assert_eq!(device.get(DeviceProperty::BrowserMajor), None);
}

#[test]
fn what_is_too_long_is_not_read() {
    let agent = format!("{} Android 14", "x".repeat(super::DEVICE_AGENT_BYTES_MAX));
    check(&[("User-Agent", &agent)], "other - other other - - -");
    let padded = format!("\"Windows\"{}", " ".repeat(super::DEVICE_HINT_BYTES_MAX));
    check(&[("User-Agent", "x"), ("Sec-CH-UA-Platform", &padded)], "other - other other - - -");
    let model = "M".repeat(49);
    check(&[("User-Agent", &format!("App (Android 14; {model})"))], "android 14 phone other - - -");
}

#[test]
fn a_field_that_is_not_believed_is_not_read() {
    let headers = [
        Header { name: "User-Agent", value: b"App (Android 14)" },
        Header { name: "Sec-CH-UA-Platform", value: b"\"Windows\"" },
    ];
    let client = Client::of(&headers, |name| name != "sec-ch-ua-platform", |_| None);
    let device = Device::recognise(&client).expect("a device");
    assert_eq!(device.get(DeviceProperty::Os), Some("android"));
}

#[test]
fn repeated_fields_are_joined() {
    let headers = [
        Header { name: "Sec-CH-UA", value: br#""Chromium";v="124""# },
        Header { name: "sec-ch-ua", value: br#""Google Chrome";v="124""# },
    ];
    let joined = |_| Some(&br#""Chromium";v="124", "Google Chrome";v="124""#[..]);
    let device = Device::recognise(&Client::of(&headers, |_| true, joined)).expect("a device");
    assert_eq!(told(&device), "other - other chrome 124 - -");
}

proptest! {
    /// Total on any bytes; words are of the lists, versions are numbers and dots.
    #[test]
    fn any_bytes_are_a_device_or_nothing(
        values in proptest::array::uniform6(proptest::collection::vec(any::<u8>(), 0..200)),
    ) {
        let client = Client::new(values.each_ref().map(Vec::as_slice));
        is_sound(&client);
    }

    /// The same, of pieces that mean something.
    #[test]
    fn any_words_are_a_device(pieces in proptest::collection::vec(
        prop_oneof![
            Just("Mozilla/5.0 "), Just("("), Just(")"), Just("; "), Just("Android "), Just("Windows NT "), Just("10.0"),
            Just("iPhone"), Just("CPU iPhone OS "), Just("17_4"), Just("Version/"), Just("Safari/"), Just("wv"),
            Just("HarmonyOS"), Just("SM-X910"), Just(" Build/"), Just("Mobile "), Just("bot"), Just("+http://"),
            Just("MicroMessenger/8.0.4"), Just("rv:"), Just("\""), Just(";v="), Just("?1"), Just(","), Just("\\"),
            Just("99999999999999999999"), Just("...."), Just("Opera"), Just("K"), Just("aweme_"), Just("\u{fffd}"),
        ], 0..60,
    ), hints in proptest::array::uniform5("[\"?01,;=va. A-Z]{0,20}")) {
        let agent = pieces.concat();
        let hints = hints.each_ref().map(String::as_bytes);
        let [a, b, c, d, e] = hints;
        is_sound(&Client::new([agent.as_bytes(), a, b, c, d, e]));
    }
}

fn is_sound(client: &Client<'_>) {
    const OS: [&str; 11] = [
        "android",
        "ios",
        "harmonyos",
        "windows",
        "macos",
        "linux",
        "chromeos",
        "tizen",
        "webos",
        "kaios",
        "other",
    ];
    const CLASSES: [&str; 7] = ["phone", "tablet", "desktop", "tv", "console", "bot", "other"];
    let Some(device) = Device::recognise(client) else {
        assert!(client.says_nothing());
        return;
    };
    assert!(OS.contains(&device.os) && CLASSES.contains(&device.class), "{device:?}");
    for version in [device.os_version, device.browser_version] {
        let text = version.as_str();
        assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "{text:?}");
        assert!(!text.starts_with('.') && !text.ends_with('.') && !text.contains(".."), "{text:?}");
    }
    for property in DeviceProperty::ALL {
        let value = device.get(property);
        assert!(value.is_none_or(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
        if property.is_number() {
            assert!(value.is_none_or(|text| text.parse::<i64>().is_ok()), "{value:?}");
        }
    }
}
