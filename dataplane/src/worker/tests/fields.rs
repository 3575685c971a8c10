//! Fields: what ends at a hop, and what a caller cannot say.

use super::{
    harness::{Running, Service, Setting, Wire},
    on_each_engine,
};

/// Sends `fields`, and returns what of the request reached the service.
fn forwarded(choice: crate::engine::probe::Choice, setting: &Setting, fields: &str) -> String {
    let service = Service::start();
    let worker = Running::start(choice, service.address, setting);
    let mut caller = worker.connect();
    caller.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    service.accept().head()
}

on_each_engine! {
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

    /// Also on a route that no release decides, and whatever Connection says of the field.
    fn keys_of_a_chain_are_stripped_member_by_member(choice) {
        let baggage = vec!["release.user-v2".to_owned()];
        let setting = Setting { baggage, ..Setting::default() };
        let sent = "Baggage: a=b, release.user-v2=canary;p, c=d\r\nBaggage: %72elease.user-v2=canary\r\n";
        let head = forwarded(choice, &setting, sent);
        assert!(head.contains("\r\nbaggage: a=b,c=d\r\n") && !head.contains("canary"), "{head}");
        let head = forwarded(choice, &setting, &format!("Connection: Baggage\r\n{sent}"));
        assert!(!head.contains("baggage") && !head.contains("canary"), "{head}");
        let head = forwarded(choice, &setting, "Baggage: a = b ;p, c=d\r\n");
        assert!(head.contains("\r\nbaggage: a = b ;p, c=d\r\n"), "{head}");
        let head = forwarded(choice, &Setting { trusted: true, ..setting }, sent);
        assert!(head.contains("a=b, release.user-v2=canary;p, c=d"), "{head}");
    }

    /// A service believes its gateway about the caller, so nobody else may say such things.
    fn what_gateways_say_is_not_taken_from_callers(choice) {
        let said = "Forwarded: for=6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 666\r\n\
                    X-Forwarded-Proto: evil\r\nX-Forwarded-Prefix: /evil\r\nX_Forwarded_Ssl: evil\r\n\
                    X-Forwarded-Anything: evil\r\nX-Forwarding: kept\r\n";
        let head = forwarded(choice, &Setting::default(), said);
        assert!(!head.contains("evil") && !head.contains("666") && !head.contains("6.6.6.6"), "{head}");
        assert!(head.contains("x-forwarding: kept"), "{head}");
        let head = forwarded(choice, &Setting { trusted: true, ..Setting::default() }, said);
        assert!(head.contains("x-forwarded-prefix: /evil"), "{head}");
    }

    /// They come when the request was decided already; a service may merge them into its head.
    fn trailers_of_a_request_end_here_and_those_of_an_answer_pass(choice) {
        let service = Service::start();
        let worker = Running::start(choice, service.address, &Setting::default());
        let mut caller = worker.connect();
        let mut upstream = None;
        // In one piece with the head, and after it.
        for pause in [false, true] {
            caller.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2\r\nhi\r\n");
            if pause {
                upstream.as_mut().map(Wire::head);
            }
            caller.send("0\r\nX-Forwarded-For: 6.6.6.6\r\nX-A: evil\r\n\r\n");
            let upstream = upstream.get_or_insert_with(|| service.accept());
            if !pause {
                upstream.head();
            }
            assert_eq!(upstream.take(12), b"2\r\nhi\r\n0\r\n\r\n");
            upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n");
            caller.head();
            assert_eq!(caller.take(28), b"2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n");
        }
        // Nothing was left behind on either side.
        caller.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(upstream.expect("a connection").head().starts_with("get / "));
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
