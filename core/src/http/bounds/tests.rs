//! Each bound, at it and beyond it.

use super::*;
use crate::http::empty_slots;

#[test]
fn what_is_beyond_a_bound_is_refused() {
    let bounds = HeadBounds { head_bytes: 200, headers: 3, uri_bytes: 20 };
    let check = |text: &str, expected: Result<bool, HeadError>| {
        let mut slots = empty_slots();
        let parsed = parse_request_within(text.as_bytes(), &mut slots, &bounds);
        assert_eq!(parsed.map(|head| head.is_some()), expected, "{text:?}");
    };
    let get = |uri: usize, fields: &str| {
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n{fields}\r\n", "x".repeat(uri - 1))
    };
    let filled = |bytes: usize| {
        let empty = get(1, "X: \r\n").len();
        get(1, &format!("X: {}\r\n", "y".repeat(bytes - empty)))
    };
    check(&get(20, ""), Ok(true));
    check(&get(21, ""), Err(HeadError::TargetTooLong));
    check(&get(1, "A: 1\r\nB: 2\r\n"), Ok(true));
    check(&get(1, "A: 1\r\nB: 2\r\nC: 3\r\n"), Err(HeadError::TooManyFields));
    check(&filled(200), Ok(true));
    check(&filled(201), Err(HeadError::TooLarge));
    // While a head is not whole, it is refused as soon as it cannot become one.
    check(&filled(200)[..199], Ok(false));
    check(&filled(201)[..200], Err(HeadError::TooLarge));
    check(&format!("GET /{}", "x".repeat(80)), Err(HeadError::TargetTooLong));
    check(&format!("GET /{}", "x".repeat(60)), Ok(false));
}

#[test]
fn the_default_is_what_every_gateway_bears() {
    let mut slots = empty_slots();
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(HEADERS_MAX - 1));
    let parsed = parse_request_within(text.as_bytes(), &mut slots, &HeadBounds::default());
    assert!(matches!(parsed, Ok(Some(_))), "{parsed:?}");
}
