//! Heads accepted, refused and classified.

use proptest::prelude::*;

use super::*;
use crate::limits::CONNECTION_NAMES_MAX;

fn request(text: &str) -> Result<Option<(Framing, bool, String)>, HeadError> {
    let mut slots = empty_slots();
    let head = parse_request(text.as_bytes(), &mut slots, &HeadLimits::default())?;
    Ok(head.map(|head| {
        (head.framing, head.keep_alive, format!("{} {} {}", head.method, head.host, head.target))
    }))
}

#[test]
fn requests_accepted() {
    use Framing::{Chunked, Empty, Length};
    for (text, framing, keep_alive, line) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Empty, true, "GET a /"),
        ("GET /x?y=1 HTTP/1.1\r\nhost: A:80\r\n\r\n", Empty, true, "GET A:80 /x?y=1"),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", Empty, false, "GET a /"),
        ("GET / HTTP/1.0\r\n\r\n", Empty, false, "GET  /"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Empty, true, "GET  /"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", Length(12), true, "POST a /"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", Empty, true, "POST a /"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
            Chunked,
            true,
            "POST a /",
        ),
        ("GET http://b:8/p?q HTTP/1.1\r\nHost: a\r\n\r\n", Empty, true, "GET b:8 /p?q"),
        ("GET HTTP://b HTTP/1.1\r\nHost: b\r\n\r\n", Empty, true, "GET b /"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Empty, true, "OPTIONS a *"),
        ("GET / HTTP/1.1\r\nHost: [::1]:65535\r\n\r\n", Empty, true, "GET [::1]:65535 /"),
        ("GET / HTTP/1.1\r\nHost: a_b.c:\r\n\r\n", Empty, true, "GET a_b.c: /"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Empty, true, "GET  /"),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Empty, true, "GET a /"),
    ] {
        let expected = (framing, keep_alive, line.to_owned());
        assert_eq!(request(text), Ok(Some(expected)), "{text:?}");
        for end in 0..text.len() {
            assert_eq!(request(&text[..end]), Ok(None), "{:?}", &text[..end]);
        }
    }
}

#[test]
fn a_head_in_single_bytes_is_parsed_once_per_line() {
    let limits = HeadLimits::default();
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(20_000));
    let is_whole = |text: &str| {
        parse_request(text.as_bytes(), &mut empty_slots(), &limits).map(|head| head.is_some())
    };
    let (mut parsed, mut looked) = (0, 0);
    for end in 1..=text.len() {
        let so_far = &text[..end];
        if is_worth_parsing(so_far.as_bytes(), looked, &limits) {
            parsed += 1;
            assert_eq!(is_whole(so_far), Ok(end == text.len()));
        }
        looked = end;
    }
    // The first byte, four line ends, and the longest first line.
    assert_eq!(parsed, 6);
    // What is too large is found without a line end.
    let long = "x".repeat(HEAD_BYTES_MAX);
    assert!(is_worth_parsing(long.as_bytes(), HEAD_BYTES_MAX - 1, &limits));
    let line = &long.as_bytes()[..URI_BYTES_MAX + 65];
    assert!(is_worth_parsing(line, URI_BYTES_MAX + 64, &limits));
}

#[test]
fn heads_are_held_to_what_was_set() {
    let limits = HeadLimits { bytes: 64, uri_bytes: 8, fields: 2 };
    for (text, expected) in [
        ("GET /87654321 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::TargetTooLong),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", HeadError::TooManyFields),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: 1234567890123456789012345678901234567890\r\n\r\n",
            HeadError::TooLarge,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: 1234567890123456789012345678901234567890",
            HeadError::TooLarge,
        ),
    ] {
        let refused = parse_request(text.as_bytes(), &mut empty_slots(), &limits).err();
        assert_eq!(refused, Some(expected), "{text:?}");
    }
    let text = "GET /7654321 HTTP/1.1\r\nHost: a\r\nA: 1\r\n\r\n";
    assert!(matches!(parse_request(text.as_bytes(), &mut empty_slots(), &limits), Ok(Some(_))));
}

