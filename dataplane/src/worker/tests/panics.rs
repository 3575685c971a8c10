//! A fault of ours within one connection: nobody else notices.

use super::{
    harness::{Running, Service, Setting, Wire, until},
    on_each_engine,
    tripping::TRIP,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Panics the connection of `caller`, and waits until it is over.
fn panicked(worker: &Running, caller: &mut Wire, times: u64) {
    assert!(caller.rest().is_ok_and(|rest| rest.is_empty()) || caller.rest().is_err());
    until("the panic to be counted", || worker.errors("proxy_internal_error") == times);
}

on_each_engine! {
    fn a_panic_ends_its_connection_and_no_other(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        // One that waits for its answer, and one that is within it.
        let mut waits = worker.connect();
        waits.send(GET);
        let mut thinks = service.accept();
        thinks.head();
        let mut takes = worker.connect();
        takes.send(GET);
        let mut gives = service.accept();
        gives.head();
        gives.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        takes.head();
        // In a head, in a body, and in an answer.
        let mut head = worker.connect();
        head.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {TRIP}\r\n\r\n"));
        panicked(&worker, &mut head, 1);
        let mut body = worker.connect();
        body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
        let mut upstream = service.accept();
        upstream.head();
        body.send(TRIP);
        panicked(&worker, &mut body, 2);
        upstream.rest().ok();
        let mut answer = worker.connect();
        answer.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        upstream.send(format!("HTTP/1.1 200 OK\r\nX: {TRIP}\r\n"));
        panicked(&worker, &mut answer, 3);
        // The others live on, and so does the worker.
        thinks.send(OK);
        assert!(waits.head().starts_with("http/1.1 200 "));
        gives.send("cd");
        assert_eq!(takes.take(4), b"abcd");
        let mut next = worker.connect();
        next.send(GET);
        // The connection that was kept last.
        gives.head();
        gives.send(OK);
        assert!(next.head().starts_with("http/1.1 200 "));
        // Those that panicked are counted as gone: nothing keeps a drain.
        drop((waits, takes, next));
        worker.drain();
    }
}
