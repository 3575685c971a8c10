//! Explaining without workers: what is asked becomes the head a caller sends.

use std::sync::Arc;

use halftone_core::{
    signal::{geo::Databases, jwt::Issuers},
    table::epoch::EpochCell,
    wire::Field,
};

use super::*;

fn asked(url: &str, headers: &[(&str, &str)]) -> ExplainRequest {
    let field = |(name, value): &(&str, &str)| Field {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    ExplainRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: headers.iter().map(field).collect(),
        ip: None,
        trusted: None,
    }
}

#[test]
fn the_head_is_the_callers() {
    for (url, headers, expected) in [
        ("http://a:8080/b?c#d", &[][..], Ok("GET /b?c HTTP/1.1\r\nHost: a:8080\r\n\r\n")),
        ("http://a", &[], Ok("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("http://a?b", &[], Ok("GET /?b HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("http://a/", &[("host", "b")], Ok("GET / HTTP/1.1\r\nhost: b\r\n\r\n")),
        ("/b", &[("X", "y")], Ok("GET /b HTTP/1.1\r\nHost: \r\nX: y\r\n\r\n")),
        ("ftp://a", &[], Err("url: ")),
        ("http:///a", &[], Err("url: ")),
        ("", &[], Err("url: ")),
        ("http://a/\r\nX: y", &[], Err("url: a line break")),
        ("/", &[("X", "y\r\nZ: z")], Err("headers: a line break")),
        ("/", &[("X: y", "z")], Err("headers: expected a token")),
        ("/", &[("", "z")], Err("headers: expected a token")),
    ] {
        match (head_of(&asked(url, headers)), expected) {
            (Ok(head), Ok(expected)) => assert_eq!(String::from_utf8_lossy(&head), expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().starts_with(expected), "{error}")
            }
            (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
        }
    }
    for method in ["G T", "", "GET / HTTP/1.0\r\n", "G:T"] {
        let error = head_of(&ExplainRequest { method: method.to_owned(), ..asked("/", &[]) });
        let expected = ExplainError::Token { part: "method", found: method.to_owned() };
        assert_eq!(error, Err(expected));
    }
    let long = "x".repeat(HEAD_BYTES_MAX);
    assert_eq!(head_of(&asked("/", &[("X", &long)])), Err(ExplainError::TooLarge));
}

#[test]
fn without_tables_the_refusal_is_explained() {
    let (trusted, limits) = (Trusted::default(), HeadLimits::default());
    let regions = Regions::new(Arc::new(EpochCell::new(Databases::default())));
    let tokens = Tokens::new(Arc::new(EpochCell::new(Issuers::default())));
    let decider = Decider {
        worker: 3,
        tables: None,
        tags: &halftone_core::route::NoTags,
        regions: &regions,
        lists: &halftone_core::signal::lists::NoLists,
        devices: &halftone_core::signal::device::Unremembered::default(),
        tokens: &tokens,
        trusted: &trusted,
        limits: &limits,
        random: 0,
        now_unix_s: 0,
        signatures: &halftone_core::signal::signature::NoKeys,
        fresh_unit: UnitId::default(),
    };
    let explained = decider.explain(&asked("http://a/", &[])).expect("a request");
    assert_eq!((explained.worker, explained.status), (3, Some(503)));
    let explained = decider.explain(&asked("http://a b/", &[])).expect("a request");
    assert_eq!(explained.status, Some(400));
    let nowhere = ExplainRequest { ip: Some("nowhere".to_owned()), ..asked("/", &[]) };
    assert_eq!(decider.explain(&nowhere), Err(ExplainError::Ip("nowhere".to_owned())));
}
