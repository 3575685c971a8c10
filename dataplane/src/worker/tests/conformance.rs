//! HTTP/1.1 as RFC 9112 has it, where no other test looks.

use halftone_core::limits::INTERIM_ANSWERS_MAX;

use super::{
    harness::{Running, Service, Setting},
    on_each_engine,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

on_each_engine! {
    /// RFC 9112 §9.3.2: answers in the order of the requests, whatever stands between them.
    fn requests_sent_ahead_are_answered_in_turn(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send(
            "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\
             POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\
             HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n\
             GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\
             GET /5 HTTP/1.1\r\nHost: a\r\n\r\n",
        );
        let mut upstream = service.accept();
        for (line, body) in [("post /1 ", 2), ("post /2 ", 12), ("head /3 ", 0), ("get /4 ", 0)] {
            let head = upstream.head();
            assert!(head.starts_with(line), "{head}");
            upstream.take(body);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: {line}\r\n\r\n");
            upstream.send(answer + if line.starts_with("head") { "" } else { "ok" });
            let head = caller.head();
            assert!(head.contains(&format!("x: {}\r\n", line.trim_end())), "{line}: {head}");
            if !line.starts_with("head") {
                assert_eq!(caller.take(2), b"ok");
            }
        }
        // What was sent behind the last one is nobody's request.
        assert_eq!(caller.rest().expect("an end, no reset"), b"");
    }

    /// RFC 9112 §9.3: 1.0 lives on only where it asks to, and is told so.
    fn http_1_0_may_keep_its_connection(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        let mut upstream = None;
        for _ in 0..2 {
            caller.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
            let upstream = upstream.get_or_insert_with(|| service.accept());
            let head = upstream.head();
            assert!(head.starts_with("get / http/1.1\r\n"), "{head}");
            upstream.send(OK);
            let head = caller.head();
            assert!(head.contains("connection: keep-alive"), "{head}");
            caller.take(2);
        }
        caller.send("GET / HTTP/1.0\r\n\r\n");
        let mut upstream = upstream.expect("a connection");
        upstream.head();
        upstream.send(OK);
        assert!(caller.head().contains("connection: close"));
        assert_eq!(caller.rest().expect("an end"), b"ok");
    }

    /// RFC 9112 §3.2.2: its authority counts, and Host is what it says.
    fn a_whole_url_is_a_target(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("GET http://b:8080/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = service.accept().head();
        assert!(head.starts_with("get /x?y http/1.1\r\nhost: b:8080\r\n"), "{head}");
        assert!(!head.contains("host: a"), "{head}");
    }

    /// RFC 9110 §15.2: any number of interim answers, then the one that counts.
    fn interim_answers_pass_in_their_order(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        let mut upstream = None;
        for _ in 0..2 {
            caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
            let upstream = upstream.get_or_insert_with(|| service.accept());
            upstream.head();
            upstream.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
            assert!(caller.head().starts_with("http/1.1 102 "));
            assert!(caller.head().contains("link: </a>"));
            caller.send("hi");
            upstream.take(2);
            upstream.send(OK);
            assert!(caller.head().starts_with("http/1.1 200 "));
            assert_eq!(caller.take(2), b"ok");
        }
    }

    /// One that never ends would keep its caller for ever.
    fn interim_answers_have_an_end(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let most = INTERIM_ANSWERS_MAX as usize;
        for (count, status) in [(most, "200"), (most + 1, "502"), (5 * most, "502")] {
            let mut caller = worker.connect();
            caller.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let mut upstream = service.accept();
            upstream.head();
            // Many arrive in one piece, and the last head does not end with it.
            upstream.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(count) + &OK[..9]);
            for _ in 0..most {
                assert!(caller.head().starts_with("http/1.1 103 "));
            }
            if status == "200" {
                upstream.send(&OK[9..]);
            }
            let head = caller.head();
            assert!(head.starts_with(&format!("http/1.1 {status} ")), "{count}: {head}");
        }
    }

    /// RFC 9112 §6.3: the answer to HEAD has no body, whatever it announces.
    fn an_answer_to_head_ends_with_its_head(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        let mut upstream = None;
        for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked", "X-None: 1"] {
            caller.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
            let upstream = upstream.get_or_insert_with(|| service.accept());
            upstream.head();
            upstream.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            let head = caller.head();
            assert!(head.starts_with("http/1.1 200 ") && !head.contains("close"), "{framing}: {head}");
            assert_eq!(head.contains("content-length: 1000000"), framing.ends_with('0'), "{head}");
        }
    }

    /// RFC 9110 §10.1.1: who waits is told to go on, and not before there is somebody who reads.
    fn an_expectation_is_answered_once(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
        assert!(caller.head().starts_with("http/1.1 100 "));
        let mut upstream = service.accept();
        let head = upstream.head();
        assert!(!head.contains("expect"), "it was met here: {head}");
        caller.send("hi");
        upstream.take(2);
        upstream.send(OK);
        assert!(caller.head().starts_with("http/1.1 200 "));
    }

    /// RFC 9112 §7.1.2: fields behind the chunks of an answer are passed on; 1.0 gets the data alone.
    fn chunks_of_an_answer_keep_what_is_behind_them(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        for (version, expected) in
            [("1.1", "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), ("1.0", "ok")]
        {
            let mut caller = worker.connect();
            caller.send(format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n"));
            let mut upstream = service.accept();
            upstream.head();
            upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n");
            upstream.send("0\r\nX-Sum: 1\r\n\r\n");
            caller.head();
            let rest = caller.rest().expect("an end");
            assert_eq!(String::from_utf8_lossy(&rest), expected, "{version}");
        }
    }
}
