//! Large bodies without copying: socket to pipe to socket (splice(2)).
//!
//! Owns pooled pipes and the loop that moves a known number of bytes. Does not know bodies or patience: its caller
//! says how many, and arms the deadlines.
//! Both sockets are set non-blocking first: SPLICE_F_NONBLOCK speaks of the pipe alone, and a full socket would stop
//! the worker. Invariants:
//! - a pipe goes back to its list only when it is empty;
//! - after [`TURN_BYTES`] the worker serves others, however fast both ends are;
//! - bytes beyond the asked number stay in the socket they came on.

use std::{
    cell::{Cell, RefCell},
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use halftone_core::limits::{FREE_PIPES_MAX, PIPE_BYTES};
use rustix::{
    fs::OFlags,
    pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice},
};

use super::deadline::Deadline;
use crate::engine::{Engine, Reader as _, Writer as _};

/// How much one body moves before others have their turn.
const TURN_BYTES: usize = PIPE_BYTES;

/// A pipe, empty between uses.
#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

/// A worker's free pipes.
#[derive(Debug, Default)]
pub struct Pipes {
    free: RefCell<Vec<Pipe>>,
}

/// Which end failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The one that was read: it ended early, or failed.
    Source,
    /// The one that was written.
    Sink,
}

/// Which end is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The one that is read.
    Source,
    /// The one that is written.
    Sink,
}

/// How far a splice has come, bytes; the difference was in the pipe when an end failed.
#[derive(Debug, Default)]
pub struct Progress {
    /// Taken from the source.
    pub taken: Cell<u64>,
    /// Given to the sink.
    pub given: Cell<u64>,
}

/// One end of a splice.
pub struct Endpoint<'a, H> {
    /// The half of the stream, to wait on.
    pub half: &'a mut H,
    /// The deadline of the stream, which knows its socket.
    pub deadline: &'a Deadline,
}

impl Pipes {
    /// Moves `bytes` bytes from `source` to `sink`; `arm` is called before each wait. Returns false when this host
    /// gives no pipe: nothing was moved.
    ///
    /// # Errors
    /// [`Broken`].
    pub async fn relay<E: Engine>(
        &self,
        mut source: Endpoint<'_, E::Reader>,
        mut sink: Endpoint<'_, E::Writer>,
        bytes: u64,
        arm: impl Fn(Wait),
        progress: &Progress,
    ) -> Result<bool, Broken> {
        let pipe = match self.prepare(source.deadline, sink.deadline) {
            Ok(pipe) => pipe,
            Err(error) => {
                tracing::debug!(%error, "A large body is copied: it cannot be spliced.");
                return Ok(false);
            }
        };
        let Progress { taken, given } = progress;
        while taken.get() < bytes {
            arm(Wait::Source);
            let held = fill::<E>(&pipe, &mut source, bytes - taken.get()).await?;
            taken.set(taken.get() + held as u64);
            arm(Wait::Sink);
            drain::<E>(&pipe, &mut sink, held, &arm, given).await?;
        }
        let mut free = self.free.borrow_mut();
        if free.len() < FREE_PIPES_MAX {
            free.push(pipe);
        }
        Ok(true)
    }

    fn prepare(&self, source: &Deadline, sink: &Deadline) -> io::Result<Pipe> {
        unblock(source.socket())?;
        unblock(sink.socket())?;
        if let Some(pipe) = self.free.borrow_mut().pop() {
            return Ok(pipe);
        }
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A host that gives its users less gives what it has: the pipe works with 64 KiB too.
        let _ = fcntl_setpipe_size(&write, PIPE_BYTES);
        Ok(Pipe { read, write })
    }
}

/// Takes up to `left` bytes from the source; at least one.
async fn fill<E: Engine>(
    pipe: &Pipe,
    source: &mut Endpoint<'_, E::Reader>,
    left: u64,
) -> Result<usize, Broken> {
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(TURN_BYTES);
    loop {
        // Also the turn of the others: whatever is ready runs before this returns.
        source.half.readable().await.map_err(|_| Broken::Source)?;
        match step(source.deadline.socket(), &pipe.write, most) {
            Ok(0) => return Err(Broken::Source),
            Ok(bytes) => return Ok(bytes),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => return Err(Broken::Source),
        }
    }
}

/// Gives the `held` bytes of the pipe to the sink.
async fn drain<E: Engine>(
    pipe: &Pipe,
    sink: &mut Endpoint<'_, E::Writer>,
    mut held: usize,
    arm: &impl Fn(Wait),
    given: &Cell<u64>,
) -> Result<(), Broken> {
    while held > 0 {
        match step(&pipe.read, sink.deadline.socket(), held) {
            Ok(0) => return Err(Broken::Sink),
            Ok(bytes) => {
                held -= bytes;
                given.set(given.get() + bytes as u64);
            }
            Err(rustix::io::Errno::AGAIN) => {
                arm(Wait::Sink);
                sink.half.writable().await.map_err(|_| Broken::Sink)?;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(Broken::Sink),
        }
    }
    Ok(())
}

fn step(
    from: impl std::os::fd::AsFd,
    to: impl std::os::fd::AsFd,
    bytes: usize,
) -> Result<usize, rustix::io::Errno> {
    splice(from, None, to, None, bytes, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)
}

fn unblock(socket: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::fcntl_setfl(socket, OFlags::RDWR | OFlags::NONBLOCK)?)
}
