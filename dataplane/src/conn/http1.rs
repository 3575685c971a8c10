//! An HTTP/1.1 connection from its first byte to its close.
//!
//! Owns the receive buffer and the loop over requests. Does not decide or forward: [`crate::proxy`]
//! does. Invariants:
//! - the buffer holds whole everything from the start of the current request on;
//! - no request is started before the one before it is answered (RFC 9112 §9.3.2);
//! - beyond the first few, a connection that waits for a request holds neither buffer nor slot.

use std::{
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

use halftone_core::{http::ip_text, limits::LINGER_BYTES_MAX};
use smallvec::SmallVec;

use crate::{
    engine::{Engine, Reader as _},
    io::deadline::End,
    proxy::{Next, Request, error::Kind, handle_request, refuse_head},
    upstream::Stream,
    worker::Worker,
};

/// Who is at the other end.
#[derive(Debug)]
pub struct Peer {
    /// The address.
    pub address: IpAddr,
    /// Whether it is believed.
    pub trusted: bool,
    text: Box<str>,
}

impl Peer {
    /// Returns the peer at `address`.
    #[must_use]
    pub fn new(address: SocketAddr, trusted: bool) -> Self {
        let mut text = SmallVec::new();
        let text = ip_text(address.ip(), &mut text).into();
        Self { address: address.ip().to_canonical(), trusted, text }
    }

    /// Returns the address as RFC 5952 text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A connection of a caller.
pub struct Downstream<E: Engine> {
    /// The stream.
    pub stream: Stream<E>,
    /// Who called.
    pub peer: Peer,
    /// What was received.
    pub received: Vec<u8>,
    /// How much of it is done with.
    pub consumed: usize,
    /// How much behind that was found to be no whole head yet.
    pub looked: usize,
    /// Whether the next read will not wait: the connection was waited for without a buffer.
    ready: bool,
}

/// Why a connection left its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It waits for its next request, and there are many like it.
    Idle,
    /// It is over.
    Closed,
}

impl<E: Engine> Downstream<E> {
    /// Returns whether the caller has sent more than `request`, or may be about to.
    pub fn has_more(&self, request: &Request) -> bool {
        let taken = self.consumed + request.head_bytes + request.body_bytes;
        let quiet = || self.received.len() <= taken && self.stream.deadline.is_quiet();
        !request.body.is_ended() || !quiet()
    }

    /// Forgets the bytes of an answered request.
    pub fn consume(&mut self, request: &Request) {
        self.looked = 0;
        self.consumed += request.head_bytes + request.body_bytes;
        if self.consumed >= self.received.len() {
            self.received.clear();
            self.consumed = 0;
        }
    }
}

/// Serves a connection to its end.
pub async fn serve<E: Engine>(worker: Rc<Worker<E>>, stream: Stream<E>, peer: Peer) {
    let mut downstream =
        Downstream { stream, peer, received: Vec::new(), consumed: 0, looked: 0, ready: false };
    loop {
        let (back, pause) = worker.slots.serve(&worker, downstream).await;
        downstream = back;
        if pause == Pause::Closed || downstream.stream.reader.readable().await.is_err() {
            return;
        }
        downstream.ready = true;
    }
}

/// Serves a connection for as long as it is worth its buffer, and gives that back.
pub(super) async fn serve_until_idle<E: Engine>(
    worker: Rc<Worker<E>>,
    mut downstream: Downstream<E>,
) -> (Downstream<E>, Pause) {
    downstream.received = worker.buffers.head();
    let next = serve_requests(&worker, &mut downstream).await;
    if next == (Next::Close { linger: true }) {
        read_on(&worker, &mut downstream).await;
    }
    worker.buffers.free_head(std::mem::take(&mut downstream.received));
    let pause = if next == Next::KeepAlive { Pause::Idle } else { Pause::Closed };
    (downstream, pause)
}

/// Serves requests until the connection has to close, or is idle while many are ([`Next::KeepAlive`]).
async fn serve_requests<E: Engine>(worker: &Rc<Worker<E>>, downstream: &mut Downstream<E>) -> Next {
    const CLOSE: Next = Next::Close { linger: false };
    loop {
        let next = if downstream.received.is_empty() {
            Next::ReadMore
        } else {
            handle_request(worker, downstream).await
        };
        match next {
            Next::KeepAlive if downstream.stream.deadline.has_passed() => return CLOSE,
            Next::KeepAlive => {}
            Next::Close { .. } => return next,
            Next::ReadMore => match read_more(worker, downstream).await {
                More::Bytes => {}
                More::Idle => return Next::KeepAlive,
                More::Nothing => return CLOSE,
            },
        }
    }
}

/// What reading brought.
enum More {
    /// Something new.
    Bytes,
    /// Nothing was read: too many already wait with a buffer in their hands.
    Idle,
    /// The end.
    Nothing,
}

/// Reads what comes next.
async fn read_more<E: Engine>(worker: &Worker<E>, downstream: &mut Downstream<E>) -> More {
    let Downstream { stream, received, consumed, ready, .. } = downstream;
    if *consumed > 0 {
        received.drain(..*consumed);
        *consumed = 0;
    }
    let idle = received.is_empty();
    if idle && worker.is_draining() {
        return More::Nothing;
    }
    match (idle, stream.deadline.is_reading_head()) {
        (true, _) => stream.deadline.arm_idle(worker.limits.idle_ms),
        // The head has one deadline, from its first byte to its last.
        (false, false) => stream.deadline.arm_head(worker.limits.head_ms),
        (false, true) => {}
    }
    if received.len() == received.capacity() {
        received.reserve(received.capacity());
    }
    let waits = idle && !std::mem::take(ready);
    if waits && !worker.buffers.wait_with_head() {
        return More::Idle;
    }
    let (result, filled) = stream.reader.read(std::mem::take(received)).await;
    *received = filled;
    if waits {
        worker.buffers.waited_with_head();
    }
    if matches!(result, Ok(1..)) {
        return More::Bytes;
    }
    if !idle && stream.deadline.has_passed() {
        refuse_head(worker, downstream, Kind::DownstreamTimeout).await;
    }
    More::Nothing
}

/// Reads on for a while after the last answer: closing with unread bytes would reset the connection
/// and could take the answer with it (RFC 9112 §9.6).
async fn read_on<E: Engine>(worker: &Worker<E>, downstream: &mut Downstream<E>) {
    let Downstream { stream, received, .. } = downstream;
    stream.deadline.end_write();
    stream.deadline.arm(worker.limits.linger_ms, End::Both);
    let mut left = LINGER_BYTES_MAX;
    loop {
        received.clear();
        let (result, filled) = stream.reader.read(std::mem::take(received)).await;
        *received = filled;
        match result {
            Ok(bytes @ 1..) if bytes < left => left -= bytes,
            _ => return,
        }
    }
}
