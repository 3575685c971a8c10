//! The answer on its way back: head rewritten in place, body relayed through one buffer.
//!
//! Owns the response side of an exchange. Invariants: the head and the body bytes that came with it
//! go out in one write; at most one buffer per answer, however slow the reader; what lies behind the
//! end of an answer is never forwarded and costs the upstream its connection.

use std::ops::Range;

use halftone_core::{
    http::{
        Framing, HeadLimits, HeaderSlots, empty_slots, encode_response, is_worth_parsing,
        parse_response,
    },
    limits::{HEADROOM_BYTES, INTERIM_ANSWERS_MAX},
};

use super::{
    Request,
    error::{Kind, ProxyError},
    exchange::upstream_failed,
    patience::Patience,
};
use crate::{
    conn::body::Body,
    engine::{Engine, Reader as _},
    io::{
        deadline::Deadline,
        splice::{Broken, Endpoint, Progress, Wait},
    },
    upstream::Intake,
    worker::Worker,
};

/// The two ends of an answer.
pub(super) struct Ends<'a, E: Engine> {
    /// To the caller.
    pub(super) writer: &'a mut E::Writer,
    /// From the upstream, which may be listened to since before the request.
    pub(super) intake: &'a mut Intake<E>,
    /// Both deadlines.
    pub(super) patience: &'a Patience<'a>,
}

/// An answer on its way between the two.
struct Answer<'a, E: Engine> {
    writer: &'a mut E::Writer,
    reader: &'a mut E::Reader,
    patience: &'a Patience<'a>,
    /// What was heard of it, until it is looked at.
    heard: Option<std::io::Result<usize>>,
}

/// A response whose head was read.
struct Begun {
    /// What of the buffer goes out first: the new head and the body so far.
    range: Range<usize>,
    status: u16,
    body: Body,
    /// Whether the upstream connection can be kept after the end of the body.
    reusable: bool,
    /// Whether the caller's connection can.
    keep_alive: bool,
}

/// What an answer leaves behind.
pub(super) enum Ended {
    /// An upstream connection, and whether it can be kept.
    Whole {
        /// Whether it can.
        reusable: bool,
    },
    /// A tunnel (RFC 9110 §7.8), and what has already arrived on it.
    Tunnel(Vec<u8>),
}

/// Relays the answer.
///
/// # Errors
/// [`ProxyError`]; `request.bytes_sent` says whether anything of the answer went out.
pub(super) async fn respond<E: Engine>(
    worker: &Worker<E>,
    request: &mut Request,
    ends: &mut Ends<'_, E>,
) -> Result<Ended, ProxyError> {
    let Ends { writer, intake, patience } = ends;
    let (writer, intake) = (&mut **writer, &mut **intake);
    patience.await_head();
    let (heard, mut buffer) = match intake.hear().await {
        Some((result, buffer)) => {
            worker.buffers.take_heard();
            (Some(result), buffer)
        }
        None => (None, worker.buffers.relay()),
    };
    // A buffer lost to an aborted operation comes back with nothing.
    buffer.resize(buffer.len().max(HEADROOM_BYTES), 0);
    let Some(reader) = intake.reader() else {
        return Err(ProxyError::upstream(Kind::UpstreamClosed));
    };
    let mut answer = Answer { writer, reader, patience, heard };
    let result = relay(worker, request, &mut answer, &mut buffer).await;
    worker.buffers.free_relay(buffer);
    result
}

async fn relay<E: Engine>(
    worker: &Worker<E>,
    request: &mut Request,
    answer: &mut Answer<'_, E>,
    buffer: &mut Vec<u8>,
) -> Result<Ended, ProxyError> {
    let begun = match read_head(worker, request, answer, buffer).await? {
        begun if begun.status == 101 => {
            send(worker, answer, request, buffer, begun.range.clone()).await?;
            (request.status, request.keep_alive) = (101, false);
            return Ok(Ended::Tunnel(buffer.split_off(begun.range.end)));
        }
        begun => begun,
    };
    request.status = begun.status;
    request.keep_alive = begun.keep_alive;
    let mut body = begun.body;
    let mut range = begun.range;
    let mut splices = E::SPLICES;
    let mut clean = range.end == buffer.len() || !body.is_ended();
    loop {
        if !range.is_empty() {
            send(worker, answer, request, buffer, range).await?;
        }
        if body.is_ended() {
            return Ok(Ended::Whole { reusable: begun.reusable && clean });
        }
        if let Some(bytes) = body.to_be_spliced().filter(|_| splices) {
            splices = splice(worker, request, answer, bytes).await?;
            if splices {
                return Ok(Ended::Whole { reusable: begun.reusable });
            }
        }
        buffer.clear();
        answer.patience.await_more();
        match read(answer, buffer).await {
            Ok(1..) => {}
            Ok(0) if body.ends_with_connection() && !answer.patience.upstream().has_passed() => {
                return Ok(Ended::Whole { reusable: false });
            }
            _ => return Err(broken_off(answer.patience.upstream())),
        }
        let broken = |error| ProxyError::upstream(Kind::ResponseBody(error));
        let (forward, taken) = body.advance(buffer, 0).map_err(broken)?;
        clean = taken == buffer.len();
        range = 0..forward;
    }
}

