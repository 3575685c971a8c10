//! Accepting: from a listening socket to a task per connection.
//!
//! Owns the loop that accepts and the guard around every connection. Invariants:
//! - a connection's panic ends that connection only (monoio catches none);
//! - beyond its limit of connections a worker answers 503 and closes, so that descriptors are left for the
//!   rest of its work;
//! - an accept error pauses accepting until the next tick instead of spinning.

use std::{future::Future, panic::AssertUnwindSafe, rc::Rc};

use futures_lite::FutureExt as _;
use halftone_core::{http::encode_error, limits::SHED_MAX};

use super::Worker;
use crate::{
    conn::http1::{Peer, serve},
    engine::{Engine, Listener as _, Reader as _, Writer as _},
    io::deadline::End,
    proxy::error::Kind,
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
                if !worker.may_accept() {
                    refuse(&worker, stream);
                    continue;
                }
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

/// Turns a connection away: with an answer, unless too many are being told already.
fn refuse<E: Engine>(worker: &Rc<Worker<E>>, stream: Stream<E>) {
    worker.counters.borrow_mut().record_error(Kind::TooManyConnections.label());
    if worker.shedding.get() < SHED_MAX {
        worker.shedding.set(worker.shedding.get() + 1);
        worker.engine.spawn(tell(Rc::clone(worker), stream));
    }
}

async fn tell<E: Engine>(worker: Rc<Worker<E>>, mut stream: Stream<E>) {
    let kind = Kind::TooManyConnections;
    let mut out = worker.buffers.head();
    encode_error(kind.status(), kind.label(), kind.detail(), false, false, &[], &mut out);
    let length = out.len();
    stream.deadline.arm(worker.limits.linger_ms, End::Both);
    let (_, mut out) = stream.writer.write_all(out, 0..length).await;
    // Closing with a request unread would reset the connection, and the answer could be lost.
    stream.deadline.end_write();
    out.clear();
    let (_, out) = stream.reader.read(out).await;
    worker.buffers.free_head(out);
    worker.shedding.set(worker.shedding.get() - 1);
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
