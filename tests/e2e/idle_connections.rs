//! Many connections that wait: each is served when it speaks, whether it waits with a buffer or without.

use crate::{
    on_each_engine,
    stack::{Engine, Stack, get},
    upstream::{Upstream, answer},
};

/// More than one worker lets wait with a buffer in hand.
const CONNECTIONS: usize = 600;

on_each_engine! {
    fn each_of_many_is_served_when_it_speaks(engine: Engine) {
        let service = Upstream::answering(|request| answer(&request.start));
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| stack.connect()).collect();
        for round in 0..3 {
            for (at, connection) in connections.iter_mut().enumerate() {
                let target = format!("/{round}/{at}");
                let answered = connection.send(get(&target, &[])).answer();
                assert_eq!(answered.text(), format!("GET {target} HTTP/1.1"));
            }
            // A head in two pieces, the first of which ends the wait.
            let last = connections.last_mut().expect("there are many");
            let request = get("/pieces", &[]);
            let (one, other) = request.split_at(7);
            last.send(one);
            let answered = last.send(other).answer();
            assert_eq!(answered.text(), "GET /pieces HTTP/1.1");
        }
        // Those that leave are forgotten, those that stay are not.
        connections.truncate(5);
        for connection in &mut connections {
            assert_eq!(connection.send(get("/", &[])).answer().status(), 200);
        }
    }

    fn those_that_wait_do_not_hold_up_the_end(engine: Engine) {
        let service = Upstream::named("stable");
        let url = format!("http://{}", service.address());
        let mut stack = Stack::start(engine, &["--upstream", &url]);
        let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| stack.connect()).collect();
        for connection in &mut connections {
            assert_eq!(connection.send(get("/", &[])).answer().status(), 200);
        }
        stack.process.signal(rustix::process::Signal::TERM);
        assert!(connections.iter_mut().all(|connection| connection.is_at_end()));
        assert!(stack.process.ended().success());
    }
}