/// Reads the head of the answer; interim ones before it go out as they come (RFC 9110 §15.2).
async fn read_head<E: Engine>(
    worker: &Worker<E>,
    request: &mut Request,
    answer: &mut Answer<'_, E>,
    buffer: &mut Vec<u8>,
) -> Result<Begun, ProxyError> {
    let limits = HeadLimits::default();
    // Where the next head begins, and how much of it was found to be no whole one.
    let (mut at, mut looked) = (HEADROOM_BYTES, 0);
    let mut interim = 0;
    loop {
        while at < buffer.len()
            && is_worth_parsing(&buffer[at..], looked, &limits)
            && let Some(begun) = begin(worker, request, answer.patience, buffer, at)?
        {
            if begun.status >= 200 || begun.status == 101 {
                return Ok(begun);
            }
            interim += 1;
            if interim > INTERIM_ANSWERS_MAX {
                return Err(ProxyError::upstream(Kind::InterimAnswers));
            }
            (at, looked) = (begun.range.end, 0);
            // HTTP/1.0 knows no interim answers (RFC 9110 §15.2).
            if request.http11 {
                send(worker, answer, request, buffer, begun.range).await?;
            }
            answer.patience.await_more();
        }
        buffer.drain(HEADROOM_BYTES..at);
        (at, looked) = (HEADROOM_BYTES, buffer.len() - HEADROOM_BYTES);
        if !matches!(read_first(worker, answer, buffer).await, Ok(1..)) {
            // Whatever came of a head is no answer, but it shows that the request was seen.
            let unseen = looked == 0 && interim == 0;
            return Err(upstream_failed(answer.patience.upstream(), unseen));
        }
    }
}

/// Moves the `bytes` left of the body without copying them; false when this host cannot, and nothing was moved.
async fn splice<E: Engine>(
    worker: &Worker<E>,
    request: &mut Request,
    answer: &mut Answer<'_, E>,
    bytes: u64,
) -> Result<bool, ProxyError> {
    let patience = answer.patience;
    let source = Endpoint { half: &mut *answer.reader, deadline: patience.upstream() };
    let sink = Endpoint { half: &mut *answer.writer, deadline: patience.caller() };
    let arm = |wait| match wait {
        Wait::Source => {
            patience.gave_answer();
            patience.await_more();
        }
        Wait::Sink => patience.give_answer(),
    };
    let progress = Progress::default();
    let result = worker.pipes.relay::<E>(source, sink, bytes, arm, &progress).await;
    patience.gave_answer();
    request.bytes_sent += progress.given.get();
    result.map_err(|end| match end {
        Broken::Sink => ProxyError::downstream(Kind::DownstreamClosed),
        Broken::Source => broken_off(patience.upstream()),
    })
}

/// Returns what the end of an answer before its end means.
fn broken_off(deadline: &Deadline) -> ProxyError {
    if deadline.has_lost_caller() {
        ProxyError::downstream(Kind::DownstreamClosed)
    } else if deadline.has_passed() {
        ProxyError::upstream(Kind::UpstreamTimeout)
    } else {
        ProxyError::upstream(Kind::ResponseIncomplete)
    }
}

