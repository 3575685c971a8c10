//! How long what is left of a request is read on.

use std::{
    future::poll_fn,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream as Caller},
    thread,
};

use tokio::net::TcpListener;

use super::*;

/// Shuts a connection down whose caller does `call` and then keeps its end open, and that is read on while nothing comes
/// for `pause`, and for `whole` at most.
fn shut(unread: bool, [pause, whole]: [Duration; 2], call: fn(&mut Caller)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let caller = thread::spawn(move || {
            let mut caller = Caller::connect(address).expect("it listens");
            call(&mut caller);
            caller
        });
        let (stream, _) = listener.accept().await.expect("a caller");
        let unread = Arc::new(AtomicBool::new(unread));
        let patience = Patience { pause, whole };
        let mut lingering = Lingering { stream, unread, patience, ending: None };
        poll_fn(|context| Pin::new(&mut lingering).poll_shutdown(context)).await.expect("shut");
        drop(lingering);
        caller.join().expect("the caller saw what it expects");
    });
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn what_is_left_is_read_on_until_the_caller_is_done() {
    shut(true, [LONG, LONG], |caller| {
        // More than any socket holds.
        for _ in 0..64 {
            caller.write_all(&[0; 1 << 20]).expect("it is read");
        }
        caller.shutdown(Shutdown::Write).expect("the end");
        assert_eq!(caller.read(&mut [0]).expect("no reset"), 0);
    });
}

#[test]
fn a_caller_that_never_ends_is_left() {
    shut(true, [LONG, SHORT], |caller| while caller.write_all(&[0; 1 << 16]).is_ok() {});
}

#[test]
fn a_caller_that_falls_silent_is_left() {
    shut(true, [SHORT, LONG], |caller| caller.write_all(b"a").expect("it is read"));
}

#[test]
fn nothing_is_waited_for_when_all_was_read() {
    shut(false, [LONG, LONG], |_| {});
}
