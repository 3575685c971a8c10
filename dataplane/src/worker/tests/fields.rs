//! Fields: what ends at a hop, and what a caller cannot say.

use super::{
    harness::{Running, Service, Setting},
    on_both,
};

/// Sends `fields`, and returns what of the request reached the service.
fn forwarded(choice: crate::engine::probe::Choice, setting: &Setting, fields: &str) -> String {
    let service = Service::start();
    let worker = Running::start(choice, service.address, setting);
    let mut caller = worker.connect();
    caller.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    service.accept().head()
}

on_both! {
    /// Inside such a tunnel nobody would route, strip or log.
    fn h2c_is_not_tunnelled(choice) {
        let head = forwarded(
            choice,
            &Setting::default(),
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        );
        for absent in ["upgrade", "http2-settings", "h2c"] {
            assert!(!head.contains(absent), "{absent}: {head}");
        }
    }

    fn names_spelled_otherwise_are_stripped_too(choice) {
        let reserved = vec!["x-release-group".to_owned()];
        let head = forwarded(
            choice,
            &Setting { reserved, ..Setting::default() },
            "X_Release_Group: canary\r\nX-Release_Group: canary\r\nX_Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\nX_Kept: 1\r\n",
        );
        assert!(!head.contains("canary") && !head.contains("6.6.6.6"), "{head}");
        assert!(head.contains("x_kept: 1"), "{head}");
    }

    fn a_caller_cannot_have_our_fields_dropped(choice) {
        let head = forwarded(
            choice,
            &Setting { trusted: true, ..Setting::default() },
            "Connection: X-Forwarded-Proto, X-Forwarded-For, Via\r\nX-Forwarded-Proto: https\r\n",
        );
        for present in ["x-forwarded-proto: http\r\n", "x-forwarded-for: 127.0.0.1\r\n", "via: 1.1 halftone"] {
            assert!(head.contains(present), "{present}: {head}");
        }
    }

    fn http_1_0_gets_no_interim_answer(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        for (version, expected) in [("1.0", "http/1.1 200 "), ("1.1", "http/1.1 103 ")] {
            let mut caller = worker.connect();
            caller.send(format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n"));
            let mut upstream = service.accept();
            upstream.head();
            upstream.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            assert!(caller.head().starts_with(expected), "{version}");
        }
    }

    fn no_length_is_announced_where_no_body_follows(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upstream = service.accept();
        upstream.head();
        upstream.send("HTTP/1.1 103 Early\r\nContent-Length: 3\r\n\r\n");
        upstream.send("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
        for expected in ["http/1.1 103 ", "http/1.1 204 "] {
            let head = caller.head();
            assert!(head.starts_with(expected) && !head.contains("content-length"), "{head}");
        }
        caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        upstream.head();
    }
}
