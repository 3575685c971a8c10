//! Copied at once or one by one: the same bytes.

use super::*;
use crate::http::{HeadLimits, empty_slots, parse_request};

/// Fields with and without one space around the value, with tabs, with none at all.
const FIELDS: [&str; 7] =
    ["A: 1\r\n", "Bb: two words\r\n", "C:3\r\n", "D:\t4\r\n", "E:  5\r\n", "F: 6 \r\n", "G:\r\n"];

#[test]
fn what_is_copied_is_what_would_be_written() {
    for first in FIELDS {
        for second in FIELDS {
            for third in FIELDS {
                let head = format!("GET / HTTP/1.1\r\nHost: h\r\n{first}{second}{third}\r\nbehind");
                let mut slots = empty_slots();
                let head = parse_request(head.as_bytes(), &mut slots, &HeadLimits::default())
                    .expect("accepted")
                    .expect("whole");
                // Each of the four fields passes or does not.
                for passing in 0..16 {
                    let (mut copied, mut written) = (b"before".to_vec(), b"before".to_vec());
                    let mut run = Run::of(head.received);
                    for (at, field) in head.headers.iter().enumerate() {
                        if passing >> at & 1 == 1 {
                            run.take(field, &mut copied);
                            write_field(&mut written, field.name, field.value);
                        }
                    }
                    run.end(&mut copied);
                    assert_eq!(copied, written, "{first:?} {second:?} {third:?}: {passing:b}");
                }
            }
        }
    }
}

/// Fields that are not of this head are written all the same.
#[test]
fn a_field_from_elsewhere_is_written() {
    for received in ["", "X: y\r\n", "X: y"] {
        let mut out = Vec::new();
        let mut run = Run::of(received.as_bytes());
        run.take(&Header { name: "Name", value: b"value" }, &mut out);
        run.end(&mut out);
        assert_eq!(out, b"Name: value\r\n");
    }
}
