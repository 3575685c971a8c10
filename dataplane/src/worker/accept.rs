//! Accepting: from a listening socket to a task per connection.
//!
//! Owns the loop that accepts and the guard around every connection. Invariants:
//! - a connection's panic ends that connection only (monoio catches none);
//! - an accept error pauses accepting until the next tick instead of spinning.

use std::{future::Future, panic::AssertUnwindSafe, rc::Rc};

use futures_lite::FutureExt as _;

use super::Worker;
use crate::{
    conn::http1::{Peer, serve},
    engine::{Engine, Listener as _},
    upstream::Stream,
};

/// Accepts connections until the worker drains.
pub(super) async fn accept<E: Engine>(worker: Rc<Worker<E>>, mut listener: E::Listener) {
    loop {
        match listener.accept().await {
            _ if worker.is_draining() => return,
            Ok((halves, address)) => {
                worker.counters.borrow_mut().accepted += 1;
                let stream = Stream::new(halves, &worker.wheel);
                let peer = Peer::new(address, worker.trusted.contains(Some(address.ip())));
                // Counted before its task first runs, so that a drain does not miss it.
                worker.connections.set(worker.connections.get() + 1);
                let connection = serve(Rc::clone(&worker), stream, peer);
                worker.engine.spawn(guard(Rc::clone(&worker), connection));
            }
            Err(error) => {
                tracing::warn!(worker = worker.id, %error, "Accepting failed; it pauses for a tick.");
                worker.next_tick().await;
            }
        }
    }
}

/// Runs a connection, counts it, and keeps its panic from everyone else.
async fn guard<E: Engine>(worker: Rc<Worker<E>>, connection: impl Future<Output = ()>) {
    let ended = AssertUnwindSafe(connection).catch_unwind().await;
    worker.connections.set(worker.connections.get() - 1);
    if ended.is_err() {
        worker.counters.borrow_mut().record_error("proxy_internal_error");
        tracing::error!(
            worker = worker.id,
            "A connection ended by a panic; please report this with the lines above."
        );
    }
}
