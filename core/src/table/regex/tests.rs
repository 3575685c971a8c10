//! Expressions compiled, carried as bytes, and run.

use super::*;

#[track_caller]
fn check(pattern: &str, good: &[&str], bad: &[&str]) {
    let row = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let regex = Regex::decode(&row.dfa).expect("its own bytes");
    for value in good {
        assert!(regex.is_match(value.as_bytes()), "{pattern} against {value:?}");
    }
    for value in bad {
        assert!(!regex.is_match(value.as_bytes()), "{pattern} against {value:?}");
    }
}

#[test]
fn whole_values_match() {
    check("v[0-9]+", &["v1", "v22"], &["", "v", "xv1", "v1x", "v1\n"]);
    check("a|ab", &["a", "ab"], &["b", "aab", "abb"]);
    check("", &[""], &["a"]);
    check(".*", &["", "anything", "用户"], &["two\nlines"]);
    check("(?i)canary", &["CaNaRy"], &["canary2"]);
    check("/users/[^/]+/orders", &["/users/7/orders"], &["/users/7/8/orders", "/users//orders"]);
    check("北京|上海", &["北京"], &["广州"]);
    check("^a$", &["a"], &["a\n", "ba"]);
}

#[test]
fn what_is_no_text_matches_no_character() {
    let regex = |pattern: &str| Regex::decode(&compile(pattern).expect("good").dfa).expect("good");
    assert!(!regex("..").is_match(b"a\xff"));
    assert!(regex("(?-u:..)").is_match(b"a\xff"));
}

#[test]
fn what_cannot_be_served_is_told() {
    for (pattern, told) in [
        ("(", "unclosed group"),
        ("a{2,1}", "invalid repetition count range"),
        (r"\bword\b", "Unicode word bound"),
        (r"(a)\1", "backreferences are not supported"),
        ("(?=a)", "look-around"),
        (r"\w{1000}", "smaller repetitions"),
    ] {
        let error = compile(pattern).map(|_| ()).expect_err(pattern).to_string();
        assert!(error.contains(told), "{pattern}: {error}");
        assert!(!error.contains('\n'), "{pattern}: {error}");
    }
    assert_eq!(compile(&"a".repeat(5000)).map(|_| ()), Err(RegexError::Long(5000)));
}

/// Bytes that crossed a socket: each is an automaton that ends, or none.
#[test]
fn broken_bytes_are_refused_or_run() {
    let good = compile("(a|b)*c[0-9]{2}").expect("good").dfa;
    for at in 0..good.len() {
        assert!(Regex::decode(&good[..at]).is_none(), "cut at {at}");
        for flip in [1, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            if let Some(regex) = Regex::decode(&bytes) {
                let _ = regex.is_match(b"abc42");
                let _ = regex.is_match(&[0xff; 64]);
            }
        }
    }
    assert!(Regex::decode(&[good.clone(), vec![0]].concat()).is_none(), "more than it");
}
