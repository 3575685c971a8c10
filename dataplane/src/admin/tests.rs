//! Callers of the admin address that take their time.

use std::sync::mpsc::{RecvTimeoutError, channel};

use crossbeam::channel::unbounded;
use halftone_core::table::epoch::EpochCell;

use super::*;
use crate::last_good::LastGood;

/// The time is for a request, not for each of its bytes.
#[test]
fn one_that_drips_does_not_keep_the_others_waiting() {
    let directory = tempfile::tempdir().expect("a directory");
    let tables = Arc::new(EpochCell::new(None));
    let keeper = LastGood::open(directory.path())
        .and_then(|last_good| last_good.keep(Arc::clone(&tables)))
        .expect("a folder");
    let publisher = Arc::new(Publisher::new(tables, Vec::new(), unbounded().1, keeper));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    start(Admin { publisher, engine: "none".to_owned(), version: "0" }, listener)
        .expect("a thread");
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
    let mut other = TcpStream::connect(address).expect("it listens");
    other.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
    other.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").expect("a request");
    let mut answer = String::new();
    other.read_to_string(&mut answer).expect("an answer, while the first still drips");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(stop);
    dripper.join().expect("it ends");
}
