//! monoio: io_uring, and epoll by its legacy driver.
//!
//! Owns everything that names monoio. Does not use its timers, its cancellation or its connect:
//! sockets are connected by `io::connect` and stopped by `io::deadline`, so a park never pays for a
//! timer and an operation is never dropped in flight.

use std::{
    cell::UnsafeCell,
    future::Future,
    io,
    net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream},
    ops::Range,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    rc::Rc,
    time::Instant,
};

use monoio::{
    IoUringDriver, LegacyDriver, RuntimeBuilder,
    buf::{IoBuf as _, SliceMut},
    io::{OwnedReadHalf, OwnedWriteHalf, Splitable as _},
    net::{TcpListener, TcpStream},
};

use rustix::{
    io::Errno,
    net::{SendFlags, send},
};

use super::{Engine, Halves, Listener, Reader, Writer, probe::RingFlags};

/// Submission queue entries per worker: more are submitted in batches of this size.
const RING_ENTRIES: u32 = 1024;
/// Completion queue entries per worker (measured: fewer overflow under load).
const RING_COMPLETIONS: u32 = 4096;

/// The monoio runtime of this thread.
#[derive(Clone, Copy, Debug)]
pub struct Monoio;

/// Runs `main` to its end on a new runtime: on a ring with these settings, or without one on epoll.
///
/// # Errors
/// When the runtime cannot be built.
pub fn block_on<F: Future>(
    flags: Option<RingFlags>,
    main: impl FnOnce(Monoio) -> F,
) -> io::Result<F::Output> {
    if let Some(flags) = flags {
        let mut runtime = RuntimeBuilder::<IoUringDriver>::new()
            .with_entries(RING_ENTRIES)
            .uring_builder(ring(flags))
            .build()?;
        return Ok(runtime.block_on(async { main(Monoio).await }));
    }
    let mut runtime = RuntimeBuilder::<LegacyDriver>::new().with_entries(RING_ENTRIES).build()?;
    Ok(runtime.block_on(async { main(Monoio).await }))
}

/// Returns the ring's settings; the probe builds the very same ring.
pub(super) fn ring(flags: RingFlags) -> io_uring::Builder {
    let mut builder = io_uring::IoUring::builder();
    builder.setup_cqsize(RING_COMPLETIONS).dontfork();
    if flags.submit_all {
        builder.setup_submit_all();
    }
    if flags.single_issuer {
        builder.setup_single_issuer();
    }
    if flags.defer_taskrun {
        builder.setup_defer_taskrun();
    }
    if flags.coop_taskrun {
        builder.setup_coop_taskrun();
    }
    builder
}

impl Engine for Monoio {
    type Reader = OwnedReadHalf<TcpStream>;
    type Writer = OwnedWriteHalf<TcpStream>;
    type Listener = TcpListener;
    const SPLICES: bool = true;
    const LISTENS: bool = true;

    fn adopt(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        Ok(split(TcpStream::from_std(StdStream::from(socket))?))
    }

    async fn adopt_connecting(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        let stream = TcpStream::from_std(StdStream::from(socket))?;
        stream.writable(false).await?;
        Ok(split(stream))
    }

    fn listen(&self, socket: OwnedFd) -> io::Result<Self::Listener> {
        TcpListener::from_std(StdListener::from(socket))
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(monoio::spawn(task));
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

fn split(stream: TcpStream) -> Halves<Monoio> {
    let fd = stream.as_raw_fd();
    let (reader, writer) = stream.into_split();
    Halves { reader, writer, fd }
}

impl Reader for OwnedReadHalf<TcpStream> {
    async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        let (filled, capacity) = (buffer.len(), buffer.capacity());
        let (result, slice) =
            monoio::io::AsyncReadRent::read(self, SliceMut::new(buffer, filled, capacity)).await;
        (result, slice.into_inner())
    }

    async fn readable(&mut self) -> io::Result<()> {
        shared(&self.0).readable(false).await
    }
}

impl Writer for OwnedWriteHalf<TcpStream> {
    async fn write_all(
        &mut self,
        buffer: Vec<u8>,
        range: Range<usize>,
    ) -> (io::Result<()>, Vec<u8>) {
        let (result, slice) =
            monoio::io::AsyncWriteRentExt::write_all(self, buffer.slice(range)).await;
        (result.map(drop), slice.into_inner())
    }

    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match send(socket(shared(&self.0)), bytes, flags) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            sent => Ok(sent?),
        }
    }

    async fn writable(&mut self) -> io::Result<()> {
        shared(&self.0).writable(false).await
    }
}

#[expect(unsafe_code, reason = "monoio lends its descriptors only as raw numbers")]
fn socket(stream: &TcpStream) -> BorrowedFd<'_> {
    // SAFETY: the stream owns the descriptor and outlives the result.
    unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) }
}

/// Returns the stream of a half, to wait on: its halves hide it, though waiting changes nothing of it.
#[expect(unsafe_code, reason = "monoio gives readiness to whole streams only")]
fn shared(half: &Rc<UnsafeCell<TcpStream>>) -> &TcpStream {
    // SAFETY: a stream is its descriptor and is never changed between `split` and the drop of both
    // halves, and monoio's own operations on the halves take `&mut` only to pass the descriptor on.
    unsafe { &*half.get() }
}

impl Listener<Monoio> for TcpListener {
    async fn accept(&mut self) -> io::Result<(Halves<Monoio>, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        Ok((split(stream), peer))
    }
}