#[test]
fn requests_refused() {
    let host = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (text, expected) in [
        (
            format!("{host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            HeadError::TransferEncoding,
        ),
        (
            format!("{host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
            HeadError::TransferEncoding,
        ),
        (format!("{host}Transfer-Encoding: gzip, chunked\r\n\r\n"), HeadError::TransferCoding),
        (format!("{host}Transfer-Encoding: xchunked\r\n\r\n"), HeadError::TransferCoding),
        (format!("{host}Transfer-Encoding:\x0bchunked\r\n\r\n"), HeadError::Syntax),
        (
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            HeadError::TransferEncoding,
        ),
        (format!("{host}Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), HeadError::ContentLength),
        (format!("{host}Content-Length: 1, 1\r\n\r\n"), HeadError::ContentLength),
        (format!("{host}Content-Length: +1\r\n\r\n"), HeadError::ContentLength),
        (format!("{host}Content-Length: 0x1\r\n\r\n"), HeadError::ContentLength),
        (format!("{host}Content-Length: \r\n\r\n"), HeadError::ContentLength),
        (format!("{host}Content-Length: 99999999999999999999\r\n\r\n"), HeadError::ContentLength),
        (format!("{host}Host: b\r\n\r\n"), HeadError::Host),
        ("GET / HTTP/1.1\r\nX: y\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n".to_owned(), HeadError::Host),
        (format!("{host}X: a\r\n b\r\n\r\n"), HeadError::Syntax),
        (format!("{host}X : a\r\n\r\n"), HeadError::Syntax),
        (format!("{host}X: a\n\r\n"), HeadError::BareLineFeed),
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), HeadError::BareLineFeed),
        (format!("{host}X: a\0b\r\n\r\n"), HeadError::Syntax),
        (format!("{host}Expect: 200-ok\r\n\r\n"), HeadError::Expect),
        (format!("{host}{}\r\n", "Via: 1.1 halftone\r\n".repeat(HOPS_MAX + 1)), HeadError::Loop),
        (
            format!(
                "{host}Via: {}1.1 halftone (a)\r\n\r\n",
                "HTTP/1.1\thalftone , ".repeat(HOPS_MAX)
            ),
            HeadError::Loop,
        ),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), HeadError::Version),
        ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), HeadError::Target),
        ("GET x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), HeadError::Target),
        ("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), HeadError::Target),
        ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), HeadError::Target),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), HeadError::Connect),
        (format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(33)), HeadError::Method),
        (format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(9000)), HeadError::Method),
        ("M".repeat(URI_BYTES_MAX + 65), HeadError::Method),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: a:8:0\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n".to_owned(), HeadError::Host),
        ("GET / HTTP/1.1\r\nHost: []\r\n\r\n".to_owned(), HeadError::Host),
        ("GET http://a,b/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), HeadError::Host),
        (
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(URI_BYTES_MAX)),
            HeadError::TargetTooLong,
        ),
        (format!("GET /{}", "x".repeat(URI_BYTES_MAX + 64)), HeadError::TargetTooLong),
        (format!("{host}{}\r\n", "X: y\r\n".repeat(HEADERS_MAX)), HeadError::TooManyFields),
        (format!("{host}X: {}", "y".repeat(HEAD_BYTES_MAX)), HeadError::TooLarge),
        (format!("{host}X: {}\r\n\r\n", "y".repeat(HEAD_BYTES_MAX)), HeadError::TooLarge),
    ] {
        assert_eq!(request(&text), Err(expected), "{:?}", &text[..text.len().min(120)]);
    }
}

/// Each name is looked for among all fields: unbounded, a head of 32 KiB would take millions of comparisons.
#[test]
fn connection_names_only_so_many_fields() {
    let head = |names: usize| {
        let names = "x, ".repeat(names);
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: {names}close\r\nConnection: close\r\n\r\n"
        )
    };
    assert!(matches!(request(&head(CONNECTION_NAMES_MAX)), Ok(Some((_, false, _)))));
    assert_eq!(request(&head(CONNECTION_NAMES_MAX + 1)), Err(HeadError::TooManyFields));
    let twice = head(CONNECTION_NAMES_MAX).replacen("Connection: close", "Connection: y", 1);
    assert_eq!(request(&twice), Err(HeadError::TooManyFields));
}

