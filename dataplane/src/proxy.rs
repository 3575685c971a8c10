//! A request, from its head to its record: the straight line on one screen.
//!
//! Owns the order of the stages and the only call of `route` in the data plane (in [`prepare`]). Does
//! not know engines, pools or formats. One backward step: a retry on a fresh connection.

mod added;
mod bounds;
pub mod error;
mod exchange;
mod patience;
mod prepare;
mod record;
mod respond;
mod tunnel;

use std::rc::Rc;

use halftone_core::{
    http::{HeadError, encode_error, is_worth_parsing},
    limits::{LOGGED_LINE_BYTES_MAX, METHOD_BYTES_MAX},
};

use crate::{
    conn::http1::Downstream,
    engine::{Engine, Writer as _},
    fingerprint,
    io::deadline::End,
    shadow,
    telemetry::log::Line,
    worker::Worker,
};
pub use bounds::Bounds;
use error::{Kind, ProxyError};
pub use prepare::Request;
pub(crate) use prepare::forwarded_client;
use prepare::{Turn, prepare};
use record::record;

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The head is not whole yet.
    ReadMore,
    /// The request was answered, the next may follow.
    KeepAlive,
    /// The connection has to be closed; whether the caller may still be sending.
    Close {
        /// Read on for a while, so that the answer is not lost to a reset.
        linger: bool,
    },
}

/// Serves the request at the front of the receive buffer, if its head is whole.
pub async fn handle_request<E: Engine>(
    worker: &Rc<Worker<E>>,
    downstream: &mut Downstream<E>,
) -> Next {
    let arrived = &downstream.received[downstream.consumed..];
    let (bytes, looked) = (arrived.len(), downstream.looked);
    downstream.looked = bytes;
    if !is_worth_parsing(arrived, looked, &worker.head_limits) {
        return Next::ReadMore;
    }
    let mut request = match prepare(worker, downstream, Turn::First) {
        Ok(None) => return Next::ReadMore,
        Ok(Some(request)) => request,
        Err(error) => return refuse(worker, downstream, error).await,
    };
    let _in_flight = worker.request();
    // The head is whole: from here on the upstream's deadline watches over the request.
    downstream.stream.deadline.disarm();
    request.keep_alive &= !downstream.stream.deadline.has_passed();
    if !request.wanted.is_empty() {
        request = decide_again(worker, downstream, request).await;
    }
    let outcome = match (request.own.take(), request.refusal) {
        (_, Some(kind)) => Err(ProxyError::internal(kind)),
        (Some(own), None) => fingerprint::answer(worker, downstream, &mut request, *own).await,
        (None, None) => exchange::exchange(worker, downstream, &mut request).await,
    };
    let next = match outcome {
        Ok(()) if request.keep_alive => Next::KeepAlive,
        Ok(()) => Next::Close { linger: downstream.has_more(&request) },
        Err(error) => answer(worker, downstream, &mut request, error).await,
    };
    record(worker, downstream, &request);
    if worker.shadows.is_on() {
        shadow::look(worker, downstream, &request);
    }
    downstream.consume(&request);
    if let Some(values) = request.values {
        worker.buffers.free_head(values);
    }
    worker.buffers.free_head(request.forwarded);
    if let Some(added) = request.added {
        worker.buffers.free_head(added.bytes);
    }
    next
}

/// Waits, for its budget at most, for what a decision has to know, and takes it with what is known then.
async fn decide_again<E: Engine>(
    worker: &Rc<Worker<E>>,
    downstream: &Downstream<E>,
    mut first: Request,
) -> Request {
    worker.tags.settle(&first.wanted, first.started).await;
    // The same bytes are a request again.
    let Ok(Some(mut request)) = prepare(worker, downstream, Turn::Last) else {
        first.refusal = Some(Kind::NoRoute);
        return first;
    };
    request.started = first.started;
    request.keep_alive &= first.keep_alive;
    if let Some(values) = first.values {
        worker.buffers.free_head(values);
    }
    worker.buffers.free_head(first.forwarded);
    request
}

