//! Key files: read, written, refused.

use super::*;

fn secret(length: usize) -> String {
    STANDARD.encode(vec![7; length])
}

#[test]
fn what_is_written_is_read() {
    let key = |id: &str, byte| Secret { id: id.to_owned(), bytes: vec![byte; 32] };
    let keys = vec![key("k2", 2), key("k_1-a", 1)];
    assert_eq!(parse_keys(&keys_text(&keys)), Ok(keys.clone()));
    assert_eq!(KeyRing::new(&keys).ids(), ["k2", "k_1-a"]);
    assert!(KeyRing::default().is_empty());
}

#[test]
fn what_is_no_key_file_is_refused_by_line() {
    let good = format!("a {}", secret(32));
    let many: String =
        (0..=KEYS_MAX).map(|at| format!("k{at} {}\n", secret(32))).collect::<String>();
    for (text, expected) in [
        (String::new(), KeysError::Empty),
        ("# nothing\n\n".to_owned(), KeysError::Empty),
        (format!("{good}\nb"), KeysError::Line { line: 2 }),
        (format!("{good} c"), KeysError::Line { line: 1 }),
        ("a not*base64".to_owned(), KeysError::Line { line: 1 }),
        (format!("a.b {}", secret(32)), KeysError::Id { line: 1, found: "a.b".to_owned() }),
        (format!("a {}", secret(31)), KeysError::Length { line: 1, id: "a".to_owned(), found: 31 }),
        (
            format!("a {}", secret(KEY_BYTES_MAX + 1)),
            KeysError::Length { line: 1, id: "a".to_owned(), found: KEY_BYTES_MAX + 1 },
        ),
        (format!("{good}\n\n{good}"), KeysError::Twice { line: 3, id: "a".to_owned() }),
        (many, KeysError::TooMany { found: KEYS_MAX + 1 }),
    ] {
        assert_eq!(parse_keys(&text), Err(expected), "{text}");
    }
    assert_eq!(parse_keys(&format!("{good} # the one\r\n")).map(|keys| keys.len()), Ok(1));
}

#[test]
fn no_secret_is_shown() {
    let keys = parse_keys(&format!("a {}", secret(32))).expect("good");
    let shown = format!("{keys:?} {:?}", KeyRing::new(&keys));
    assert_eq!(shown, "[Secret { id: \"a\", .. }] KeyRing { keys: [a] }");
}
