//! Deadlines: what is ended when, and what is not.

use super::{
    harness::{Running, Service, Setting, until},
    on_each_engine,
};

use halftone_core::limits::STALL_MS;

use crate::engine::probe::Choice;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Returns whether some process holds the TCP socket with this local port (proc_net_tcp(5)).
fn is_held(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("proc(5)");
    let local = format!(":{port:04X}");
    table.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // A socket that nobody holds any more has no inode.
        words.get(1).is_some_and(|word| word.ends_with(&local))
            && words.get(9).is_some_and(|inode| *inode != "0")
    })
}

on_each_engine! {
    /// Ended alone, it would keep its descriptor until its address is asked for again.
    fn an_upstream_connection_nobody_needs_is_closed(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        upstream.send(OK);
        caller.head();
        caller.take(2);
        let port = upstream.stream.peer_addr().expect("an address").port();
        until("the connection to be kept", || is_held(port));
        worker.pass(45_000);
        assert!(is_held(port), "its time is not over");
        worker.pass(10_000);
        until("the connection to be closed", || !is_held(port));
    }

    /// A connection that listens hears the end; one that does not is asked when it is to be used, or grows old.
    fn an_upstream_connection_the_service_closes_is_closed_here(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        upstream.send(OK);
        caller.head();
        caller.take(2);
        let port = upstream.stream.peer_addr().expect("an address").port();
        until("the connection to be kept", || is_held(port));
        drop(upstream);
        if matches!(choice, Choice::Glommio) {
            worker.pass(55_000);
        }
        // The end arrives when it arrives, and is seen a second later at most.
        let mut passed_ms = 0;
        until("the connection to be closed", || {
            worker.pass(100);
            passed_ms += 100;
            assert!(passed_ms < 40_000, "it was its age that ended it");
            !is_held(port)
        });
    }

    /// However slowly it comes: it has one deadline, not one for each piece.
    fn features_that_do_not_come_are_408(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send(
            "POST /.well-known/halftone/fingerprint HTTP/1.1\r\nHost: localhost\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: 8000\r\n\r\n",
        );
        let mut passed_ms = 0;
        until("the answer", || {
            if !caller.has_news() {
                caller.send(" ");
            }
            worker.pass(5_000);
            passed_ms += 5_000;
            caller.has_news()
        });
        assert!(passed_ms >= STALL_MS, "{passed_ms}");
        assert!(caller.head().starts_with("http/1.1 408 "));
        assert_eq!(worker.errors("client_timeout"), 1);
        assert!(service.is_untouched());
    }

    fn a_head_that_does_not_come_is_408(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("GET / HTTP/1.1\r\n");
        until("the answer", || {
            worker.pass(1_000);
            caller.has_news()
        });
        assert!(caller.head().starts_with("http/1.1 408 "));
        assert_eq!(worker.errors("client_timeout"), 1);
        assert!(service.is_untouched());
    }

    fn a_silent_connection_is_closed_without_a_word(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        until("the end", || {
            worker.pass(1_000);
            caller.has_news()
        });
        assert_eq!(caller.rest().expect("the end"), b"");
    }

    /// The head came in two pieces, so its deadline was armed.
    fn the_deadline_of_a_head_does_not_outlive_it(choice) {
        let service = Service::start();
        let limits = crate::limits::Limits { first_byte_ms: 60_000, ..Default::default() };
        let worker = Running::start(choice, service.address, &Setting { limits, ..Setting::default() });
        let mut caller = worker.connect();
        caller.send("GET / HTTP/1.1\r\n");
        worker.pass(5_000);
        caller.send("Host: a\r\n\r\n");
        let mut upstream = service.accept();
        upstream.head();
        worker.pass(20_000);
        upstream.send(OK);
        assert!(!caller.head().contains("connection: close"));
        caller.take(2);
        caller.send(GET);
        upstream.head();
        upstream.send(OK);
        assert!(caller.head().starts_with("http/1.1 200 "));
    }

    fn the_deadline_of_a_head_does_not_end_a_tunnel(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("GET / HTTP/1.1\r\nHost: a\r\n");
        worker.pass(5_000);
        caller.send("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let mut upstream = service.accept();
        upstream.head();
        upstream.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        caller.head();
        worker.pass(120_000);
        caller.send("ping");
        assert_eq!(upstream.take(4), b"ping");
        upstream.send("pong");
        assert_eq!(caller.take(4), b"pong");
    }

    /// A service has nothing to answer before it has the whole request.
    fn a_pause_within_a_body_is_not_the_services_fault(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        let mut upstream = service.accept();
        upstream.head();
        upstream.take(2);
        worker.pass(30_000);
        caller.send("cd");
        upstream.take(2);
        upstream.send(OK);
        assert!(caller.head().starts_with("http/1.1 200 "));
    }

    fn a_caller_that_pauses_for_too_long_is_408(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        let mut upstream = service.accept();
        upstream.head();
        until("the answer", || {
            worker.pass(5_000);
            caller.has_news()
        });
        assert!(caller.head().starts_with("http/1.1 408 "));
    }
}
