//! Tests of the head counter.

use super::*;

/// Cuts `stream` at every place, and into single bytes: the count must not depend on it.
fn check(stream: &[u8], expected: u64) {
    let finder = Finder::new(HEAD_END);
    for cut in 0..=stream.len() {
        let mut counter = HeadCounter::default();
        let heads = counter.count(&finder, &stream[..cut]) + counter.count(&finder, &stream[cut..]);
        assert_eq!(heads, expected, "cut at {cut}: {:?}", String::from_utf8_lossy(stream));
    }
    let mut counter = HeadCounter::default();
    let heads: u64 = stream.chunks(1).map(|byte| counter.count(&finder, byte)).sum();
    assert_eq!(heads, expected, "byte by byte: {:?}", String::from_utf8_lossy(stream));
}

#[test]
fn heads_are_counted_however_they_are_cut() {
    check(b"", 0);
    check(b"GET / HTTP/1.1\r\nHost: a\r\n", 0);
    check(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1);
    check(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 2);
    check(b"\r\r\n\r\n", 1);
    check(b"\r\n\r\r\n\r\n", 1);
    check(b"\r\n\r\n\r\n", 1);
    check(b"a\r\n\rb\r\n\r\n", 1);
}
