//! glommio: io_uring as a poller, one executor per worker.
//!
//! Owns everything that names glommio. Does not use its timers, its placement or its connect: workers
//! are pinned by the gateway, sockets are connected by `io::connect` and stopped by `io::deadline`.
//!
//! glommio asks the socket first and the ring only when it has to wait, so an operation holds no
//! buffer while it waits. What it reads arrives in one buffer per worker and is copied from there: its
//! interface wants bytes that are set, and setting a whole buffer for each read costs more.
//!
//! Invariants:
//! - a stream is borrowed for the length of one poll, so both halves may be used at once;
//! - waiting until bytes are there is reading none, and until a connection is made writing none: glommio
//!   has no such waits.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    ops::Range,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd, IntoRawFd as _, OwnedFd, RawFd},
    pin::Pin,
    rc::Rc,
    task::{Poll, ready},
    time::{Duration, Instant},
};

use futures_lite::{AsyncRead, AsyncWrite, future::yield_now};
use glommio::{
    LocalExecutor, LocalExecutorBuilder, Placement,
    net::{TcpListener, TcpStream},
    timer::Timer,
};
use halftone_core::limits::RELAY_BUFFER_BYTES;
use io_uring::{IoUring, Probe, opcode};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    net::getpeername,
    process::{Resource, getrlimit},
};

use super::{Engine, Halves, Listener, Reader, Writer};

/// Submission queue entries of each of a worker's three rings: more are submitted in batches.
const RING_ENTRIES: usize = 256;
/// Memory registered with each ring, for files, which workers have none of: glommio's least.
const REGISTERED_BYTES: usize = 64 * 1024;
/// How long until it is looked again whether a socket has room.
const LOOK: Duration = Duration::from_millis(5);
/// Memory that a process must be allowed to lock (RLIMIT_MEMLOCK): glommio's least.
const LOCKED_BYTES_MIN: u64 = 512 * 1024;

/// The glommio executor of this thread.
#[derive(Clone, Debug)]
pub struct Glommio {
    arrival: Rc<RefCell<Box<[u8]>>>,
}

impl Default for Glommio {
    fn default() -> Self {
        Self { arrival: Rc::new(RefCell::new(vec![0; RELAY_BUFFER_BYTES].into_boxed_slice())) }
    }
}

/// Runs `main` to its end on a new executor.
///
/// # Errors
/// When the executor cannot be built.
pub fn block_on<F: Future>(main: impl FnOnce(Glommio) -> F) -> io::Result<F::Output> {
    Ok(executor()?.run(async { main(Glommio::default()).await }))
}

