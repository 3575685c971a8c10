//! Problem documents as people read them.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Shutdown, TcpListener},
    thread,
};

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

/// Starts a server that says `said` once it read a head and `portion` bytes more, and then closes; returns where, and the
/// head's first line when it is done.
fn server(portion: usize, said: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a caller");
        let mut reader = BufReader::new(&stream);
        let (mut first, mut line) = (String::new(), String::new());
        reader.read_line(&mut first).expect("a head");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).expect("a head");
        }
        if portion > 0 {
            (&stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").expect("sent");
        }
        reader.read_exact(&mut vec![0; portion]).expect("a body");
        (&stream).write_all(said.as_bytes()).expect("sent");
        stream.shutdown(Shutdown::Both).expect("closed");
        first
    });
    (format!("http://{address}"), server)
}

#[test]
fn names_are_segments_of_a_path() {
    let (base, server) = server(0, "HTTP/1.1 204 No Content\r\n\r\n");
    Client::new(&base).put_bundle("a b/c?", "{}").expect("taken");
    let line = server.join().expect("no panic");
    assert_eq!(line, "PUT /v1/tenants/a%20b%2Fc%3F/bundle HTTP/1.1\r\n");
}

/// Sends a body without end to a [`server`]; returns what is told of that.
fn told_of_a_body_without_end(portion: usize, said: &'static str) -> String {
    let (base, server) = server(portion, said);
    let client = Client::new(&base);
    let loaded = client.load_list(("shop", "staff"), "text/plain", &mut io::repeat(b'7'));
    server.join().expect("no panic");
    loaded.expect_err("no list has no end").to_string()
}

#[test]
fn an_answer_before_the_end_of_a_body_is_told() {
    let said = "HTTP/1.1 400 Bad Request\r\nContent-Length: 15\r\n\r\n{\"detail\":\"no\"}";
    for portion in [0, 1, 1 << 20] {
        let told = told_of_a_body_without_end(portion, said);
        assert!(told.ends_with("refuses (400 Bad Request): no"), "{portion}: {told}");
    }
    let told = told_of_a_body_without_end(1, "");
    assert!(told.contains("does not answer: io: "), "{told}");
}
