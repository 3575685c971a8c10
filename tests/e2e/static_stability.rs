//! What dies comes back, and the rest serves on meanwhile: no request fails without a control plane.

use std::{
    net::TcpStream,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    message::Wire,
    on_each_engine,
    poll::{until, until_true},
    ports::free_address,
    stack::{Engine, Process, Stack, get, halftone, send},
    upstream::Upstream,
};

/// Connections under load.
const CONNECTIONS: usize = 4;
/// How long the load lasts at least.
const LOAD: Duration = Duration::from_secs(2);

/// Sends requests until `done`, and counts those that are not answered 200.
fn load(stack: &Stack, done: &AtomicBool, answered: &AtomicU64) -> Vec<String> {
    let mut failures = Vec::new();
    let mut connection = stack.connect();
    while !done.load(Ordering::Relaxed) {
        let sent = connection.try_send(get("/", &[("X-Release-Group", "canary")]).as_bytes());
        match sent.and_then(|()| connection.try_answer()) {
            Ok(answer) if answer.status() == 200 => drop(answered.fetch_add(1, Ordering::Relaxed)),
            Ok(answer) => failures.push(answer.start),
            Err(error) => {
                failures.push(error.to_string());
                connection = stack.connect();
            }
        }
    }
    failures
}

on_each_engine! {
    fn no_request_fails_while_the_control_plane_is_dead(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &["--upstream", &format!("http://{}", stable.address())]);
        stack.api.register("user-api", canary.address(), &json!({ "group": "canary" }));
        let (done, answered) = (AtomicBool::new(false), AtomicU64::new(0));
        let failures: Vec<String> = thread::scope(|scope| {
            let caller = || load(&stack, &done, &answered);
            let callers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(caller)).collect();
            let more = |by: u64| {
                let before = answered.load(Ordering::Relaxed);
                until_true("requests under load", || answered.load(Ordering::Relaxed) >= before + by);
            };
            let begun = Instant::now();
            more(200);
            let control = stack.child("control");
            send(control, Signal::KILL);
            until_true("the end of the API", || stack.api.gateway().is_none());
            more(200);
            let again = until("another control process", || {
                let again = stack.api.gateway().map(|_| stack.child("control"))?;
                (again != control).then_some(again)
            });
            assert_ne!(again, control);
            stack.until_serving();
            until_true("the end of the load's time", || begun.elapsed() >= LOAD);
            more(200);
            done.store(true, Ordering::Relaxed);
            callers.into_iter().flat_map(|caller| caller.join().expect("a caller ends well")).collect()
        });
        assert_eq!(failures, Vec::<String>::new());

        // What was registered is still there, and what is registered now is served.
        assert_eq!(stack.get(&[("X-Release-Group", "canary")]).text(), "canary");
        assert_eq!(stack.get(&[]).text(), "stable");
        let newer = Upstream::named("newer");
        stack.api.register("user-api", newer.address(), &json!({ "group": "newer" }));
        assert_eq!(stack.get(&[("X-Release-Group", "newer")]).text(), "newer");
    }

    /// A gateway that dies comes back with what was registered.
    fn a_gateway_that_dies_comes_back(engine: Engine) {
        let stable = Upstream::named("stable");
        let stack = Stack::start(engine, &[]);
        stack.api.register("user-api", stable.address(), &json!({}));
        let gateway = stack.child("gateway");
        send(gateway, Signal::KILL);
        until_true("the gateway to serve again", || {
            let is_new = || stack.api.gateway().is_some_and(|shown| shown["pid"] != gateway && shown["connected"] == true);
            TcpStream::connect(stack.listen).is_ok() && is_new()
        });
        stack.until_serving();
        until_true("the table", || stack.get(&[]).text() == "stable");
    }

    /// A gateway starts with what it served last, and no control plane.
    fn a_gateway_starts_alone(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let mut stack = Stack::start(engine, &["--upstream", &format!("http://{}", stable.address())]);
        stack.api.register("user-api", canary.address(), &json!({ "group": "canary" }));
        until_true("the canary to be served", || {
            stack.get(&[("X-Release-Group", "canary")]).text() == "canary"
        });
        stack.process.signal(Signal::TERM);
        assert!(stack.process.ended().success());

        let directory = tempfile::tempdir().expect("a directory");
        let (listen, admin) = (free_address(), free_address());
        let mut command = halftone(&["gateway", "--engine", engine.name()]);
        command.arg("--listen").arg(listen.to_string()).arg("--admin").arg(admin.to_string());
        command.arg("--data").arg(stack.data());
        let _gateway = Process::start(&mut command, directory.path());
        let ask = |address, target: &str| Wire::connect(address).send(get(target, &[])).answer();
        until_true("the gateway to listen", || TcpStream::connect(admin).is_ok());
        until_true("the gateway to be ready", || ask(admin, "/readyz").status() == 200);
        assert_eq!(ask(listen, "/").text(), "stable");
        let to_canary = get("/", &[("X-Release-Group", "canary")]);
        assert_eq!(Wire::connect(listen).send(to_canary).answer().text(), "canary");
        assert_eq!(ask(admin, "/healthz").status(), 200);
        let metrics = ask(admin, "/metrics").text();
        assert!(metrics.contains("canary"), "{metrics}");
    }
}
