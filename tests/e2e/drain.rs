//! Stopping: what is in flight ends well.

use std::{
    net::TcpStream,
    sync::{Arc, Condvar, Mutex},
};

use rustix::process::Signal;

use crate::{
    on_each_engine,
    poll::{PATIENCE, until_true},
    stack::{Engine, Stack, children, get, is_alive},
    upstream::{Upstream, answer},
};

/// A gate that opens once.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().expect("nobody panics here") = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let closed = self.0.0.lock().expect("nobody panics here");
        drop(self.0.1.wait_timeout_while(closed, PATIENCE, |open| !*open));
    }
}

on_each_engine! {
    fn sigterm_lets_a_slow_answer_end(engine: Engine) {
        let gate = Gate::default();
        let service = Upstream::answering({
            let gate = gate.clone();
            move |_| {
                gate.wait();
                answer("at last")
            }
        });
        let mut stack = Stack::start(engine, &["--upstream", &format!("http://{}", service.address())]);
        let processes = children(stack.process.pid());
        let mut connection = stack.connect();
        connection.send(get("/slow", &[]));
        until_true("the request to be in flight", || service.count() == 1);
        stack.process.signal(Signal::TERM);
        until_true("the gateway to take no more", || TcpStream::connect(stack.listen).is_err());
        gate.open();
        let answer = connection.answer();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "at last"));
        assert!(connection.is_at_end(), "a connection does not outlive its gateway");
        assert!(stack.process.ended().success());
        assert!(processes.iter().all(|(pid, _)| !is_alive(*pid)), "{processes:?}");
    }

    /// A gateway of its own: SIGTERM and SIGQUIT wait for what is in flight; a second one does not.
    fn the_second_signal_is_not_patient(engine: Engine) {
        for (first, second) in
            [(Signal::TERM, Signal::TERM), (Signal::QUIT, Signal::INT), (Signal::TERM, Signal::QUIT)]
        {
            let gate = Gate::default();
            let service = Upstream::answering({
                let gate = gate.clone();
                move |_| {
                    gate.wait();
                    answer("too late")
                }
            });
            let stack =
                Stack::start(engine, &["--upstream", &format!("http://{}", service.address())]);
            let gateway = stack.child("gateway");
            let mut connection = stack.connect();
            connection.send(get("/slow", &[]));
            until_true("the request to be in flight", || service.count() == 1);
            crate::stack::send(gateway, first);
            until_true("the gateway to take no more", || TcpStream::connect(stack.listen).is_err());
            assert!(is_alive(gateway), "{first:?} waits");
            crate::stack::send(gateway, second);
            until_true("the gateway to end", || !is_alive(gateway));
            assert!(connection.try_answer().is_err(), "nothing came of it");
            gate.open();
        }
    }

    /// An idle connection holds nobody up; Ctrl-C is as good as SIGTERM.
    fn sigint_ends_an_idle_stack(engine: Engine) {
        let service = Upstream::named("service");
        let mut stack = Stack::start(engine, &["--upstream", &format!("http://{}", service.address())]);
        let mut idle = stack.connect();
        idle.send(get("/", &[])).answer();
        stack.process.signal(Signal::INT);
        assert!(stack.process.ended().success());
        assert!(idle.is_at_end());
        // The log is written to its end.
        assert_eq!(stack.log(1).len(), 1);
    }
}
