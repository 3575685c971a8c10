//! Requests whose end two readers could see at different places: refused before anything is sent on.

use crate::{
    on_each_engine,
    stack::{Engine, Stack},
    upstream::Upstream,
};

/// A request inside another's body, should the body be taken for less than it is.
const INNER: &str = "GET /inner HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// What is tried, by name, before [`INNER`].
const ATTEMPTS: [(&str, &str); 16] = [
    (
        "length and chunks",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunks and length",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    (
        "two lengths",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
    ),
    (
        "one length twice",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    ),
    ("two lengths in one", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"),
    ("a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"),
    (
        "two codings",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a space before the colon",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunks in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n"),
    ("one bare line feed", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    ("a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
    ("a carriage return alone", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n"),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ("no host", "GET / HTTP/1.1\r\nX: b\r\n\r\n"),
    ("a zero byte", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"),
];

/// Chunks that are broken: found only when the head is on its way.
const CHUNKS: [(&str, &str); 5] = [
    ("no size", "\r\nhello\r\n0\r\n\r\n"),
    ("no digits", "zz\r\nhello\r\n0\r\n\r\n"),
    ("a sign", "+5\r\nhello\r\n0\r\n\r\n"),
    ("more than was said", "5\r\nhello!\r\n0\r\n\r\n"),
    ("a bare line feed", "5\nhello\r\n0\r\n\r\n"),
];

on_each_engine! {
    fn a_doubtful_head_is_answered_400_and_the_connection_closed(engine: Engine) {
        let service = Upstream::named("service");
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        for (name, attempt) in ATTEMPTS {
            let mut connection = stack.connect();
            let answer = connection.send(format!("{attempt}{INNER}")).answer();
            assert_eq!(answer.status(), 400, "{name}: {answer:?}");
            assert!(connection.is_at_end(), "{name}: the connection lives on");
        }
        assert_eq!(service.count(), 0, "{:?}", service.requests());
    }

    fn a_doubtful_body_is_answered_400_and_the_connection_closed(engine: Engine) {
        let service = Upstream::named("service");
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        for (name, chunks) in CHUNKS {
            let mut connection = stack.connect();
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            let answer = connection.send(format!("{head}{chunks}{INNER}")).answer();
            assert_eq!(answer.status(), 400, "{name}: {answer:?}");
            assert!(connection.is_at_end(), "{name}: the connection lives on");
        }
        assert_eq!(service.count(), 0, "no whole request was made of one: {:?}", service.requests());
    }
}
