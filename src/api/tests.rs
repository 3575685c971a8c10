//! Problem documents as people read them.

use super::*;

#[test]
fn a_refusal_shows_everything_that_was_said() {
    let check = |problem: &str, expected: &str| assert_eq!(told(problem), expected, "{problem}");
    check(r#"{"title":"Not Found","status":404}"#, "Not Found");
    check(r#"{"title":"Not Found","detail":"no instance a"}"#, "no instance a");
    check(
        r#"{"detail":"refused","errors":[{"path":"a.b","message":"one"},{"path":"","message":"two"}]}"#,
        "refused\n  a.b: one\n  two",
    );
    check("bad gateway\n", "bad gateway");
    check("", "");
}

#[test]
fn an_api_that_is_not_there_is_named() {
    // Port 9 (discard) is not served on a machine of this century; if it is, it does not speak HTTP.
    let error = Client::new("http://127.0.0.1:9/").gateways().expect_err("nobody answers");
    assert!(
        error.to_string().starts_with("the API at http://127.0.0.1:9 does not answer"),
        "{error}"
    );
}