/// Answers a request that could not be served; after the first byte of an answer, ends it so that the
/// caller cannot take it for whole.
async fn answer<E: Engine>(
    worker: &Worker<E>,
    downstream: &mut Downstream<E>,
    request: &mut Request,
    error: ProxyError,
) -> Next {
    request.error = Some(error.kind.label());
    // An answer has begun once its status is known; interim answers before it do not count.
    if request.status > 0 || error.kind == Kind::DownstreamClosed {
        if request.status == 0 {
            request.status = error.kind.status();
        }
        downstream.stream.deadline.reset();
        return Next::Close { linger: false };
    }
    request.status = error.kind.status();
    request.keep_alive = request.keep_alive && request.body.is_ended();
    let mut out = worker.buffers.head();
    let told = request.added.as_ref().map_or(&[][..], |added| &added.bytes[added.told.clone()]);
    encode_error(
        request.status,
        error.kind.label(),
        error.kind.detail(),
        request.keep_alive,
        request.is_head,
        told,
        &mut out,
    );
    request.bytes_sent = out.len() as u64;
    let written = write(worker, downstream, out).await;
    match (written, request.keep_alive) {
        (true, true) => Next::KeepAlive,
        (written, _) => Next::Close { linger: written && downstream.has_more(request) },
    }
}

/// Answers bytes that are no request.
async fn refuse<E: Engine>(
    worker: &Worker<E>,
    downstream: &mut Downstream<E>,
    error: HeadError,
) -> Next {
    Next::Close { linger: refuse_head(worker, downstream, Kind::Head(error)).await }
}

/// Answers the head at the front of the receive buffer, which nothing can be made of; returns whether that was taken.
pub(crate) async fn refuse_head<E: Engine>(
    worker: &Worker<E>,
    downstream: &mut Downstream<E>,
    kind: Kind,
) -> bool {
    let mut out = worker.buffers.head();
    encode_error(kind.status(), kind.label(), kind.detail(), false, false, &[], &mut out);
    let bytes_sent = out.len() as u64;
    let started = worker.engine.now();
    let written = write(worker, downstream, out).await;
    let now = worker.engine.now();
    worker.counters.borrow_mut().record_error(kind.label());
    if let Some(log) = &worker.log {
        let (method, target) = line_of(&downstream.received[downstream.consumed..]);
        log.write(
            now,
            &Line {
                client_ip: downstream.peer.text(),
                method,
                target,
                status: kind.status(),
                bytes_sent,
                duration: now.saturating_duration_since(started),
                worker: worker.id,
                error: Some(kind.label()),
                ..Line::default()
            },
            None,
        );
    }
    written
}

/// Returns what can be read of a request line, or its start: a method, if it looks like one, and a target.
fn line_of(received: &[u8]) -> (&[u8], &[u8]) {
    let start = received.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(received.len());
    let received = &received[start..];
    let shown = &received[..received.len().min(LOGGED_LINE_BYTES_MAX)];
    let end = shown.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(shown.len());
    let mut words = shown[..end].splitn(3, |byte| *byte == b' ');
    match (words.next(), words.next()) {
        (Some(method), Some(target))
            if method.len() <= METHOD_BYTES_MAX && method.iter().all(u8::is_ascii_alphabetic) =>
        {
            (method, target)
        }
        _ => (b"", &shown[..end]),
    }
}

async fn write<E: Engine>(
    worker: &Worker<E>,
    downstream: &mut Downstream<E>,
    out: Vec<u8>,
) -> bool {
    downstream.stream.deadline.arm(worker.limits.stall_ms, End::Both);
    let length = out.len();
    let (result, out) = downstream.stream.writer.write_all(out, 0..length).await;
    worker.buffers.free_head(out);
    result.is_ok()
}
