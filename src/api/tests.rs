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

#[test]
fn a_place_is_a_plain_url() {
    for (text, wrong) in [
        ("http://127.0.0.1:8081", ""),
        ("HTTP://localhost", ""),
        ("http://[::1]:8081/", ""),
        ("http://localhost/below", ""),
        ("https://127.0.0.1:8081", "TLS to the API is not supported in this build"),
        ("HTTPS://api.example.com", "TLS to the API is not supported in this build"),
        ("127.0.0.1:8081", "the scheme is missing"),
        ("ftp://a", "the scheme is missing"),
        ("", "the scheme is missing"),
        ("http://", "the host is missing"),
        ("http:///v1", "the host is missing"),
        ("http://a?b", "it is no place below which there is an API"),
        ("http://a b", "it is no place below which there is an API"),
        ("日本語://a", "the scheme is missing"),
    ] {
        match place(text) {
            Ok(found) => assert_eq!((found.as_str(), wrong), (text, "")),
            Err(told) => {
                assert!(!wrong.is_empty() && told.starts_with(wrong), "{text}: {told}");
                assert!(told.ends_with("such as http://127.0.0.1:8081"), "{told}");
            }
        }
    }
}
