//! Lines are JSON whatever was sent, and all of them arrive.

use super::*;

#[test]
fn a_line_is_json_whatever_was_sent() {
    for target in
        [&b"/plain"[..], b"/\"quoted\\\"", b"/\xff\xfe", "/北京".as_bytes(), b"/\x01\x1f\n", b""]
    {
        let mut out = Vec::new();
        Clock::new(Instant::now()).write(Instant::now(), &mut out);
        format(&Line { target, bucket: Some(7), error: Some("x"), ..Line::default() }, &mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let value: serde_json::Value = serde_json::from_slice(&out).expect("one JSON object");
        assert_eq!(value["target"].as_str(), Some(&*String::from_utf8_lossy(target)));
        assert_eq!((value["bucket"].as_u64(), value["error"].as_str()), (Some(7), Some("x")));
        let time = value["time"].as_str().expect("a time");
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.len() == 24, "{time}");
    }
}

#[test]
fn every_line_of_every_worker_arrives() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let writer = LogWriter::start(&path, false).expect("a writer");
    thread::scope(|scope| {
        for worker in 0..2 {
            let writer = &writer;
            scope.spawn(move || {
                let log = writer.handle(Instant::now());
                for _ in 0..5_000 {
                    log.write(Instant::now(), &Line { worker, target: b"/x", ..Line::default() });
                }
                log.flush(Instant::now());
                assert_eq!(log.dropped(), 0);
            });
        }
    });
    // An engine that stops may leave a worker's end behind.
    let _left_behind = writer.handle(Instant::now());
    writer.finish();
    assert_eq!(std::fs::read_to_string(&path).expect("a log").lines().count(), 10_000);
}

/// A log is read in terminals: what moves their cursor or turns a line around is written out.
#[test]
fn what_a_terminal_would_obey_is_escaped() {
    for (target, expected) in [
        ("/\u{1b}[2J", "/\\u001b[2J"),
        ("/\u{7f}", "/\\u007f"),
        ("/\u{9b}2J\u{85}", "/\\u009b2J\\u0085"),
        ("/\u{202e}gpj", "/\\u202egpj"),
        ("/\u{2028}\u{feff}", "/\\u2028\\ufeff"),
        ("/用户", "/用户"),
    ] {
        let mut out = Vec::new();
        text(&mut out, "", target.as_bytes());
        let written = String::from_utf8(out).expect("UTF-8");
        assert_eq!(written, format!("\"{expected}\""));
        assert_eq!(serde_json::from_str::<String>(&written).expect("JSON"), target);
    }
}

/// Eight bytes at once find what one at a time would, wherever it lies.
#[test]
fn a_byte_that_has_to_be_escaped_is_found_wherever_it_lies() {
    for length in 0..=20 {
        for at in 0..length {
            for byte in 0..=u8::MAX {
                let mut value = vec![b'~'; length];
                value[at] = byte;
                let plain = (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
                assert_eq!(is_plain(&value), plain, "{byte:#x} at {at} of {length}");
            }
        }
        assert!(is_plain(&vec![b' '; length]));
    }
}
