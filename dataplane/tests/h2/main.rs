//! HTTP/2 over the seam: a library that polls and borrows, on engines that own their buffers.
//!
//! Owns the proof that the seam carries it (decision 0006): both ends run on one engine, with several
//! streams at once, and bodies beyond the windows of stream and connection. Nothing of it is served.

mod poll;

use std::{
    future::Future, os::unix::net::UnixStream, pin::Pin, rc::Rc, sync::mpsc, task::Poll, thread,
    time::Duration,
};

use bytes::Bytes;
use futures_lite::future::{poll_fn, zip};
use h2::{
    RecvStream, SendStream,
    client::{self, SendRequest},
    server,
};
use halftone_dataplane::{
    engine::{
        self, Engine,
        probe::{Choice, Request, probe},
    },
    io::deadline::Wheel,
};
use http::{Request as Head, Response};
use poll::Polled;

const STREAMS: usize = 8;
/// More than a window (RFC 9113 §6.9.2), more than a socket's buffer.
const BODY_BYTES: usize = 700_000;

#[test]
fn io_uring() {
    check(Request::IoUring);
}

#[test]
fn epoll() {
    check(Request::Epoll);
}

#[test]
fn glommio() {
    check(Request::Glommio);
}

fn check(request: Request) {
    let choice = match probe(request) {
        Ok((choice, _)) => choice,
        Err(refusal) => return eprintln!("not tested: {refusal}"),
    };
    let (done, ended) = mpsc::channel();
    let run = move || {
        let streams = match choice {
            Choice::IoUring(flags) => engine::monoio::block_on(Some(flags), converse),
            Choice::Epoll => engine::monoio::block_on(None, converse),
            Choice::Glommio => engine::glommio::block_on(converse),
        };
        done.send(streams.expect("probed")).expect("somebody waits");
    };
    let thread = thread::spawn(run);
    // A wait that nobody ends would otherwise look like a long one.
    let streams = ended.recv_timeout(Duration::from_secs(20)).expect("an end");
    thread.join().expect("no panic");
    assert_eq!(streams, (STREAMS, STREAMS));
}

/// Runs both ends; returns how many streams were answered and how many answers were right.
async fn converse<E: Engine>(engine: E) -> (usize, usize) {
    let wheel = Rc::new(Wheel::default());
    let ends = UnixStream::pair().expect("a pair");
    let [service, caller] = [ends.0, ends.1].map(|end| {
        end.set_nonblocking(true).expect("a flag");
        Polled::new(engine.adopt(end.into()).expect("adopted"), &wheel)
    });
    zip(serve(engine, service), call(caller)).await
}

async fn serve<E: Engine>(engine: E, stream: Polled<E>) -> usize {
    let mut connection = server::handshake(stream.clone()).await.expect("a preface");
    let mut answered = 0;
    while let Some(request) = connection.accept().await {
        // The caller closes when it has everything; that ends the connection as well as a farewell does.
        let Ok((request, mut respond)) = request else { break };
        let number: u8 = request.uri().path()[1..].parse().expect("a number");
        let body = respond.send_response(Response::new(()), false).expect("the stream is open");
        engine.spawn(send(body, number));
        answered += 1;
    }
    drop(connection);
    stream.end().await;
    answered
}

/// Sends a body as fast as windows open.
async fn send(mut stream: SendStream<Bytes>, number: u8) {
    let mut left = BODY_BYTES;
    while left > 0 {
        stream.reserve_capacity(left);
        let room = poll_fn(|context| stream.poll_capacity(context)).await;
        let bytes = room.expect("the stream is open").expect("a window").min(left);
        left -= bytes;
        stream.send_data(vec![number; bytes].into(), left == 0).expect("reserved");
    }
}

async fn call<E: Engine>(stream: Polled<E>) -> usize {
    let (sender, connection) = client::handshake(stream.clone()).await.expect("settings");
    // The connection lasts until nobody can ask any more.
    let (ended, right) = zip(connection, ask(sender)).await;
    ended.expect("an orderly end");
    stream.end().await;
    right
}

/// Asks for everything at once; returns how many answers were right.
async fn ask(mut sender: SendRequest<Bytes>) -> usize {
    let mut right = 0;
    let mut answers: Vec<Pin<Box<dyn Future<Output = bool>>>> = Vec::new();
    for number in 0..STREAMS {
        poll_fn(|context| sender.poll_ready(context)).await.expect("room for a stream");
        let head = Head::get(format!("http://localhost/{number}")).body(()).expect("a head");
        let (response, _) = sender.send_request(head, true).expect("a stream");
        let number = u8::try_from(number).expect("few");
        answers.push(Box::pin(async move {
            let body = response.await.expect("an answer").into_body();
            is_right(body, number).await
        }));
    }
    // Together: each holds a part of the connection's window.
    poll_fn(|context| {
        answers.retain_mut(|answer| match answer.as_mut().poll(context) {
            Poll::Ready(whole) => {
                right += usize::from(whole);
                false
            }
            Poll::Pending => true,
        });
        if answers.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    right
}

async fn is_right(mut body: RecvStream, number: u8) -> bool {
    let mut received = 0;
    while let Some(bytes) = body.data().await {
        let bytes = bytes.expect("data");
        if bytes.iter().any(|byte| *byte != number) {
            return false;
        }
        received += bytes.len();
        body.flow_control().release_capacity(bytes.len()).expect("as many as came");
    }
    received == BODY_BYTES
}
