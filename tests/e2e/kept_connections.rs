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

/// Returns the first CPU that this process may use (proc_pid_status(5)).
fn first_cpu() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc(5)");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let list = list.expect("a list of CPUs").trim();
    list.split([',', '-']).next().expect("a first one").to_owned()
}

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
        let upstream = format!("http://{address}");
        let stack = Stack::start(engine, &["--upstream", &upstream, "--cpus", &first_cpu()]);
        assert_eq!(stack.get(&[]).text(), "mine");
        // On loopback what was written has arrived.
        go.send(()).expect("the service waits");
        written.recv_timeout(PATIENCE).expect("the service wrote");
        for _ in 0..5 {
            assert_eq!(stack.get(&[]).text(), "mine");
        }
    }
}
