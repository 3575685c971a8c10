//! Limits and timeouts that a bundle sets, and few file descriptors.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex},
};

use crate::{
    message::Wire,
    on_each_engine,
    poll::{PATIENCE, until_true},
    ports::free_address,
    stack::{Engine, Process, Stack, get},
    upstream::{Upstream, answer},
};

const BUNDLE: &str = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  slow:  { timeouts: { firstByte: 300ms }, variants: { stable: { addresses: [ADDRESS] } } }
  plain: { variants: { stable: { addresses: [ADDRESS] } } }
routes:
  - name: shop
    rules:
      - { matches: [{ path: { type: Exact, value: /slow } }], upstream: slow }
      - { matches: [{ path: { type: Exact, value: /timed } }], upstream: plain, timeouts: { request: 300ms } }
      - { upstream: plain, limits: { bodyBytes: 1KiB } }
";

on_each_engine! {
    fn what_a_bundle_limits_is_limited(engine: Engine) {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let closed = Arc::clone(&gate);
        let service = Upstream::answering(move |request| {
            if !request.start.starts_with("POST / ") {
                let open = closed.0.lock().expect("nobody panics here");
                drop(closed.1.wait_timeout_while(open, PATIENCE, |open| !*open));
            }
            answer("ok")
        });
        let stack = Stack::start(engine, &[]);
        stack.api.put_bundle("shop", &BUNDLE.replace("ADDRESS", &format!("\"{}\"", service.address())));
        for target in ["/slow", "/timed"] {
            let answer = stack.connect().send(get(target, &[])).answer();
            let told = answer.field("proxy-status").map(str::to_owned);
            assert_eq!(answer.status(), 504, "{target}");
            assert_eq!(told.as_deref(), Some("halftone; error=http_response_timeout"), "{target}");
        }
        *gate.0.lock().expect("nobody panics here") = true;
        gate.1.notify_all();
        let post = |length: usize| {
            let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
            let mut connection = stack.connect();
            // One that is refused need not take the body.
            let _ = connection.try_send(&[head.as_bytes(), &vec![b'x'; length]].concat());
            connection.answer().status()
        };
        assert_eq!([post(1024), post(1025)], [200, 413]);
    }

    /// More callers than descriptors: they are told, or wait, and nothing dies of it.
    fn a_gateway_outlives_the_end_of_its_descriptors(engine: Engine) {
        let directory = tempfile::tempdir().expect("a directory");
        let listen = free_address();
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 160 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_halftone")]);
        command.args(["gateway", "--access-log", "off", "--engine", engine.name()]);
        command.arg("--listen").arg(listen.to_string()).arg("--data").arg(directory.path());
        command.env("RUST_LOG", "info").stdin(Stdio::null());
        let mut gateway = Process::start(&mut command, directory.path());
        until_true("the gateway to listen", || TcpStream::connect(listen).is_ok());
        let callers: Vec<TcpStream> =
            (0..400).map(|_| TcpStream::connect(listen).expect("the kernel takes it")).collect();
        // Each is answered 503: by what has no rules yet, or by what has no room.
        let mut told = 0;
        for mut caller in callers {
            caller.set_read_timeout(Some(PATIENCE)).expect("an option");
            let mut text = String::new();
            // Beyond those that are told at once, connections are closed without a word.
            let _ = caller.write_all(b"GET / HTTP/1.0\r\n\r\n");
            if caller.read_to_string(&mut text).is_ok() && text.contains("too_many_connections") {
                told += 1;
            }
        }
        assert!(told > 0, "nobody was refused");
        until_true("room for another", || {
            let mut next = Wire::connect(listen);
            next.try_send(get("/", &[]).as_bytes()).is_ok()
                && next.try_answer().is_ok_and(|answer| answer.text().contains("no rules yet"))
        });
        assert!(!gateway.has_ended());
    }
}
