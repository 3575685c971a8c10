//! Texts read and written back.

use super::*;

#[test]
fn durations() {
    for (text, expected) in [
        ("500ms", Some((500, "500ms"))),
        ("1s", Some((1_000, "1s"))),
        ("90s", Some((90_000, "1m30s"))),
        ("1m30s", Some((90_000, "1m30s"))),
        ("1h1m1s1ms", Some((3_661_001, "1h1m1s1ms"))),
        ("24h", Some((86_400_000, "24h"))),
        ("0s", Some((0, "0s"))),
        ("24h1ms", None),
        ("100000s", None),
        ("1.5s", None),
        ("-1s", None),
        ("1", None),
        ("", None),
        ("s", None),
        ("1d", None),
        ("1s ", None),
        ("1h1h1h1h1h", None),
    ] {
        let read = text.parse::<Timeout>().ok();
        let read = read.map(|timeout| (timeout.ms(), timeout.to_string()));
        assert_eq!(read, expected.map(|(ms, text)| (ms, text.to_owned())), "{text:?}");
    }
}

#[test]
fn sizes() {
    for (text, expected) in [
        ("10MiB", Some((10 << 20, "10MiB"))),
        ("1024", Some((1024, "1KiB"))),
        ("1025B", Some((1025, "1025B"))),
        ("0", Some((0, "0B"))),
        ("1TiB", Some((1 << 40, "1TiB"))),
        ("10MB", None),
        ("1.5MiB", None),
        ("-1", None),
        ("MiB", None),
        ("", None),
        ("99999999999999999999", None),
        ("9999999TiB", None),
    ] {
        let read = text.parse::<Size>().ok().map(|size| (size.bytes(), size.to_string()));
        assert_eq!(read, expected.map(|(bytes, text)| (bytes, text.to_owned())), "{text:?}");
    }
    assert_eq!(serde_json::from_str::<Size>("1048576").ok(), "1MiB".parse().ok());
}
