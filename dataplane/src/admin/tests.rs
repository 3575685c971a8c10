//! Callers of the admin address that take their time.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

use crossbeam::channel::unbounded;
use halftone_core::{
    signal::{geo::Databases, jwt::Issuers, lists::IdLists},
    table::epoch::EpochCell,
};

use super::*;
use crate::{admin::visitors::VISITORS_MAX, last_good::LastGood};

fn started() -> SocketAddr {
    let directory = tempfile::tempdir().expect("a directory");
    let tables = Arc::new(EpochCell::new(None));
    let keeper = LastGood::open(directory.path())
        .and_then(|last_good| last_good.keep(Arc::clone(&tables)))
        .expect("a folder");
    let databases = Arc::new(EpochCell::new(Databases::default()));
    let lists = Arc::new(EpochCell::new(IdLists::default()));
    let issuers = Arc::new(EpochCell::new(Issuers::default()));
    let applied = unbounded().1;
    let publisher = Publisher::new(tables, Vec::new(), applied, keeper, databases, lists, issuers);
    let publisher = Arc::new(publisher);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let keys = Arc::default();
    start(Admin { publisher, keys, engine: "none".to_owned(), version: "0" }, listener)
        .expect("a thread");
    address
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut caller = TcpStream::connect(address).expect("it listens");
    caller.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
    caller.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    caller.read_to_string(&mut answer).expect("an answer");
    answer
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/// The time is for a request, not for each of its bytes.
#[test]
fn one_that_drips_does_not_keep_the_others_waiting() {
    let address = started();
    let mut dripping = TcpStream::connect(address).expect("it listens");
    dripping.write_all(b"GET / HTTP/1.1\r\nX: ").expect("a byte");
    let (stop, stopped) = channel::<()>();
    let dripper = thread::spawn(move || {
        // Until the other is answered, however long that takes.
        while stopped.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout) {
            if dripping.write_all(b"x").is_err() {
                return;
            }
        }
    });
    let answer = ask(address, HEALTH);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(stop);
    dripper.join().expect("it ends");
}

/// More than it serves at once; one after the other they would take minutes.
#[test]
fn many_that_are_silent_do_not_keep_the_others_waiting() {
    let address = started();
    let silent: Vec<TcpStream> =
        (0..3 * VISITORS_MAX).map(|_| TcpStream::connect(address).expect("it listens")).collect();
    for _ in 0..3 {
        let answer = ask(address, HEALTH);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    drop(silent);
}

#[test]
fn what_is_no_request_is_told_so() {
    let address = started();
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {:x<1$}", "", HEAD_BUFFER_BYTES - 28), "400"),
        ("GET /else HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "404"),
        ("PUT /healthz HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "405"),
    ] {
        let answer = ask(address, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
        assert_eq!(answer.contains("\r\nAllow: GET, HEAD\r\n"), status == "405", "{answer}");
    }
}
