//! Bodies that are moved by the kernel, both ways: whole, in order, and no more than a slow end takes.

use std::{io::Write as _, net::TcpStream};

use crate::{
    message::Wire,
    on_each_engine,
    stack::{Engine, Stack, get},
    upstream::{Upstream, answer},
};

/// Far more than the sockets and pipes between both ends hold.
const LARGE: usize = 16 << 20;

/// Bytes that differ at every place within a period that fits no buffer.
fn pattern(length: usize) -> Vec<u8> {
    let period: Vec<u8> =
        (0..65_521_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    period.iter().copied().cycle().take(length).collect()
}

fn head(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

on_each_engine! {
    fn bodies_of_every_size_arrive_as_they_were_sent(engine: Engine) {
        let service = Upstream::answering(|request| [head(request.body.len()), request.body.clone()].concat());
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        let mut caller = stack.connect();
        // Around the length from which bodies are spliced, and pipelined behind it: nothing of the next request is taken.
        for length in [65_535, 65_536, 65_537, 131_072, 1_000_003, 3 << 20] {
            let body = pattern(length);
            let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
            let next = get("/next", &[]);
            let sent = [request.as_bytes(), &body, next.as_bytes()].concat();
            // The service reads the whole body before it answers, so nobody waits for anybody.
            let echoed = caller.send(sent).answer();
            assert_eq!(echoed.status(), 200, "{length}");
            assert!(echoed.body == body, "{length} bytes came back changed");
            assert_eq!(caller.answer().body, b"", "{length}: the request behind it");
        }
    }

    fn a_slow_caller_costs_no_memory(engine: Engine) {
        let service = Upstream::answering(|_| [head(LARGE), pattern(LARGE)].concat());
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        let gateway = stack.child("gateway");
        let before = resident_kib(gateway);
        let mut callers: Vec<TcpStream> = (0..4)
            .map(|_| {
                let mut caller = TcpStream::connect(stack.listen).expect("a connection");
                caller.write_all(get("/", &[]).as_bytes()).expect("taken");
                // The answer has begun; nobody takes it for now.
                assert_eq!(caller.peek(&mut [0; 1]).expect("a byte"), 1);
                caller
            })
            .collect();
        let grown = resident_kib(gateway).saturating_sub(before);
        assert!(grown < 6 * 1024, "{grown} KiB for four callers that do not read");
        let whole = Wire::new(callers.remove(0)).answer().body;
        assert!(whole == pattern(LARGE), "the body came changed");
    }

    fn a_service_that_breaks_off_is_not_taken_for_whole(engine: Engine) {
        let service = Upstream::answering(|request| {
            if request.start.contains("/short") {
                // Closes long before the announced end.
                return [head(1 << 20), b"connection: close".to_vec(), pattern(300_000)].concat();
            }
            answer("whole")
        });
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        let broken = stack.connect().send(get("/short", &[])).try_answer();
        assert!(broken.is_err(), "{broken:?}");
        assert_eq!(stack.get(&[]).text(), "whole");
    }
}

/// Returns what a process holds in memory.
fn resident_kib(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    let figure = line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok());
    figure.expect("a number of KiB")
}
