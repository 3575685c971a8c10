//! Bodies: sent at once, in chunks, or after a word from the gateway.

use cucumber::{given, then, when};

use crate::{
    message::Message,
    stage::Stage,
    upstream::{Upstream, answer},
};

/// Returns bytes of which no two neighbours are confused.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| b"0123456789abcdef"[(at * 7 + at / 16) % 16]).collect()
}

/// Returns `body` in chunks.
fn chunks(body: &[u8]) -> Vec<u8> {
    let chunk =
        |piece: &[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    body.chunks(50_000).flat_map(chunk).collect()
}

#[given(expr = "a service {word} that returns what it is sent")]
fn echo(stage: &mut Stage, name: String) {
    let service = Upstream::answering(|request: &Message| {
        let body = &request.body;
        if !request.is_chunked() {
            return answer(&String::from_utf8_lossy(body));
        }
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        [&head[..], &chunks(body), b"0\r\nX-Echo: done\r\n\r\n"].concat()
    });
    stage.add(&name, service);
}

#[when(expr = "{int} bytes are posted at once")]
fn at_once(stage: &mut Stage, count: usize) {
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {count}\r\n\r\n");
    stage.body = bytes(count);
    post(stage, &[head.as_bytes(), &stage.body].concat());
}

#[when(expr = "{int} bytes are posted in chunks")]
fn in_chunks(stage: &mut Stage, count: usize) {
    let head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stage.body = bytes(count);
    post(stage, &[head, &chunks(&stage.body)[..], b"0\r\n\r\n"].concat());
}

fn post(stage: &mut Stage, request: &[u8]) {
    let mut connection = stage.stack().connect();
    // What is refused need not be taken.
    let _ = connection.try_send(request);
    stage.answer = connection.answer();
}

#[then("they came back unchanged")]
fn unchanged(stage: &mut Stage) {
    assert!(stage.answer.body == stage.body, "{} bytes came back", stage.answer.body.len());
}

#[when(expr = "a request with the trailer {string} is sent")]
fn with_trailer(stage: &mut Stage, trailer: String) {
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    post(stage, format!("{head}2\r\nhi\r\n0\r\n{trailer}\r\n\r\n").as_bytes());
}

#[then(expr = "{word} was sent no trailer")]
fn no_trailer(stage: &mut Stage, name: String) {
    let requests = stage.service(&name).requests();
    assert!(requests.last().expect("a request").trailers.is_empty());
}

#[then(expr = "the answer's trailer is {string}")]
fn trailer(stage: &mut Stage, expected: String) {
    assert_eq!(stage.answer.trailers, [expected]);
}

#[when(expr = "{int} bytes are announced")]
fn announced(stage: &mut Stage, count: usize) {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {count}\r\n\r\n"
    );
    stage.body = bytes(count);
    let mut connection = stage.stack().connect();
    stage.answer = connection.send(head).answer_to_head();
    stage.kept = Some(connection);
}

#[then("it is told to go on")]
fn told_to_go_on(stage: &mut Stage) {
    assert_eq!(stage.answer.status(), 100, "{:?}", stage.answer);
}

#[then("when they are sent they come back unchanged")]
fn sent(stage: &mut Stage) {
    let connection = stage.kept.as_mut().expect("a connection");
    stage.answer = connection.send(&stage.body).answer();
    unchanged(stage);
}