/// A service that reads `_` as `-` would see another message than everybody else.
#[test]
fn names_that_would_frame_if_spelled_otherwise_end_here() {
    let text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent_Length: 9\r\nKeep_Alive: 5\r\n\
                Proxy_Connection: x\r\nHTTP2_Settings: x\r\nX_Kept: 1\r\nContent-Length: 3\r\n\r\n";
    let mut slots = empty_slots();
    let head = parse_request(text.as_bytes(), &mut slots, &HeadLimits::default())
        .expect("accepted")
        .expect("whole");
    let kept: Vec<&str> = (0..head.headers.len())
        .filter(|index| !head.hop_by_hop.contains(*index))
        .map(|index| head.headers[index].name)
        .collect();
    assert_eq!(kept, ["X_Kept", "Content-Length"]);
    assert_eq!(head.framing, Framing::Length(3));
}

#[test]
fn fields_are_classified_once() {
    let text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-hop, close, content-length\r\nX-Hop: 1\r\nX-Stay: 1\r\n\
                Keep-Alive: 5\r\nTE: trailers\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=1\r\nContent-Length: 3\r\n\r\n";
    let mut slots = empty_slots();
    let head = parse_request(text.as_bytes(), &mut slots, &HeadLimits::default())
        .expect("accepted")
        .expect("whole");
    let names = |mask: Mask| {
        let fields =
            head.headers.iter().enumerate().filter(move |(index, _)| mask.contains(*index));
        fields.map(|(_, header)| header.name).collect::<Vec<_>>()
    };
    assert_eq!(names(head.hop_by_hop), ["Host", "Connection", "X-Hop", "Keep-Alive", "TE"]);
    assert_eq!(names(head.forwarded), ["X-Forwarded-For", "Forwarded"]);
    assert_eq!(names(head.forwarded_for), ["X-Forwarded-For"]);
    assert_eq!(head.framing, Framing::Length(3));
}

fn response(text: &str, method: &str) -> Result<Option<(u16, Framing, bool)>, HeadError> {
    let mut slots = empty_slots();
    let head = parse_response(text.as_bytes(), method, &mut slots)?;
    Ok(head.map(|head| (head.status, head.framing, head.keep_alive)))
}

#[test]
fn responses() {
    use Framing::{Chunked, Close, Empty, Length};
    for (text, method, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", Ok(Some((200, Length(5), true)))),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", Ok(Some((200, Empty, true)))),
        ("HTTP/1.1 200\r\n\r\n", "GET", Ok(Some((200, Close, false)))),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", Ok(Some((200, Length(5), false)))),
        ("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", "GET", Ok(Some((304, Empty, true)))),
        ("HTTP/1.1 204 X\r\n\r\n", "GET", Ok(Some((204, Empty, true)))),
        ("HTTP/1.1 100 Continue\r\n\r\n", "POST", Ok(Some((100, Empty, true)))),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET",
            Ok(Some((200, Chunked, true))),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            "GET",
            Ok(Some((200, Chunked, false))),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "GET",
            Err(HeadError::ContentLength),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET",
            Err(HeadError::TransferEncoding),
        ),
        ("HTTP/1.1 999 X\r\n\r\n", "GET", Err(HeadError::Syntax)),
        ("HTTP/1.1 200 OK\nContent-Length: 5\n\n", "GET", Err(HeadError::BareLineFeed)),
        ("SSH-2.0-x\r\n", "GET", Err(HeadError::Version)),
        ("HTTP/1.1 200 OK\r\n", "GET", Ok(None)),
    ] {
        assert_eq!(response(text, method), expected, "{method} {text:?}");
    }
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_request(&bytes, &mut empty_slots(), &HeadLimits::default());
        let _ = parse_response(&bytes, "GET", &mut empty_slots());
    }

    #[test]
    fn damaged_requests_never_panic(at in 0usize..90, byte in any::<u8>()) {
        let mut bytes = b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: x, close\r\nExpect: 100-continue\r\n\r\n".to_vec();
        bytes[at] = byte;
        let _ = parse_request(&bytes, &mut empty_slots(), &HeadLimits::default());
    }
}

#[test]
fn a_long_way_is_no_circle() {
    let others = ["1.1 proxy", "1.1 halftone.example", "halftone", "1.1 other (halftone)", ""];
    for members in [vec!["1.1 halftone"; HOPS_MAX], others.repeat(HOPS_MAX + 1)] {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\nVia: {}\r\n\r\n", members.join(", "));
        assert!(matches!(request(&text), Ok(Some(_))), "{text}");
    }
}
