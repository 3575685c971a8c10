//! A worker that dies of a panic in its own loop, and one that never stops dying.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::gateway::resources::listeners;

/// How long anything that is expected may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn common(run: fn(Choice, Start) -> io::Result<()>) -> Common {
    Common {
        engine: Choice::Epoll,
        applied: unbounded().0,
        tables: Arc::new(EpochCell::new(None)),
        trusted: Trusted::parse(&["none".to_owned()]).expect("nobody"),
        limits: Limits::default(),
        sockets: 64,
        keys: Arc::new(EpochCell::new(KeyRing::default())),
        fingerprint: false,
        asker: unbounded().0,
        databases: Arc::new(EpochCell::new(Databases::default())),
        lists: Arc::new(EpochCell::new(IdLists::default())),
        issuers: Arc::new(EpochCell::new(Issuers::default())),
        run,
    }
}

fn dies_once(choice: Choice, start: Start) -> io::Result<()> {
    static HAS_DIED: AtomicBool = AtomicBool::new(false);
    assert!(HAS_DIED.swap(true, Ordering::Relaxed), "a panic that this test asks for");
    run_worker(choice, start)
}

fn dies(_: Choice, _: Start) -> io::Result<()> {
    panic!("a panic that this test asks for")
}

fn ends(_: Choice, _: Start) -> io::Result<()> {
    Ok(())
}

/// Who connects while there is no worker is answered by the next one.
#[test]
fn a_worker_that_dies_is_replaced_at_its_sockets() {
    let (sockets, bound) = listeners(&[([127, 0, 0, 1], 0).into()], 1).expect("a port");
    let (mut workers, _handles) =
        Workers::start(common(dies_once), &[0], sockets, None).expect("a thread");
    let mut caller = TcpStream::connect(bound[0]).expect("the socket lives on");
    caller.set_read_timeout(Some(PATIENCE)).expect("an option");
    caller.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
    let until = Instant::now() + PATIENCE;
    while workers.revive(None).expect("it may") == 0 {
        assert!(Instant::now() < until, "it does not die");
        thread::yield_now();
    }
    let mut answer = String::new();
    caller.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(!workers.have_ended());
}

#[test]
fn one_that_keeps_dying_or_just_ends_is_given_up() {
    for (run, expected) in [(dies as fn(_, _) -> _, u64::from(RESTARTS_MAX)), (ends, 0)] {
        let (sockets, _) = listeners(&[([127, 0, 0, 1], 0).into()], 1).expect("a port");
        let (mut workers, _handles) =
            Workers::start(common(run), &[0], sockets, None).expect("a thread");
        let (mut revived, until) = (0, Instant::now() + PATIENCE);
        let error = loop {
            match workers.revive(None) {
                Ok(count) => revived += count,
                Err(error) => break error,
            }
            assert!(Instant::now() < until, "it is not given up");
            thread::yield_now();
        };
        assert!(matches!(error, GatewayError::WorkerEnded(0)), "{error}");
        assert_eq!(revived, expected);
    }
}
