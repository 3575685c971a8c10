//! The exchange with an upstream: connect, send, receive, and once more where that is safe.
//!
//! Owns retries and the two directions of a request with a body. Invariants:
//! - a future with an operation in flight is never dropped: whichever direction has to stop, its
//!   socket is shut down, and both are awaited to their end;
//! - a request is sent twice only when the first connection had been kept from before, nothing of an
//!   answer was seen, and the method allows it.

use std::{cell::Cell, rc::Rc};

use futures_lite::future::zip;
use halftone_core::{http::Framing, limits::LINGER_BYTES_MAX};

use super::{
    Request,
    error::{Kind, ProxyError, Side},
    patience::Patience,
    respond::{Ended, Ends, respond},
    tunnel::{Leg, tunnel},
};
use crate::{
    conn::{body::Body, http1::Downstream},
    engine::{Engine, Reader as _},
    io::{
        deadline::{Deadline, End},
        splice::{Broken, Endpoint, Progress, Wait},
    },
    tables::Tables,
    upstream::{Acquired, Connection, Freshness, Stream, acquire},
    worker::Worker,
};

/// What 100 Continue looks like; the caller sends its body only then (RFC 9110 §10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Sends the request to an instance of its variant and the answer to the caller.
///
/// # Errors
/// [`ProxyError`]: nothing was answered, unless `request.bytes_sent` says otherwise.
pub(super) async fn exchange<E: Engine>(
    worker: &Rc<Worker<E>>,
    downstream: &mut Downstream<E>,
    request: &mut Request,
) -> Result<(), ProxyError> {
    take_received_body(downstream, request)?;
    let pinned = request.tables.clone();
    let tables = pinned.as_ref().and_then(|pinned| Tables::newest(pinned));
    let serving = tables.zip(request.serving);
    let set = serving.and_then(|(tables, variant)| tables.instance_set(variant));
    let set = set.ok_or(ProxyError::internal(Kind::NoInstance))?;
    let turn = worker.turn();
    let replayable = request.is_idempotent && request.body.is_ended();
    let mut freshness = Freshness::Any;
    loop {
        let acquired = acquire(worker, &request.bounds, set, turn, freshness).await?;
        let Acquired { mut connection, place, instance, reused } = acquired;
        request.instance = Some(instance);
        let outcome = attempt(worker, downstream, request, &mut connection).await;
        match outcome {
            Ok(true) => worker.pools.put(place, connection, &worker.buffers),
            Ok(false) | Err(_) => worker.pools.let_go(connection),
        }
        match outcome {
            Ok(_) => return Ok(()),
            Err(error) if error.may_retry && reused && replayable => freshness = Freshness::New,
            Err(error) => return Err(error),
        }
    }
}

/// Moves what has arrived of the body behind the forwarded head: both go out in one write.
fn take_received_body<E: Engine>(
    downstream: &mut Downstream<E>,
    request: &mut Request,
) -> Result<(), ProxyError> {
    if request.body.is_ended() {
        return Ok(());
    }
    let start = downstream.consumed + request.head_bytes;
    let broken = |error| ProxyError::downstream(Kind::RequestBody(error));
    let (end, taken) = request.body.advance(&mut downstream.received, start).map_err(broken)?;
    request.forwarded.extend_from_slice(&downstream.received[start..end]);
    request.body_bytes = taken - start;
    Ok(())
}

