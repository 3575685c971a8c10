//! Kept upstream connections: what a service sends between two requests is nobody's answer.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use crate::{
    on_each_engine,
    poll::PATIENCE,
    stack::{Engine, Stack},
};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine";
const STALE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale";

on_each_engine! {
    fn an_unasked_answer_reaches_nobody(engine: Engine) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (go, wait) = mpsc::channel::<()>();
        let (done, written) = mpsc::channel::<()>();
        thread::spawn(move || {
            let mut gate = Some((wait, done));
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let gate = gate.take();
                thread::spawn(move || {
                    let mut piece = [0; 4096];
                    let mut gate = gate;
                    while matches!(stream.read(&mut piece), Ok(1..)) {
                        if stream.write_all(ANSWER.as_bytes()).is_err() {
                            return;
                        }
                        // The first connection says more than it was asked for, once it is kept.
                        if let Some((wait, done)) = gate.take() {
                            wait.recv().expect("the test goes on");
                            stream.write_all(STALE.as_bytes()).expect("kept");
                            done.send(()).expect("the test waits");
                        }
                    }
                });
            }
        });
        // One worker: the next request would take the very connection.
        let stack = Stack::start(engine, &["--upstream", &format!("http://{address}"), "--cpus", "0"]);
        assert_eq!(stack.get(&[]).text(), "mine");
        // On loopback what was written has arrived.
        go.send(()).expect("the service waits");
        written.recv_timeout(PATIENCE).expect("the service wrote");
        for _ in 0..5 {
            assert_eq!(stack.get(&[]).text(), "mine");
        }
    }
}
