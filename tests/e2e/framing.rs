//! Framing: bodies of every announced form, both ways, byte for byte.

use std::fmt::Write as _;

use crate::{
    message::{Message, Wire},
    on_each_engine,
    stack::{Engine, Stack, get},
    upstream::{Upstream, answer},
};

const MIB: usize = 1024 * 1024;

/// Returns bytes that are not the same at any two nearby places.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at / 251 + at * 7) % 256).expect("a byte")).collect()
}

/// Writes a body in chunks of `size`.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// A service that answers with the body it was sent: in chunks at `/chunked`, to the end of the
/// connection at `/close`, with its length elsewhere.
fn echo() -> Upstream {
    Upstream::answering(|request: &Message| {
        let target = request.start.split(' ').nth(1).unwrap_or_default();
        let (fields, body) = match target {
            "/chunked" => ("Transfer-Encoding: chunked".to_owned(), chunked(&request.body, 10_000)),
            "/close" => ("Connection: close".to_owned(), request.body.clone()),
            _ => (format!("Content-Length: {}", request.body.len()), request.body.clone()),
        };
        let mut answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").into_bytes();
        answer.extend(body);
        answer
    })
}

fn start(engine: Engine, upstream: &Upstream) -> Stack {
    Stack::start(engine, &["--upstream", &format!("http://{}", upstream.address())])
}

fn post(target: &str, framing: &str, body: &[u8]) -> Vec<u8> {
    let mut request =
        format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

on_each_engine! {
    fn bodies_come_through_in_both_framings_both_ways(engine: Engine) {
        let service = echo();
        let stack = start(engine, &service);
        let mut connection = stack.connect();
        for length in [0, 1, 100, 4_096, 65_536, 70_000, MIB] {
            let body = pattern(length);
            for target in ["/length", "/chunked"] {
                let by_length = post(target, &format!("Content-Length: {length}"), &body);
                let in_chunks = post(target, "Transfer-Encoding: chunked", &chunked(&body, 9_999));
                for (framing, request) in [("length", by_length), ("chunks", in_chunks)] {
                    let answer = connection.send(&request).answer();
                    assert_eq!(answer.status(), 200, "{length} by {framing} to {target}");
                    assert_eq!(answer.is_chunked(), target == "/chunked");
                    assert!(answer.body == body, "{length} by {framing} to {target}: not the same body");
                }
            }
        }
        let chunks: Vec<bool> = service.requests().iter().map(Message::is_chunked).collect();
        assert!(chunks.chunks(2).all(|pair| pair == [false, true]), "framings are kept: {chunks:?}");
    }

    /// Chunks are cut anew on the wire as they like; here each byte comes alone.
    fn a_request_may_come_in_small_pieces(engine: Engine) {
        let service = echo();
        let stack = start(engine, &service);
        let mut connection = stack.connect();
        for byte in post("/length", "Transfer-Encoding: chunked", &chunked(b"hello, world", 5)) {
            connection.send([byte]);
        }
        assert_eq!(connection.answer().text(), "hello, world");
    }

    fn a_body_may_end_with_the_connection(engine: Engine) {
        let service = echo();
        let stack = start(engine, &service);
        let body = pattern(100_000);
        let request = post("/close", "Content-Length: 100000", &body);
        let answer = stack.connect().send(&request).answer();
        assert_eq!(answer.status(), 200);
        assert!(answer.body == body);
    }

    fn an_answer_is_not_lost_to_the_next_request(engine: Engine) {
        let service = echo();
        let stack = start(engine, &service);
        let body = pattern(100_000);
        let mut both = post("/close", "Content-Length: 100000", &body);
        // Closing while this lies unread would reset the connection.
        both.extend(post("/close", "Content-Length: 1000000", &pattern(1_000_000)));
        let mut connection = stack.connect();
        // The gateway may have closed before it took all of it.
        let _ = connection.try_send(&both);
        assert!(connection.answer().body == body);
    }

    fn head_has_a_head_only(engine: Engine) {
        let service = Upstream::answering(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec());
        let stack = start(engine, &service);
        let mut connection = stack.connect();
        for _ in 0..2 {
            let head = connection.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").answer_to_head();
            assert_eq!((head.status(), head.field("content-length")), (200, Some("5")));
        }
    }

    fn answers_without_a_body_keep_the_connection(engine: Engine) {
        let service = Upstream::answering(|request| {
            let status = request.start.split(['/', ' ']).nth(2).unwrap_or_default();
            format!("HTTP/1.1 {status} Some\r\n\r\n").into_bytes()
        });
        let stack = start(engine, &service);
        let mut connection = stack.connect();
        for status in [204, 304, 204] {
            let answer = connection.send(get(&format!("/{status}"), &[])).answer();
            assert_eq!(answer.status(), status);
        }
    }

    /// Connections are kept on both sides; requests may be sent ahead.
    fn connections_are_used_again(engine: Engine) {
        let service = Upstream::answering(|request| {
            answer(request.start.split(' ').nth(1).unwrap_or_default())
        });
        let stack = start(engine, &service);
        let mut connection = stack.connect();
        for at in 0..50 {
            let target = format!("/{at}");
            assert_eq!(connection.send(get(&target, &[])).answer().text(), target);
        }
        assert_eq!(service.connections(), 1, "one caller needs one upstream connection");
        let ahead = (0..10).fold(String::new(), |mut ahead, at| {
            let _ = write!(ahead, "{}", get(&format!("/ahead/{at}"), &[]));
            ahead
        });
        connection.send(ahead);
        for at in 0..10 {
            assert_eq!(connection.answer().text(), format!("/ahead/{at}"), "in their order");
        }
    }

    fn http_1_0_gets_no_chunks_and_no_kept_connection(engine: Engine) {
        let service = Upstream::answering(|_| {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec()
        });
        let stack = start(engine, &service);
        let mut connection = stack.connect();
        let answer = connection.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").answer();
        assert_eq!(answer.status(), 200);
        assert!(!answer.is_chunked(), "{answer:?}");
        assert_eq!(answer.text(), "hello");
        assert!(connection.is_at_end());
    }

    fn what_belongs_to_a_hop_stays_there(engine: Engine) {
        let service = Upstream::answering(|_| {
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\n".to_vec()
        });
        let stack = start(engine, &service);
        let answer = stack.get(&[
            ("Connection", "keep-alive, X-Mine"),
            ("Keep-Alive", "timeout=5"),
            ("X-Mine", "1"),
            ("X-Yours", "2"),
        ]);
        assert_eq!((answer.field("x-hop"), answer.field("x-kept")), (None, Some("2")));
        let requests = service.requests();
        let sent = &requests[0];
        assert_eq!(sent.start, "GET / HTTP/1.1");
        for (name, expected) in
            [("keep-alive", None), ("x-mine", None), ("x-yours", Some("2")), ("host", Some("localhost"))]
        {
            assert_eq!(sent.field(name), expected, "{name}");
        }
        assert!(sent.field("via").is_some_and(|via| via.contains("halftone")), "{sent:?}");
    }

    fn an_expectation_is_met(engine: Engine) {
        let service = echo();
        let stack = start(engine, &service);
        let mut connection: Wire = stack.connect();
        connection.send(post("/length", "Content-Length: 5\r\nExpect: 100-continue", b""));
        // The gateway may answer 100 itself or have the service do it; this one waits for the body.
        assert_eq!(connection.answer_to_head().status(), 100);
        assert_eq!(connection.send("hello").answer().text(), "hello");
    }
}