/// Tries one connection; returns whether it can be kept.
async fn attempt<E: Engine>(
    worker: &Rc<Worker<E>>,
    downstream: &mut Downstream<E>,
    request: &mut Request,
    upstream: &mut Connection<E>,
) -> Result<bool, ProxyError> {
    let Connection { deadline: upstream_deadline, intake, writer } = upstream;
    let Stream { deadline, reader: body_reader, writer: answer_writer } = &mut downstream.stream;
    let patience = Patience::new(deadline, upstream_deadline, request.bounds, &worker.limits);
    let mut body = std::mem::replace(&mut request.body, Body::Ended);
    if body.is_ended() {
        patience.end_request();
        patience.await_head();
    } else {
        patience.give_request();
    }
    let forwarded = std::mem::take(&mut request.forwarded);
    let length = forwarded.len();
    // An upstream that takes no more may have answered already: what it said is read either way.
    let (_, forwarded) = worker.write_all(writer, forwarded, 0..length).await;
    request.forwarded = forwarded;
    let mut ends = Ends { writer: answer_writer, intake, patience: &patience };
    if !body.is_ended() {
        patience.gave_request();
        let received = &mut downstream.received;
        let (source, sink) = (body_reader, writer);
        let upload = Upload { body: &mut body, received, source, sink };
        let result = relay_both(worker, request, upload, &mut ends).await;
        request.body = body;
        return result;
    }
    let early = match respond(worker, request, &mut ends).await? {
        Ended::Whole { reusable } => return Ok(reusable),
        Ended::Tunnel(early) => early,
    };
    request.tunnelled = Some(worker.engine.now());
    let Ends { writer: answer_writer, intake, .. } = ends;
    let Some(reader) = intake.reader() else { return Ok(false) };
    let behind = downstream.received.split_off(downstream.consumed + request.head_bytes);
    let caller = Leg { reader: body_reader, writer: answer_writer, deadline, early: behind };
    upstream_deadline.cap(u64::MAX);
    let service = Leg { reader, writer, deadline: upstream_deadline, early };
    request.bytes_sent += tunnel(worker, caller, service).await;
    Ok(false)
}

/// The rest of a request body on its way.
struct Upload<'a, E: Engine> {
    body: &'a mut Body,
    /// Where bytes behind the body are left.
    received: &'a mut Vec<u8>,
    source: &'a mut E::Reader,
    sink: &'a mut E::Writer,
}

/// Relays the rest of the request and the answer; returns whether the upstream connection can be kept.
async fn relay_both<E: Engine>(
    worker: &Worker<E>,
    request: &mut Request,
    upload: Upload<'_, E>,
    ends: &mut Ends<'_, E>,
) -> Result<bool, ProxyError> {
    let patience = ends.patience;
    let sent = Cell::new(false);
    // What ends one direction ends the other; the first error is the cause.
    let cause = Cell::new(None);
    if request.expect_continue && request.http11 {
        say_continue(worker, ends).await?;
    }
    let send = async {
        match relay_body(worker, patience, upload).await {
            Ok(()) => {
                sent.set(true);
                patience.end_request();
            }
            // An upstream that takes no more may have answered already: its answer is read to its end.
            Err(error) if error.side == Side::Upstream => patience.end_request(),
            Err(error) => {
                cause.set(cause.get().or(Some(error)));
                patience.upstream().end_now(End::Both);
            }
        }
    };
    let receive = async {
        let result = respond(worker, request, ends).await;
        if let Err(error) = result {
            cause.set(cause.get().or(Some(error)));
        }
        if !sent.get() {
            // Nobody takes the rest of the body any more.
            patience.upstream().end_now(End::Both);
            if result.is_ok() {
                patience.linger();
            } else {
                patience.caller().end_now(End::Read);
            }
        }
        result
    };
    let ((), received) = zip(send, receive).await;
    match received {
        Ok(ended) => {
            request.keep_alive &= sent.get();
            Ok(sent.get() && matches!(ended, Ended::Whole { reusable: true }))
        }
        Err(error) => Err(cause.get().unwrap_or(error)),
    }
}

/// Tells a caller that waits for it to send its body.
async fn say_continue<E: Engine>(
    worker: &Worker<E>,
    ends: &mut Ends<'_, E>,
) -> Result<(), ProxyError> {
    let mut hint = worker.buffers.head();
    hint.extend_from_slice(CONTINUE);
    ends.patience.give_answer();
    let (result, hint) = worker.write_all(ends.writer, hint, 0..CONTINUE.len()).await;
    ends.patience.gave_answer();
    worker.buffers.free_head(hint);
    result.map_err(|_| ProxyError::downstream(Kind::DownstreamClosed))
}

