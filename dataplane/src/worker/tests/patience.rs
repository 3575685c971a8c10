//! Patience: it is one's own time that runs while one is waited for, and nobody else's.

use std::thread;

use halftone_core::table::TimeoutsRow;

use super::{
    harness::{Running, Service, Setting},
    on_each_engine,
};
use crate::limits::Limits;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Callers have a second, services ten.
fn patient_with_services() -> Setting {
    let limits = Limits { stall_ms: 1_000, ..Limits::default() };
    let timeouts = TimeoutsRow { first_byte_ms: 10_000, idle_ms: 10_000, ..TimeoutsRow::UNSAID };
    Setting { limits, timeouts, ..Setting::default() }
}

/// Services have a second, callers ten.
fn patient_with_callers() -> Setting {
    let limits = Limits { stall_ms: 10_000, ..Limits::default() };
    let timeouts = TimeoutsRow { first_byte_ms: 1_000, idle_ms: 1_000, ..TimeoutsRow::UNSAID };
    Setting { limits, timeouts, ..Setting::default() }
}

on_each_engine! {
    fn a_pause_within_an_answer_is_not_the_callers(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &patient_with_services());
        let mut caller = worker.connect();
        // Copied, and spliced.
        for (head, half) in [("Transfer-Encoding: chunked", "9\r\n123456789\r\n"), ("Content-Length: 200000", &"x".repeat(100_000))] {
            caller.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let mut upstream = service.accept();
            upstream.head();
            upstream.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{half}"));
            caller.head();
            caller.take(half.len());
            worker.pass(5_000);
            upstream.send(half).send(if half.len() < 100 { "0\r\n\r\n" } else { "" });
            caller.take(half.len());
            assert!(caller.rest().is_ok(), "{head}");
            caller = worker.connect();
        }
    }

    fn a_service_may_think_behind_an_interim_answer(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &patient_with_services());
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        upstream.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        assert!(caller.head().starts_with("http/1.1 103 "));
        worker.pass(5_000);
        upstream.send(OK);
        assert!(caller.head().starts_with("http/1.1 200 "));
    }

    fn a_service_may_think_about_an_upload(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &patient_with_services());
        let mut caller = worker.connect();
        let mut upstream = None;
        for length in [4, 200_000] {
            caller.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
            let upstream = upstream.get_or_insert_with(|| service.accept());
            upstream.head();
            caller.send(vec![b'x'; length]);
            upstream.take(length);
            worker.pass(5_000);
            upstream.send(OK);
            let head = caller.head();
            assert!(head.starts_with("http/1.1 200 ") && !head.contains("close"), "{length}: {head}");
            caller.take(2);
        }
    }

    /// The caller has nothing left to do but wait.
    fn a_service_may_be_slow_to_take_an_upload(choice) {
        const LENGTH: usize = 32 << 20;
        let service = Service::start();
        let worker = Running::start(choice, service.address, &patient_with_services());
        for chunked in [false, true] {
            let mut caller = worker.connect();
            let (announced, start, end) = if chunked {
                ("Transfer-Encoding: chunked".to_owned(), "2000000\r\n", "\r\n0\r\n\r\n")
            } else {
                (format!("Content-Length: {LENGTH}"), "", "")
            };
            caller.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{announced}\r\nConnection: close\r\n\r\n{start}"));
            let mut upstream = service.accept();
            upstream.head();
            caller.bound_buffers();
            upstream.bound_buffers();
            let body = vec![b'x'; LENGTH];
            let sent = caller.send_until_blocked(&body);
            assert!(sent < LENGTH, "it all fits into buffers");
            worker.pass(5_000);
            let sending = thread::spawn(move || {
                caller.send(&body[sent..]).send(end);
                caller
            });
            upstream.take(start.len() + LENGTH + end.len());
            let mut caller = sending.join().expect("all is taken");
            upstream.send(OK);
            assert!(caller.head().starts_with("http/1.1 200 "), "{announced}");
        }
    }

    /// Copied, and spliced; the head alone, and with a part of the body.
    fn a_pause_within_an_upload_is_not_the_services(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &patient_with_callers());
        for (first, second) in [(0, 4), (2, 2), (0, 200_000), (100_000, 100_000)] {
            for expects in ["", "Expect: 100-continue\r\n"] {
                let mut caller = worker.connect();
                let length = first + 2 + second;
                caller.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{expects}Content-Length: {length}\r\nConnection: close\r\n\r\n"));
                let mut upstream = service.accept();
                upstream.head();
                caller.send(vec![b'x'; first]);
                upstream.take(first);
                worker.pass(4_000);
                caller.send("xx");
                upstream.take(2);
                worker.pass(4_000);
                caller.send(vec![b'x'; second]);
                upstream.take(second);
                upstream.send(OK);
                if !expects.is_empty() {
                    assert!(caller.head().starts_with("http/1.1 100 "));
                }
                let head = caller.head();
                assert!(head.starts_with("http/1.1 200 "), "{first} {second} {expects}: {head}");
            }
        }
    }

    /// It has nothing to add to 102 as long as it has not the whole request.
    fn an_interim_answer_starts_no_time_within_an_upload(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &patient_with_callers());
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
        let mut upstream = service.accept();
        upstream.head();
        upstream.send("HTTP/1.1 102 Processing\r\n\r\n");
        assert!(caller.head().starts_with("http/1.1 102 "));
        worker.pass(5_000);
        caller.send("abcd");
        upstream.take(4);
        // From here on it has.
        worker.pass(500);
        assert!(!caller.has_news());
        worker.pass(1_000);
        assert!(caller.head().starts_with("http/1.1 504 "));
    }

    /// Whatever of its answers it is that a caller does not take: 100 Continue is none that may take for ever.
    fn a_caller_that_takes_nothing_is_ended(choice) {
        let service = Service::start();
        let limits = Limits { stall_ms: 1_000, ..Limits::default() };
        let setting = Setting { limits, send_buffer: Some(4_608), ..Setting::default() };
        let worker = Running::start(choice, service.address, &setting);
        let mut callers = Vec::new();
        for padding in [0, 7, 14, 21, 28] {
            let mut caller = worker.connect_with_buffer(2_304);
            let mut upstream = None;
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {padding}\r\n\r\n{}", "x".repeat(padding));
            'blocked: loop {
                caller.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
                let upstream = upstream.get_or_insert_with(|| service.accept());
                for end in ["\r\n\r\n", "ok"] {
                    if !upstream.comes(end) {
                        break 'blocked;
                    }
                    if end == "\r\n\r\n" {
                        caller.send("ok");
                    }
                }
                upstream.send(&answer);
            }
            callers.push((caller, upstream));
        }
        worker.pass(3_000);
        for (caller, _) in &mut callers {
            assert!(caller.ends_with_reset());
        }
    }
}
