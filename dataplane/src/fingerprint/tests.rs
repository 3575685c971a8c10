//! Which pages are answered, what a browser has already, and how many are taken.

use halftone_core::{
    http::{HeadLimits, HeaderSlots, empty_slots, parse_request},
    signal::fingerprint::FeaturesError,
};

use super::*;

/// Has `look` see the head of a request with these fields.
fn of<T>(method: &str, fields: &str, look: impl FnOnce(&RequestHead<'_, '_>) -> T) -> T {
    let text = format!("{method} {PATH} HTTP/1.1\r\nHost: shop.example.com:8443\r\n{fields}\r\n");
    let mut slots: HeaderSlots<'_> = empty_slots();
    let head = parse_request(text.as_bytes(), &mut slots, &HeadLimits::default());
    look(&head.expect("a request").expect("whole"))
}

#[test]
fn the_pages_own_origin_is_answered_and_no_other() {
    for (fields, expected) in [
        ("Sec-Fetch-Site: same-origin\r\n", true),
        ("Sec-Fetch-Site: same-origin\r\nOrigin: https://evil.example\r\n", true),
        ("Sec-Fetch-Site: same-site\r\n", false),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: https://shop.example.com:8443\r\n", false),
        ("Sec-Fetch-Site: none\r\n", false),
        ("Sec-Fetch-Site: \r\n", false),
        ("Origin: https://shop.example.com:8443\r\n", true),
        ("Origin: http://SHOP.example.com:8443\r\n", true),
        ("Origin: https://shop.example.com\r\n", false),
        ("Origin: https://shop.example.com:8443.evil.example\r\n", false),
        ("Origin: https://evil.example/https://shop.example.com:8443\r\n", false),
        ("Origin: shop.example.com:8443\r\n", false),
        ("Origin: null\r\n", false),
        ("", false),
    ] {
        assert_eq!(of("POST", fields, is_same_origin), expected, "{fields:?}");
    }
}

#[test]
fn who_has_the_script_is_not_sent_it() {
    for (method, fields, expected) in [
        ("GET", "", Some(false)),
        ("HEAD", "", Some(false)),
        ("GET", "If-None-Match: \"a\"\r\n", Some(true)),
        ("GET", "If-None-Match: \"b\", W/\"a\"\r\n", Some(true)),
        ("GET", "If-None-Match: *\r\n", Some(true)),
        ("GET", "If-None-Match: a\r\n", Some(false)),
        ("POST", "Content-Length: 0\r\n", None),
    ] {
        let found = match of(method, fields, |head| script("\"a\"", head)) {
            What::Script { is_known } => Some(is_known),
            _ => None,
        };
        assert_eq!(found, expected, "{method} {fields:?}");
    }
}

#[test]
fn a_second_takes_so_many_and_no_more() {
    let fingerprints = Fingerprints::new(true);
    for second in [7, 8, 7] {
        let taken = (0..3 * FINGERPRINTS_PER_S_MAX).filter(|_| fingerprints.may_take(second));
        assert_eq!(taken.count(), FINGERPRINTS_PER_S_MAX as usize);
    }
}

#[test]
fn json_is_told_by_its_type() {
    for (kind, expected) in [
        ("application/json", true),
        ("Application/JSON ; charset=utf-8", true),
        ("text/plain", false),
        ("application/json-patch", false),
        ("text/plain; application/json", false),
        ("", false),
    ] {
        assert_eq!(is_json(kind.as_bytes()), expected, "{kind:?}");
    }
}

#[test]
fn every_refusal_says_something() {
    for (refusal, status) in [
        (Refusal::OtherOrigin, 403),
        (Refusal::NoConsent, 403),
        (Refusal::NotKept, 403),
        (Refusal::NoHost, 404),
        (Refusal::Type, 415),
        (Refusal::Length, 411),
        (Refusal::TooLarge, 413),
        (Refusal::Features(FeaturesError::Size), 413),
        (Refusal::Features(FeaturesError::NoConsent), 403),
        (Refusal::Features(FeaturesError::NoAgent), 400),
        (Refusal::Busy, 429),
        (Refusal::NoKeys, 503),
    ] {
        assert_eq!(refusal.status(), status, "{refusal:?}");
        assert!(!refusal.detail().is_empty() && !refusal.label().is_empty());
    }
}
