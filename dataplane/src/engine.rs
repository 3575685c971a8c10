//! The engine seam: what a worker needs of a runtime, and nothing more.
//!
//! Owns the traits that every engine implements. Does not own time: deadlines are the worker's
//! (`io::deadline`), which shuts a socket down so that the operation in flight ends by itself; an
//! engine never drops or races an operation. Statically dispatched; futures are never `Send`.
//!
//! Invariants:
//! - buffers are owned by the operation and always come back;
//! - a stream is two owned halves that may be used at once;
//! - one operation at a time is in flight per half.

#![expect(async_fn_in_trait, reason = "thread-per-core: futures are never Send")]

use std::{
    future::Future, io, net::SocketAddr, ops::Range, os::fd::OwnedFd, os::fd::RawFd, time::Instant,
};

pub mod glommio;
pub mod monoio;
pub mod probe;

/// A thread-per-core runtime, seen from inside one of its threads.
pub trait Engine: Clone + 'static {
    /// The reading half of a stream.
    type Reader: Reader;
    /// The writing half of a stream.
    type Writer: Writer;
    /// A listening socket.
    type Listener: Listener<Self>;

    /// Whether splice(2) may be called on a stream's socket between [`Reader::readable`] and
    /// [`Writer::writable`]; an engine that cannot wait for room copies.
    const SPLICES: bool;

    /// Whether a read may be begun and asked after without anybody to wake, while others are in flight.
    const LISTENS: bool;

    /// Takes over a connected stream socket (TCP or Unix).
    ///
    /// # Errors
    /// When the runtime cannot register it.
    fn adopt(&self, socket: OwnedFd) -> io::Result<Halves<Self>>;

    /// Takes over a socket whose connection is still being made; returns when it is made.
    ///
    /// # Errors
    /// Whatever the connection failed with.
    async fn adopt_connecting(&self, socket: OwnedFd) -> io::Result<Halves<Self>>;

    /// Takes over a listening socket.
    ///
    /// # Errors
    /// When the runtime cannot register it.
    fn listen(&self, socket: OwnedFd) -> io::Result<Self::Listener>;

    /// Starts a task on this thread.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// Returns the time.
    fn now(&self) -> Instant;
}

/// A stream, split.
pub struct Halves<E: Engine> {
    /// Reads.
    pub reader: E::Reader,
    /// Writes.
    pub writer: E::Writer,
    /// The socket, for as long as both halves live.
    pub fd: RawFd,
}

/// The reading half of a stream.
pub trait Reader: 'static {
    /// Appends what arrives to `buffer`, within its capacity, which must not be exhausted.
    ///
    /// Zero bytes are the end of the stream.
    async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>);

    /// Waits, without holding a buffer, until a read would not wait: for data, the end or an error.
    ///
    /// It costs an operation more than waiting in [`Reader::read`], so it is for streams that are many and silent.
    ///
    /// # Errors
    /// When the wait could not be made; the next read tells what is wrong with the stream itself.
    async fn readable(&mut self) -> io::Result<()>;
}

/// The writing half of a stream.
pub trait Writer: 'static {
    /// Writes `range` of `buffer`, all of it.
    async fn write_all(
        &mut self,
        buffer: Vec<u8>,
        range: Range<usize>,
    ) -> (io::Result<()>, Vec<u8>);

    /// Writes what the stream takes at once, without an operation; zero where nothing can be said at once.
    ///
    /// Cheaper than [`Writer::write_all`] for a worker with little to do, which would otherwise enter the kernel once to
    /// write and once more to wait; dearer for a busy one, whose operations share their entries.
    ///
    /// # Errors
    /// Those of send(2), but for a stream that takes nothing now.
    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until a write would not wait.
    ///
    /// # Errors
    /// When the wait could not be made; the next write tells what is wrong with the stream itself.
    async fn writable(&mut self) -> io::Result<()>;
}

/// A listening socket.
pub trait Listener<E: Engine>: 'static {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// Those of accept(2); `InvalidInput` once the socket was shut down.
    async fn accept(&mut self) -> io::Result<(Halves<E>, SocketAddr)>;
}
