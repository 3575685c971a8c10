//! A relay of a Unix socket that takes its time: whatever is sent either way arrives so much later.
//!
//! Owns the listening socket, two threads per direction of each connection, and the delay, which can be changed while
//! they run. Reads nothing of what passes. Descriptors are passed on with the first byte of the read they came with.
//!
//! Invariants:
//! - bytes and descriptors keep their order, also when the delay becomes shorter;
//! - an end of either side is passed on as late as bytes are;
//! - a descriptor that cannot be passed on is closed;
//! - no more than [`PIECES_MAX`] reads are under way per direction; then the sender waits.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Reads under way per direction.
const PIECES_MAX: usize = 1024;
/// Read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Descriptors that come with one read at most; the control socket sends one at a time.
const DESCRIPTORS_MAX: usize = 8;

/// A relay; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    listener: Arc<UnixListener>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Each way, nanoseconds.
    delay_ns: AtomicU64,
    /// What stands between both sides, for the end.
    open: Mutex<Vec<UnixStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What one read brought.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Relay {
    /// Listens at `path` and passes everything on to the socket at `to`, at once.
    ///
    /// # Errors
    /// The socket cannot be bound, or no thread started.
    pub(crate) fn start(path: &Path, to: &Path) -> Result<Self> {
        let listener =
            UnixListener::bind(path).with_context(|| format!("listening at {}", path.display()))?;
        let (listener, shared) = (Arc::new(listener), Arc::new(Shared::default()));
        let (own, own_listener, to) = (Arc::clone(&shared), Arc::clone(&listener), to.to_owned());
        let accepting = thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || own.accept(&own_listener, &to))
            .context("starting the relay")?;
        Ok(Self { listener, shared, accepting: Some(accepting) })
    }

    /// Has an answer to whatever is asked from now on take so much longer.
    pub(crate) fn delay_answers(&self, by: Duration) {
        let each_way = u64::try_from(by.as_nanos() / 2).unwrap_or(u64::MAX);
        self.shared.delay_ns.store(each_way, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Whoever waits in `accept` is woken (unix(7) has it as an end of the socket).
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in locked(&self.shared.open).drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
        let threads = std::mem::take(&mut *locked(&self.shared.threads));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &UnixListener, to: &Path) {
        while let Ok((caller, _)) = listener.accept() {
            // Whoever cannot be passed on sees its connection end, and may come again.
            let _ = UnixStream::connect(to).and_then(|called| self.join(&caller, &called));
        }
    }

    /// Passes everything on between two ends.
    fn join(self: &Arc<Self>, caller: &UnixStream, called: &UnixStream) -> io::Result<()> {
        let mut threads = Vec::with_capacity(4);
        for (from, to) in [(caller, called), (called, caller)] {
            locked(&self.open).push(from.try_clone()?);
            let (sender, pieces) = sync_channel(PIECES_MAX);
            let (own, from, to) = (Arc::clone(self), from.try_clone()?, to.try_clone()?);
            let named = |name: &str| thread::Builder::new().name(name.to_owned());
            threads.push(named("relay-in").spawn(move || own.take(&from, &sender))?);
            threads.push(named("relay-out").spawn(move || pass_on(&pieces, &to))?);
        }
        locked(&self.threads).append(&mut threads);
        Ok(())
    }

    /// Reads until the end, or until nobody takes it any more.
    fn take(&self, from: &UnixStream, pieces: &SyncSender<Piece>) {
        while let Ok((bytes, descriptors)) = receive(from) {
            let delay = Duration::from_nanos(self.delay_ns.load(Ordering::Relaxed));
            let due = Instant::now() + delay;
            let ends = bytes.is_empty();
            if pieces.send(Piece { due, bytes, descriptors }).is_err() || ends {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Read);
    }
}

/// Writes what is due; an empty piece is the end.
fn pass_on(pieces: &Receiver<Piece>, to: &UnixStream) {
    for Piece { due, bytes, descriptors } in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || send(to, &bytes, &descriptors).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn receive(from: &UnixStream) -> Result<(Vec<u8>, Vec<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut bytes = vec![0; CHUNK_BYTES];
    loop {
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let length = match recvmsg(from, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => continue,
            received => received?.bytes,
        };
        let descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let descriptors = descriptors.flatten().collect();
        bytes.truncate(length);
        return Ok((bytes, descriptors));
    }
}

fn send(to: &UnixStream, bytes: &[u8], descriptors: &[OwnedFd]) -> Result<(), Errno> {
    let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(|one| one.as_fd()).collect();
    let (mut rest, mut descriptors) = (bytes, descriptors.as_slice());
    while !rest.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        match sendmsg(to, &[IoSlice::new(rest)], &mut control, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => {
                rest = &rest[sent?..];
                descriptors = &[];
            }
        }
    }
    Ok(())
}

/// A thread that panicked has left nothing half done here.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