/// Reads the first bytes of an answer. Among many that wait for theirs, only the first few do so with a buffer.
async fn read_first<E: Engine>(
    worker: &Worker<E>,
    answer: &mut Answer<'_, E>,
    buffer: &mut Vec<u8>,
) -> std::io::Result<usize> {
    if let Some(result) = answer.heard.take() {
        return result;
    }
    if worker.buffers.wait_with_relay() {
        let result = read(answer, buffer).await;
        worker.buffers.waited_with_relay();
        return result;
    }
    if buffer.len() == HEADROOM_BYTES {
        worker.buffers.free_relay(std::mem::take(buffer));
        let waited = answer.reader.readable().await;
        *buffer = worker.buffers.relay();
        buffer.resize(HEADROOM_BYTES, 0);
        waited?;
    }
    read(answer, buffer).await
}

async fn read<E: Engine>(
    answer: &mut Answer<'_, E>,
    buffer: &mut Vec<u8>,
) -> std::io::Result<usize> {
    let (result, filled) = answer.reader.read(std::mem::take(buffer)).await;
    *buffer = filled;
    result
}

async fn send<E: Engine>(
    worker: &Worker<E>,
    answer: &mut Answer<'_, E>,
    request: &mut Request,
    buffer: &mut Vec<u8>,
    range: Range<usize>,
) -> Result<(), ProxyError> {
    let length = range.len() as u64;
    answer.patience.give_answer();
    let (result, written) = worker.write_all(answer.writer, std::mem::take(buffer), range).await;
    answer.patience.gave_answer();
    *buffer = written;
    result.map_err(|_| ProxyError::downstream(Kind::DownstreamClosed))?;
    request.bytes_sent += length;
    Ok(())
}

/// Reads the head at `at`, behind [`HEADROOM_BYTES`] or more, and writes the new one in front of the body; nothing
/// when it is not whole yet.
fn begin<E: Engine>(
    worker: &Worker<E>,
    request: &Request,
    patience: &Patience<'_>,
    buffer: &mut Vec<u8>,
    at: usize,
) -> Result<Option<Begun>, ProxyError> {
    let refused = |error| ProxyError::upstream(Kind::ResponseHead(error));
    let method = if request.is_head { "HEAD" } else { "GET" };
    let mut slots: HeaderSlots<'_> = empty_slots();
    let Some(head) = parse_response(&buffer[at..], method, &mut slots).map_err(refused)? else {
        return Ok(None);
    };
    if head.status == 101 && !request.upgrade {
        return Err(ProxyError::upstream(Kind::Upgrade));
    }
    let (status, reusable, bytes) = (head.status, head.keep_alive, head.received.len());
    let chunks_kept = request.http11 || head.framing != Framing::Chunked;
    let framing = if chunks_kept { head.framing } else { Framing::Close };
    // Before the end of the request nobody knows whether it will come (RFC 9112 §9.3).
    let keep_alive = request.keep_alive
        && framing != Framing::Close
        && patience.is_asked()
        && !worker.is_draining();
    let mut rewritten = worker.buffers.head();
    // Interim answers go as they come: what is remembered belongs to the answer.
    let is_final = status >= 200 || status == 101;
    let added = request.added.as_ref().filter(|_| is_final);
    let added = added.map_or(&[][..], |added| &added.bytes);
    encode_response(&head, framing, keep_alive, request.http11, added, &mut rewritten);
    let mut body = Body::new(head.framing);
    if !chunks_kept {
        body = body.without_chunks();
    }
    let body_start = at + bytes;
    // Room for what is added is there, unless a holder of a token is told much.
    let missing = rewritten.len().saturating_sub(body_start).min(added.len());
    if missing > 0 {
        buffer.splice(..0, std::iter::repeat_n(0, missing));
    }
    let body_start = body_start + missing;
    let Some(start) = body_start.checked_sub(rewritten.len()) else {
        return Err(ProxyError::upstream(Kind::ResponseHead(
            halftone_core::http::HeadError::TooLarge,
        )));
    };
    buffer[start..body_start].copy_from_slice(&rewritten);
    worker.buffers.free_head(rewritten);
    let broken = |error| ProxyError::upstream(Kind::ResponseBody(error));
    let (end, taken) = if status < 200 {
        (body_start, body_start)
    } else {
        body.advance(buffer, body_start).map_err(broken)?
    };
    // Bytes behind the end are no part of this answer: see `clean` in `relay`.
    if status >= 200 && body.is_ended() && taken == buffer.len() {
        buffer.truncate(end);
    }
    Ok(Some(Begun { range: start..end, status, body, reusable, keep_alive }))
}
