//! Rewritten heads, byte for byte.

use super::*;
use crate::http::{HeadLimits, empty_slots, parse_request, parse_response};

fn forward(text: &str, trusted: bool, stripped: &[usize]) -> String {
    let mut slots = empty_slots();
    let head = parse_request(text.as_bytes(), &mut slots, &HeadLimits::default())
        .expect("accepted")
        .expect("whole");
    let mut mask = Mask::default();
    stripped.iter().for_each(|index| mask.insert(*index));
    let mut out = Vec::new();
    let forwarding = Forwarding { peer_ip: "192.0.2.1", trusted, stripped: mask, baggage: None };
    encode_request(&head, forwarding, &mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn requests() {
    let text = "GET http://b/p?q HTTP/1.1\r\nX-A: 1\r\nHost: a\r\nConnection: close, x-b\r\nX-B: 2\r\nX-Forwarded-For: 9.9.9.9\r\n\
                X-Forwarded-Proto: https\r\nX-Release-Group: canary\r\n\r\n";
    assert_eq!(
        forward(text, false, &[6]),
        "GET /p?q HTTP/1.1\r\nHost: b\r\nX-A: 1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\
         Via: 1.1 halftone\r\n\r\n"
    );
    assert_eq!(
        forward(text, true, &[]),
        "GET /p?q HTTP/1.1\r\nHost: b\r\nX-A: 1\r\nX-Forwarded-Proto: https\r\nX-Release-Group: canary\r\n\
         X-Forwarded-For: 9.9.9.9, 192.0.2.1\r\nVia: 1.1 halftone\r\n\r\n"
    );
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert!(
        forward(upgrade, false, &[]).contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
    );
    for unasked in [
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n",
    ] {
        let forwarded = forward(&format!("GET / HTTP/1.1\r\nHost: a\r\n{unasked}\r\n"), false, &[]);
        assert!(!forwarded.contains("Upgrade") && !forwarded.contains("Connection"), "{forwarded}");
    }
    let chunked =
        forward("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n", false, &[]);
    assert!(chunked.contains("\r\nTransfer-Encoding: chunked\r\n"), "{chunked}");
}

#[test]
fn responses() {
    let text = "HTTP/1.0 201 Made It\r\nServer: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut slots = empty_slots();
    let text = text.replace("1.0", "1.1");
    let head =
        parse_response(text.as_bytes(), "GET", &mut slots).expect("accepted").expect("whole");
    for (framing, keep_alive, http11, expected) in [
        (
            Framing::Chunked,
            true,
            true,
            "HTTP/1.1 201 Made It\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        (
            Framing::Close,
            false,
            false,
            "HTTP/1.1 201 Made It\r\nServer: x\r\nConnection: close\r\n\r\n",
        ),
        (
            Framing::Empty,
            true,
            false,
            "HTTP/1.1 201 Made It\r\nServer: x\r\nConnection: keep-alive\r\n\r\n",
        ),
    ] {
        let mut out = Vec::new();
        encode_response(&head, framing, keep_alive, http11, &[], &mut out);
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}

/// RFC 9112 §4: clients ignore it, and what is not ASCII is not repeated.
#[test]
fn a_reason_that_cannot_be_kept_is_the_registered_one() {
    for (line, expected) in [
        ("404 Pas trouv\u{e9}", "404 Not Found"),
        ("404", "404 Not Found"),
        ("404 ", "404 Not Found"),
        ("404 Gone fishing", "404 Gone fishing"),
        ("599 \u{e9}", "599 "),
    ] {
        let text = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
        let mut slots = empty_slots();
        let head =
            parse_response(text.as_bytes(), "GET", &mut slots).expect("accepted").expect("whole");
        let mut out = Vec::new();
        encode_response(&head, Framing::Empty, true, true, &[], &mut out);
        let out = String::from_utf8(out).expect("text");
        assert!(out.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{line}: {out}");
    }
}

#[test]
fn a_method_not_allowed_is_told_what_is() {
    let mut out = Vec::new();
    encode_error(405, "http_request_error", "no", false, false, &[], &mut out);
    let out = String::from_utf8(out).expect("text");
    assert!(out.contains("\r\nAllow: GET, HEAD, "), "{out}");
}

#[test]
fn errors_are_whole_responses() {
    for head_only in [false, true] {
        let mut out = Vec::new();
        encode_error(503, "destination_unavailable", "no instance", true, head_only, &[], &mut out);
        let mut slots = empty_slots();
        let method = if head_only { "HEAD" } else { "GET" };
        let head = parse_response(&out, method, &mut slots).expect("accepted").expect("whole");
        let body = &out[head.received.len()..];
        match head.framing {
            Framing::Length(bytes) => assert_eq!(body.len() as u64, bytes),
            framing => assert!(head_only && framing == Framing::Empty && body.is_empty()),
        }
    }
}

#[test]
fn addresses_are_canonical() {
    for (address, expected) in [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("127.0.0.1", "127.0.0.1"),
    ] {
        let mut out = smallvec::SmallVec::new();
        assert_eq!(ip_text(address.parse().expect("an address"), &mut out), expected);
    }
}
