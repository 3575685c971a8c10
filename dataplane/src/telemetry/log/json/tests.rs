//! What is escaped, and that nothing else is.

use super::*;

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
