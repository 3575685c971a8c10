//! The seam polled: owned buffers behind interfaces that borrow.
//!
//! Owns the operations in flight, one per half, and a buffer for each. A protocol that borrows its
//! connection drops it when it is done, in the middle of an operation as like as not; so what is dropped
//! is a handle, and the operations belong to another, which ends them by a shutdown and awaits them.
//! Invariants:
//! - at most one operation is in flight per half; none is dropped;
//! - what was taken to be written is written, or the next call says why not.

use std::{
    cell::RefCell,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use futures_lite::future::poll_fn;
use halftone_dataplane::{
    engine::{Engine, Halves, Reader, Writer},
    io::deadline::{Deadline, End, Wheel},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What each buffer holds.
const BUFFER_BYTES: usize = 16 * 1024;

type Operation<H, T> = Pin<Box<dyn Future<Output = (H, io::Result<T>, Vec<u8>)>>>;

/// One half: it rests, or an operation has it.
enum Half<H, T> {
    Resting(H, Vec<u8>),
    Busy(Operation<H, T>),
    /// Only while one turns into the other.
    Turning,
}

impl<H, T> Half<H, T> {
    /// Waits until the half rests; returns how its operation ended, if there was one.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<T>>> {
        let Self::Busy(operation) = self else { return Poll::Ready(None) };
        let (half, result, buffer) = ready!(operation.as_mut().poll(context));
        *self = Self::Resting(half, buffer);
        Poll::Ready(Some(result))
    }

    fn start(&mut self, make: impl FnOnce(H, Vec<u8>) -> Operation<H, T>) {
        *self = match std::mem::replace(self, Self::Turning) {
            Self::Resting(half, buffer) => Self::Busy(make(half, buffer)),
            other => other,
        };
    }
}

struct Ends<E: Engine> {
    // First, so that it is dropped before the halves.
    deadline: Deadline,
    reader: Half<E::Reader, usize>,
    writer: Half<E::Writer, ()>,
    /// How much of the reader's buffer was given out.
    given: usize,
}

/// A stream for protocols that poll. Its clone is for the one who ends it.
pub(crate) struct Polled<E: Engine>(Rc<RefCell<Ends<E>>>);

impl<E: Engine> Clone for Polled<E> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<E: Engine> Polled<E> {
    /// Wraps a stream.
    pub(crate) fn new(halves: Halves<E>, wheel: &Rc<Wheel>) -> Self {
        let buffer = || Vec::with_capacity(BUFFER_BYTES);
        Self(Rc::new(RefCell::new(Ends {
            deadline: wheel.watch(halves.fd),
            reader: Half::Resting(halves.reader, buffer()),
            writer: Half::Resting(halves.writer, buffer()),
            given: 0,
        })))
    }

    /// Ends what is in flight and waits for it.
    pub(crate) async fn end(self) {
        self.0.borrow().deadline.end_now(End::Both);
        poll_fn(|context| {
            let mut ends = self.0.borrow_mut();
            let (reader, writer) = (ends.reader.poll_rest(context), ends.writer.poll_rest(context));
            if reader.is_ready() && writer.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl<E: Engine> AsyncRead for Polled<E> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ends = self.0.borrow_mut();
        let ends = &mut *ends;
        loop {
            match ready!(ends.reader.poll_rest(context)) {
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(0)) => return Poll::Ready(Ok(())),
                Some(Ok(_)) | None => {}
            }
            if let Half::Resting(_, buffer) = &mut ends.reader {
                let left = &buffer[ends.given..];
                if !left.is_empty() {
                    let bytes = left.len().min(into.remaining());
                    into.put_slice(&left[..bytes]);
                    ends.given += bytes;
                    return Poll::Ready(Ok(()));
                }
                buffer.clear();
                ends.given = 0;
            }
            ends.reader.start(|mut reader: E::Reader, buffer| {
                Box::pin(async move {
                    let (result, buffer) = reader.read(buffer).await;
                    (reader, result, buffer)
                })
            });
        }
    }
}

impl<E: Engine> AsyncWrite for Polled<E> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut ends = self.0.borrow_mut();
        if let Some(Err(error)) = ready!(ends.writer.poll_rest(context)) {
            return Poll::Ready(Err(error));
        }
        let taken = &bytes[..bytes.len().min(BUFFER_BYTES)];
        ends.writer.start(|mut writer: E::Writer, mut buffer| {
            buffer.clear();
            buffer.extend_from_slice(taken);
            let range = 0..buffer.len();
            Box::pin(async move {
                let (result, buffer) = writer.write_all(buffer, range).await;
                (writer, result, buffer)
            })
        });
        // It begins now, not when somebody asks again.
        match ends.writer.poll_rest(context) {
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let rested = ready!(self.0.borrow_mut().writer.poll_rest(context));
        Poll::Ready(rested.unwrap_or(Ok(())))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.0.borrow_mut();
        let rested = ready!(ends.writer.poll_rest(context));
        ends.deadline.end_write();
        Poll::Ready(rested.unwrap_or(Ok(())))
    }
}
