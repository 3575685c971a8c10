//! Reads of planted files: what is text, what is an error, what is bounded.

use super::*;
use crate::planted::Planted;

#[test]
fn text_is_trimmed_or_an_error_that_says_why() {
    let long = vec![b'7'; usize::try_from(FILE_BYTES_MAX).expect("fits") + 1];
    let planted = Planted::new(&[("directory/file", "x")]);
    let check = |name: &str, content: &[u8], expected: Result<&str, &str>| {
        planted.plant(name, content);
        let found = planted.root().text(name).map_err(|error| {
            let prefix = format!("{:?} ", planted.root().path(name));
            error
                .to_string()
                .strip_prefix(&prefix)
                .expect("an error begins with its path")
                .to_owned()
        });
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
    };
    check("plain", b" 4096\n", Ok("4096"));
    check("empty", b"", Err("is empty"));
    check("blank", b" \n\t", Err("is empty"));
    check("binary", b"\xff\n", Err("holds \"\u{fffd}\\n\", expected text"));
    check("long", &long, Err("is longer than 65536 bytes"));
    check("longest", &long[1..], Ok(std::str::from_utf8(&long[1..]).expect("digits")));
}

#[test]
fn what_is_missing_and_what_is_unreadable_differ() {
    let planted = Planted::new(&[("directory/file", "x")]);
    let root = planted.root();
    for absent in ["none", "none/none", "directory/file/none"] {
        assert!(matches!(root.text(absent), Err(ReadError::Missing { .. })), "{absent}");
        assert!(matches!(root.names(absent), Err(ReadError::Missing { .. })), "{absent}");
    }
    assert!(matches!(root.text("directory"), Err(ReadError::Unreadable { .. })));
}

#[test]
fn an_error_repeats_little_of_what_it_found() {
    let planted = Planted::new(&[("odd", &"\u{1b}[31m".repeat(1000))]);
    let error =
        planted.root().parse("odd", "a number", |_| None::<u8>).expect_err("parses nothing");
    let text = error.to_string();
    assert!(!text.contains('\u{1b}'), "escaped for a terminal: {text}");
    let ReadError::Unexpected { found, .. } = error else { panic!("{error:?}") };
    assert_eq!(found.chars().count(), FOUND_CHARS_MAX);
}

#[test]
fn names_are_sorted() {
    let planted = Planted::new(&[("d/rx-1", ""), ("d/rx-0", ""), ("d/tx-0", "")]);
    assert_eq!(planted.root().names("d").expect("listed"), ["rx-0", "rx-1", "tx-0"]);
}
