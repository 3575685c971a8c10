//! Bodies that tell features, those that do not, and what is shown of either.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::*;

/// Features of these words.
pub(super) fn features<S: Serialize>(ua: &[S], canvas: &[S], webgl: &[S]) -> Features {
    let body = json!({ "consent": true, "ua": ua, "canvas": canvas, "webgl": webgl });
    Features::read(body.to_string().as_bytes()).expect("a body of ours")
}

#[test]
fn the_order_of_words_and_doubles_are_none_of_the_device() {
    let one = features(&["a", "b", "a"], &["c2", "c1"], &[]);
    assert_eq!(one, features(&["b", "a"], &["c1", "c2", "c2"], &[]));
    assert_ne!(one, features(&["b", "a"], &["c1", "c2"], &["c2"]));
}

#[test]
fn a_body_that_our_script_does_not_send_is_refused() {
    let words = |count: usize| (0..count).map(|at| format!("w{at}")).collect::<Vec<_>>();
    let body =
        |ua: serde_json::Value| json!({ "consent": true, "ua": ua, "canvas": [], "webgl": [] });
    let form = |column| Err(FeaturesError::Form { column });
    for (body, expected) in [
        (String::new(), form(0)),
        ("[]".into(), form(2)),
        ("{\"consent\":true".into(), form(15)),
        (r#"{"consent":1,"ua":["a"],"canvas":[],"webgl":[]}"#.into(), form(12)),
        (r#"{"consent":true,"ua":["a"],"canvas":[]}"#.into(), form(39)),
        (r#"{"consent":true,"ua":["a"],"canvas":[],"webgl":[],"more":1}"#.into(), form(56)),
        (r#"{"consent":true,"consent":true,"ua":["a"],"canvas":[],"webgl":[]}"#.into(), form(25)),
        (body(json!(["\u{fffd}"])).to_string().replace('\u{fffd}', "\\ud800"), form(42)),
        (
            r#"{"consent":false,"ua":["a"],"canvas":[],"webgl":[]}"#.into(),
            Err(FeaturesError::NoConsent),
        ),
        (body(json!([])).to_string(), Err(FeaturesError::NoAgent)),
        (body(json!([""])).to_string(), Err(FeaturesError::Word { feature: "ua" })),
        (
            body(json!(["x".repeat(FINGERPRINT_WORD_BYTES_MAX + 1)])).to_string(),
            Err(FeaturesError::Word { feature: "ua" }),
        ),
        (
            body(json!(words(FINGERPRINT_WORDS_MAX + 1))).to_string(),
            Err(FeaturesError::Words { feature: "ua" }),
        ),
        (" ".repeat(FINGERPRINT_BODY_BYTES_MAX + 1), Err(FeaturesError::Size)),
    ] {
        assert_eq!(Features::read(body.as_bytes()).map(|_| ()), expected, "{body}");
    }
    let most = body(json!(words(FINGERPRINT_WORDS_MAX))).to_string();
    assert!(Features::read(most.as_bytes()).is_ok());
}

#[test]
fn nothing_shows_a_word() {
    let (mut shown, secret) = (String::new(), "Intel-Arc-A770");
    let told = features(&[secret], &[secret], &[secret]);
    write!(shown, "{told:?}").expect("a string");
    assert_eq!(shown, "[1, 1, 1]");
    let error = Features::read(format!("{{\"{secret}\":1}}").as_bytes()).expect_err("unknown");
    assert!(!format!("{error} {error:?}").contains(secret), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = Features::read(&bytes);
    }
}
