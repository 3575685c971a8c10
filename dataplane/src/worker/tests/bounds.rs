//! Limits and timeouts of routes and upstreams.

use halftone_core::table::TimeoutsRow;

use super::{
    harness::{Running, Service, Setting, until},
    on_each_engine,
};
use crate::limits::Limits;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn small() -> Setting {
    Setting { body_bytes: 1024, ..Setting::default() }
}

on_each_engine! {
    fn a_length_over_the_limit_is_refused_before_anything_is_sent_on(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &small());
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n");
        let head = caller.head();
        assert!(head.starts_with("http/1.1 413 ") && head.contains("connection: close"), "{head}");
        assert!(service.is_untouched());
        // As large as allowed.
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n").send([b'x'; 1024]);
        let mut upstream = service.accept();
        upstream.head();
        upstream.take(1024);
        upstream.send(OK);
        assert!(caller.head().starts_with("http/1.1 200 "));
    }

    /// The service is cut off too: it must not take what came for the whole body.
    fn chunks_over_the_limit_are_cut_off(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &small());
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n");
        caller.send([b'x'; 1024]).send("\r\n");
        let mut upstream = service.accept();
        upstream.head();
        upstream.take(1024);
        caller.send("1\r\n");
        assert!(caller.head().starts_with("http/1.1 413 "));
        let seen = upstream.rest().unwrap_or_default();
        assert!(!seen.windows(3).any(|window| window == b"0\r\n"), "{seen:?}");
        assert_eq!(worker.errors("http_request_error"), 1);
    }

    fn a_gateways_own_limit_holds_where_a_route_says_nothing(choice) {
        let service = Service::start();
        let limits = Limits { body_bytes: Some(10), ..Limits::default() };
        let worker = Running::start(choice, service.address, &Setting { limits, ..Setting::default() });
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
        assert!(caller.head().starts_with("http/1.1 413 "));
    }

    fn heads_over_their_limits_are_refused(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        for (request, status) in [
            (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8192)), "414"),
            (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(32 * 1024)), "431"),
            (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100)), "431"),
        ] {
            let head = worker.connect().send(request).head();
            assert!(head.starts_with(&format!("http/1.1 {status} ")), "{status}: {head}");
        }
        assert!(service.is_untouched());
    }

    fn a_service_that_thinks_for_too_long_is_504(choice) {
        let service = Service::start();
        let timeouts = TimeoutsRow { first_byte_ms: 500, ..TimeoutsRow::UNSAID };
        let worker = Running::start(choice, service.address, &Setting { timeouts, ..Setting::default() });
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        worker.pass(300);
        assert!(!caller.has_news());
        worker.pass(500);
        let head = caller.head();
        assert!(head.starts_with("http/1.1 504 ") && head.contains("http_response_timeout"), "{head}");
    }

    /// The caller must not take half an answer for a whole one.
    fn a_service_that_stops_within_its_answer_is_cut_off(choice) {
        let service = Service::start();
        let timeouts = TimeoutsRow { idle_ms: 500, ..TimeoutsRow::UNSAID };
        let worker = Running::start(choice, service.address, &Setting { timeouts, ..Setting::default() });
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        upstream.send("HTTP/1.1 200 OK\r\n\r\nto the end of the");
        caller.head();
        caller.take(17);
        worker.pass(1_000);
        assert!(caller.ends_with_reset());
        assert_eq!(worker.errors("http_response_timeout"), 1);
    }

    /// It makes progress, but the whole takes too long.
    fn a_request_has_a_time_of_its_own(choice) {
        let service = Service::start();
        let worker =
            Running::start(choice, service.address, &Setting { request_ms: 2_000, ..Setting::default() });
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        upstream.send(OK);
        caller.head();
        caller.take(2);
        // On a connection that was kept, whose own time has begun anew.
        worker.pass(5_000);
        caller.send(GET);
        upstream.head();
        worker.pass(1_500);
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        caller.head();
        caller.take(2);
        worker.pass(1_000);
        assert!(caller.ends_with_reset());
        // Before the answer it is told.
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        worker.pass(2_500);
        assert!(caller.head().starts_with("http/1.1 504 "));
    }

    /// Whoever it is that takes it.
    fn the_time_of_a_request_runs_while_its_caller_sends(choice) {
        let service = Service::start();
        for expects in ["", "Expect: 100-continue\r\n"] {
            let setting = Setting { request_ms: 2_000, ..Setting::default() };
            let worker = Running::start(choice, service.address, &setting);
            let mut caller = worker.connect();
            caller.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{expects}Content-Length: 100\r\n\r\n"));
            let mut upstream = service.accept();
            upstream.head();
            for _ in 0..3 {
                worker.pass(500);
                caller.send("x");
                upstream.take(1);
            }
            worker.pass(1_000);
            if !expects.is_empty() {
                assert!(caller.head().starts_with("http/1.1 100 "));
            }
            assert!(caller.head().starts_with("http/1.1 504 "));
        }
    }

    /// A queue that is full: the kernel answers nothing.
    fn a_connection_that_is_not_made_is_504(choice) {
        let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        full.listen(0).expect("it listens");
        let address = full.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
        let mut queued = Vec::new();
        while let Ok(stream) =
            std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200))
        {
            queued.push(stream);
        }
        let timeouts = TimeoutsRow { connect_ms: 500, ..TimeoutsRow::UNSAID };
        let worker = Running::start(choice, address, &Setting { timeouts, ..Setting::default() });
        let mut caller = worker.connect();
        caller.send(GET);
        until("the answer", || {
            worker.pass(100);
            caller.has_news()
        });
        let head = caller.head();
        assert!(head.starts_with("http/1.1 504 ") && head.contains("connection_timeout"), "{head}");
    }

    fn connections_over_the_limit_are_told_so(choice) {
        let service = Service::start();
        let limits = Limits { connections: Some(2), ..Limits::default() };
        let worker = Running::start(choice, service.address, &Setting { limits, ..Setting::default() });
        let mut first = worker.connect();
        first.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        let mut second = worker.connect();
        // Accepted in the order they came.
        let mut third = worker.connect();
        let head = third.head();
        assert!(head.starts_with("http/1.1 503 ") && head.contains("connection: close"), "{head}");
        third.rest().expect("an end, no reset");
        assert_eq!(worker.errors("too_many_connections"), 1);
        // Those that are there are served on, and one that goes makes room.
        upstream.send(OK);
        assert!(first.head().starts_with("http/1.1 200 "));
        drop(first);
        until("room", || {
            let mut next = worker.connect();
            next.send("GET / HTTP/1.1\r\n\r\n");
            next.head().starts_with("http/1.1 400 ")
        });
        second.send("GET / HTTP/1.1\r\n\r\n");
        assert!(second.head().starts_with("http/1.1 400 "));
    }

    /// Descriptors are left for the rest of the process whatever callers do.
    fn sockets_run_out_before_descriptors_do(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting { sockets: 16, ..Setting::default() });
        let mut callers: Vec<_> = (0..40).map(|_| worker.connect()).collect();
        let refused = || worker.errors("too_many_connections");
        until("the last to be refused", || refused() >= 26);
        // One listens, and the last two are for upstreams.
        assert_eq!(refused(), 27);
        for caller in &mut callers[..2] {
            caller.send(GET);
            let mut upstream = service.accept();
            upstream.head();
            upstream.send(OK);
            assert!(caller.head().starts_with("http/1.1 200 "));
        }
        callers.clear();
        until("room", || {
            let mut next = worker.connect();
            next.send("GET / HTTP/1.1\r\n\r\n");
            // One that is refused while many are may be closed without a word.
            next.try_head().is_ok_and(|head| head.starts_with("http/1.1 400 "))
        });
    }

    /// Somebody has to find out who sends them.
    fn refused_heads_are_logged_with_what_can_be_read_of_them(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let long = format!("/{}", "x".repeat(9_000));
        for (request, status, method, target) in [
            ("GET /a HTTP/1.1\r\n\r\n".to_owned(), 400, "GET", "/a"),
            ("\r\nPOST /b HTTP/9.9\r\n\r\n".to_owned(), 505, "POST", "/b"),
            ("CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n".to_owned(), 405, "CONNECT", "b:443"),
            (format!("GET {long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "GET", &long[..508]),
            (format!("GET /c HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(33_000)), 431, "GET", "/c"),
            (format!("{} / HTTP/1.1\r\n\r\n", "M".repeat(33)), 501, "", &(("M".repeat(33)) + " / HTTP/1.1")),
            ("\u{16}\u{3} \u{1}\r\n\r\n".to_owned(), 400, "", "\u{16}\u{3} \u{1}"),
        ] {
            let head = worker.connect().send(&request).head();
            assert!(head.starts_with(&format!("http/1.1 {status} ")), "{status}: {head}");
            let lines = worker.log();
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert_eq!(lines[0]["status"], status);
            assert_eq!((lines[0]["method"].as_str(), lines[0]["target"].as_str()), (Some(method), Some(target)));
        }
        let mut caller = worker.connect();
        caller.send("GET /late HTTP/1.1\r\n");
        until("the answer", || {
            worker.pass(1_000);
            caller.has_news()
        });
        let lines = worker.log();
        assert_eq!((lines[0]["status"].as_u64(), lines[0]["target"].as_str()), (Some(408), Some("/late")));
    }
}