/// Checks that this machine lets an executor run.
///
/// # Errors
/// Why it does not.
pub(super) fn check() -> io::Result<()> {
    // Below that glommio refuses, in words of its own.
    let locked = getrlimit(Resource::Memlock).current;
    if let Some(bytes) = locked.filter(|bytes| *bytes < LOCKED_BYTES_MIN) {
        let what = format!(
            "{bytes} bytes of memory may be locked and it wants {LOCKED_BYTES_MIN}: see ulimit -l"
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    // glommio ends the process when one of these is missing, so they are asked for here first.
    let needed = [
        (opcode::PollAdd::CODE, "POLL_ADD"),
        (opcode::PollRemove::CODE, "POLL_REMOVE"),
        (opcode::Accept::CODE, "ACCEPT"),
        (opcode::Connect::CODE, "CONNECT"),
        (opcode::LinkTimeout::CODE, "LINK_TIMEOUT"),
        (opcode::Fallocate::CODE, "FALLOCATE"),
        (opcode::Statx::CODE, "STATX"),
        (opcode::Send::CODE, "SEND"),
        (opcode::Recv::CODE, "RECV"),
    ];
    let ring = IoUring::new(8)?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe)?;
    if let Some((_, name)) = needed.into_iter().find(|(code, _)| !probe.is_supported(*code)) {
        let what = format!("the kernel lacks IORING_OP_{name}; Linux 5.8 has it");
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
    executor().map(drop)
}

/// Returns an executor of this thread; glommio adds one thread of its own, which sleeps.
fn executor() -> io::Result<LocalExecutor> {
    let builder = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(REGISTERED_BYTES)
        .ring_depth(RING_ENTRIES);
    Ok(builder.make()?)
}

impl Engine for Glommio {
    type Reader = Half;
    type Writer = Half;
    type Listener = Accepting;
    // Its only wait for room is one that then fills it.
    const SPLICES: bool = false;
    // All reads share one buffer, which the first would keep.
    const LISTENS: bool = false;

    fn adopt(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        Ok(self.split(own(socket)))
    }

    async fn adopt_connecting(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        let mut stream: TcpStream = own(socket);
        poll_fn(|context| Pin::new(&mut stream).poll_write(context, &[])).await?;
        Ok(self.split(stream))
    }

    fn listen(&self, socket: OwnedFd) -> io::Result<Self::Listener> {
        // The ring would otherwise answer at once that nobody is there.
        fcntl_setfl(&socket, fcntl_getfl(&socket)? - OFlags::NONBLOCK)?;
        Ok(Accepting { listener: own(socket), engine: self.clone() })
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(glommio::spawn_local(task).detach());
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl Glommio {
    fn split(&self, stream: TcpStream) -> Halves<Self> {
        let fd = stream.as_raw_fd();
        let stream = Rc::new(RefCell::new(stream));
        let half = || Half { stream: Rc::clone(&stream), arrival: Rc::clone(&self.arrival) };
        Halves { reader: half(), writer: half(), fd }
    }
}

/// Makes a descriptor one of glommio's sockets; its streams carry Unix sockets as well as TCP.
#[expect(unsafe_code, reason = "glommio takes descriptors only as raw numbers")]
fn own<T: FromRawFd>(socket: OwnedFd) -> T {
    let fd: RawFd = socket.into_raw_fd();
    // SAFETY: `fd` was owned by `socket`, which has given it up in the line above.
    unsafe { T::from_raw_fd(fd) }
}

#[expect(unsafe_code, reason = "glommio lends its descriptors only as raw numbers")]
fn borrow(stream: &TcpStream) -> BorrowedFd<'_> {
    // SAFETY: the stream owns the descriptor and outlives the result.
    unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) }
}

/// One half of a stream.
#[derive(Debug)]
pub struct Half {
    stream: Rc<RefCell<TcpStream>>,
    arrival: Rc<RefCell<Box<[u8]>>>,
}

impl Half {
    /// Waits, and takes at most `room` bytes.
    async fn receive(&self, room: usize, take: impl FnOnce(&[u8])) -> io::Result<usize> {
        let mut take = Some(take);
        let read = poll_fn(|context| {
            let mut arrival = self.arrival.borrow_mut();
            let room = room.min(arrival.len());
            let mut stream = self.stream.borrow_mut();
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut arrival[..room]));
            if let (Ok(bytes), Some(take)) = (&read, take.take()) {
                take(&arrival[..*bytes]);
            }
            Poll::Ready(read)
        });
        read.await
    }
}

impl Reader for Half {
    async fn read(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        let room = buffer.capacity() - buffer.len();
        let result = self.receive(room, |bytes| buffer.extend_from_slice(bytes)).await;
        if buffer.len() == buffer.capacity() {
            // There may be more, and glommio gives out whatever is there without a turn for others.
            yield_now().await;
        }
        (result, buffer)
    }

    async fn readable(&mut self) -> io::Result<()> {
        // recv(2) of no bytes waits as any other does, and takes nothing: not the end either.
        self.receive(0, |_| {}).await?;
        yield_now().await;
        Ok(())
    }
}

impl Writer for Half {
    async fn write_all(
        &mut self,
        buffer: Vec<u8>,
        range: Range<usize>,
    ) -> (io::Result<()>, Vec<u8>) {
        let mut left = &buffer[range];
        while !left.is_empty() {
            let written = poll_fn(|context| {
                Pin::new(&mut *self.stream.borrow_mut()).poll_write(context, left)
            });
            match written.await {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buffer),
                Ok(bytes) => left = &left[bytes..],
                Err(error) => return (Err(error), buffer),
            }
        }
        (Ok(()), buffer)
    }

    fn write_now(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        // Its writes ask the socket first anyway.
        Ok(0)
    }

    async fn writable(&mut self) -> io::Result<()> {
        loop {
            {
                let stream = self.stream.borrow();
                let mut sink = [PollFd::from_borrowed_fd(borrow(&stream), PollFlags::OUT)];
                if poll(&mut sink, Some(&Timespec::default()))? > 0 {
                    return Ok(());
                }
            }
            Timer::new(LOOK).await;
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct Accepting {
    listener: TcpListener,
    engine: Glommio,
}

impl Listener<Glommio> for Accepting {
    async fn accept(&mut self) -> io::Result<(Halves<Glommio>, SocketAddr)> {
        loop {
            let stream = self.listener.accept().await?;
            // A peer that has gone already has no address any more.
            let peer = getpeername(borrow(&stream)).ok().flatten();
            if let Some(Ok(peer)) = peer.map(SocketAddr::try_from) {
                return Ok((self.engine.split(stream), peer));
            }
        }
    }
}
