//! A tunnel: after 101, bytes both ways until both sides have ended (RFC 9110 §7.8).
//!
//! Owns the two directions of a changed protocol. Does not look into it. Invariants: nothing is sent to
//! the upstream before it answered 101; a side that ends is told to the other, which may go on; small
//! buffers, since tunnels are many and mostly silent; the variant was chosen once and stays.

use std::cell::Cell;

use futures_lite::future::zip;

use crate::{
    engine::{Engine, Reader as _, Writer as _},
    io::deadline::{Deadline, End},
    worker::Worker,
};

/// One side of a tunnel.
pub(super) struct Leg<'a, E: Engine> {
    /// Reads from it.
    pub(super) reader: &'a mut E::Reader,
    /// Writes to it.
    pub(super) writer: &'a mut E::Writer,
    /// Its deadline.
    pub(super) deadline: &'a Deadline,
    /// What has arrived from it already.
    pub(super) early: Vec<u8>,
}

/// Relays between both sides to their end; returns the bytes sent to the caller.
pub(super) async fn tunnel<E: Engine>(
    worker: &Worker<E>,
    downstream: Leg<'_, E>,
    upstream: Leg<'_, E>,
) -> u64 {
    let deadlines = (downstream.deadline, upstream.deadline);
    let (to_upstream, to_downstream) = (Cell::new(0), Cell::new(0));
    zip(
        relay(
            worker,
            downstream.early,
            downstream.reader,
            upstream.writer,
            deadlines,
            &to_upstream,
        ),
        relay(
            worker,
            upstream.early,
            upstream.reader,
            downstream.writer,
            (deadlines.1, deadlines.0),
            &to_downstream,
        ),
    )
    .await;
    to_downstream.get()
}

/// Relays one direction; `deadlines` are those of the side read from and of the side written to.
async fn relay<E: Engine>(
    worker: &Worker<E>,
    early: Vec<u8>,
    reader: &mut E::Reader,
    writer: &mut E::Writer,
    (from, to): (&Deadline, &Deadline),
    sent: &Cell<u64>,
) {
    let mut buffer = worker.buffers.head();
    buffer.extend_from_slice(&early);
    let whole = loop {
        if !buffer.is_empty() {
            // Either direction keeps both sides alive.
            from.arm(worker.limits.tunnel_idle_ms, End::Both);
            to.arm(worker.limits.tunnel_idle_ms, End::Both);
            let length = buffer.len();
            let (result, written) = writer.write_all(buffer, 0..length).await;
            buffer = written;
            if result.is_err() {
                break false;
            }
            sent.set(sent.get() + length as u64);
        }
        buffer.clear();
        from.arm(worker.limits.tunnel_idle_ms, End::Both);
        let (result, filled) = reader.read(buffer).await;
        buffer = filled;
        match result {
            Ok(1..) => {}
            Ok(0) => break !from.has_passed(),
            Err(_) => break false,
        }
    };
    worker.buffers.free_head(buffer);
    if whole {
        to.end_write();
    } else {
        // Nothing can be relayed any more: the other direction ends too.
        from.end_now(End::Both);
        to.end_now(End::Both);
    }
}