/// Relays the rest of a request body.
async fn relay_body<E: Engine>(
    worker: &Worker<E>,
    patience: &Patience<'_>,
    upload: Upload<'_, E>,
) -> Result<(), ProxyError> {
    let Upload { body, received, source: reader, sink: writer } = upload;
    let mut buffer = worker.buffers.relay();
    let mut dropped = 0;
    let mut taken_by_upstream = true;
    let mut splices = E::SPLICES;
    while !body.is_ended() && dropped <= LINGER_BYTES_MAX {
        if let Some(bytes) = body.to_be_spliced().filter(|_| splices && !patience.is_answered()) {
            // Either way once: what is left after it is copied, or dropped.
            splices = false;
            taken_by_upstream = splice(worker, patience, (body, bytes), reader, writer).await?;
            continue;
        }
        buffer.clear();
        patience.take_request();
        let (result, filled) = reader.read(buffer).await;
        patience.took_request();
        buffer = filled;
        if !matches!(result, Ok(1..)) {
            return Err(broken_off(patience.caller()));
        }
        let broken = |error| ProxyError::downstream(Kind::RequestBody(error));
        let (forward, taken) = body.advance(&mut buffer, 0).map_err(broken)?;
        // The start of a pipelined request; all that was received before belonged to this one.
        received.extend_from_slice(&buffer[taken..]);
        taken_by_upstream &= !patience.is_answered();
        if !taken_by_upstream {
            dropped += taken;
            continue;
        }
        patience.give_request();
        let (result, written) = worker.write_all(writer, buffer, 0..forward).await;
        patience.gave_request();
        buffer = written;
        taken_by_upstream = result.is_ok();
    }
    worker.buffers.free_relay(buffer);
    if taken_by_upstream { Ok(()) } else { Err(upstream_failed(patience.upstream(), false)) }
}

/// Moves the `bytes` left of a request body without copying them; returns whether the upstream still takes them.
async fn splice<E: Engine>(
    worker: &Worker<E>,
    patience: &Patience<'_>,
    (body, bytes): (&mut Body, u64),
    reader: &mut E::Reader,
    writer: &mut E::Writer,
) -> Result<bool, ProxyError> {
    let source = Endpoint { half: reader, deadline: patience.caller() };
    let sink = Endpoint { half: writer, deadline: patience.upstream() };
    let arm = |wait| match wait {
        Wait::Source => {
            patience.gave_request();
            patience.take_request();
        }
        Wait::Sink => {
            patience.took_request();
            patience.give_request();
        }
    };
    let progress = Progress::default();
    let result = worker.pipes.relay::<E>(source, sink, bytes, arm, &progress).await;
    patience.took_request();
    patience.gave_request();
    let left = bytes - progress.taken.get();
    *body = Body::new(if left == 0 { Framing::Empty } else { Framing::Length(left) });
    match result {
        Ok(_) => Ok(true),
        Err(Broken::Sink) => Ok(false),
        Err(Broken::Source) => Err(broken_off(patience.caller())),
    }
}

/// Returns what the end of a request body before its end means.
fn broken_off(deadline: &Deadline) -> ProxyError {
    ProxyError::downstream(if deadline.has_passed() {
        Kind::DownstreamTimeout
    } else {
        Kind::DownstreamClosed
    })
}

/// Returns what a failed operation on an upstream means before its answer began.
pub(super) fn upstream_failed(deadline: &Deadline, may_retry: bool) -> ProxyError {
    if deadline.has_lost_caller() {
        ProxyError::downstream(Kind::DownstreamClosed)
    } else if deadline.has_passed() {
        ProxyError::upstream(Kind::UpstreamTimeout)
    } else {
        ProxyError { may_retry, ..ProxyError::upstream(Kind::UpstreamClosed) }
    }
}
