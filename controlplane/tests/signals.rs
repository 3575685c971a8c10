//! The end by signal, in a process of its own.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use halftone_controlplane::{ControlOptions, run};
use rustix::process::{Signal, getpid, kill_process};

#[test]
fn sigterm_ends_it_cleanly() {
    let directory = tempfile::tempdir().expect("a directory");
    let free = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("bound");
    let api = free.local_addr().expect("an address");
    drop(free);
    let options = ControlOptions {
        api,
        gateways: vec![directory.path().join("missing.sock")],
        data: directory.path().join("data"),
        upstream: None,
        bundles: Vec::new(),
        watch: false,
        geo: Vec::new(),
        geo_every: Duration::from_secs(3600),
        issuers: Vec::new(),
        issuers_every: Duration::from_secs(3600),
        take_over: false,
        version: "test",
    };
    let control = thread::spawn(move || run(options));
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(api).is_err() {
        assert!(Instant::now() < deadline, "it was not served");
        thread::yield_now();
    }
    kill_process(getpid(), Signal::TERM).expect("signalled");
    while !control.is_finished() {
        assert!(Instant::now() < deadline, "it did not end");
        thread::yield_now();
    }
    control.join().expect("no panic").expect("a clean end");
}
