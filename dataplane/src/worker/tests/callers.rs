//! Callers and services that do not take turns.

use super::{
    harness::{Running, Service, Setting, close, until},
    on_each_engine,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

on_each_engine! {
    /// The rest of an upload is read for a while: closing at once would reset the connection, and the answer
    /// would be lost with it.
    fn an_answer_before_the_end_of_an_upload_arrives_whole(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        for status in ["413 Content Too Large", "200 OK"] {
            let mut caller = worker.connect();
            caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
            caller.send(vec![b'x'; 100_000]);
            let mut upstream = service.accept();
            upstream.head();
            upstream.send(format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nearly"));
            close(&upstream);
            // What is on its way already, whatever the answer says.
            until("the answer", || caller.has_news());
            caller.send(vec![b'x'; 800_000]);
            let head = caller.head();
            assert!(head.starts_with(&format!("http/1.1 {}", status.to_ascii_lowercase())), "{head}");
            assert!(head.contains("connection: close"), "{head}");
            assert_eq!(caller.rest().expect("an end, no reset"), b"early");
        }
    }

    /// What a service says between two requests is nobody's answer.
    fn an_unasked_answer_reaches_nobody(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send(GET);
        let mut upstream = service.accept();
        upstream.head();
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine");
        caller.head();
        caller.take(4);
        // The connection is kept once the caller could send its next request; what is written then has arrived.
        worker.pass(100);
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale");
        caller.send(GET);
        let mut second = service.accept();
        second.head();
        second.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine");
        caller.head();
        assert_eq!(caller.take(4), b"mine");
    }

    /// An upstream that fails within a request's body is told as that, not as a fault of the caller.
    fn a_service_that_leaves_within_a_body_is_a_bad_gateway(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        let mut upstream = service.accept();
        upstream.head();
        upstream.take(2);
        close(&upstream);
        let head = caller.head();
        assert!(head.starts_with("http/1.1 502 ") && head.contains("connection_terminated"), "{head}");
    }
}
