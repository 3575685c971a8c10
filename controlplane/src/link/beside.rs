//! A connection to a gateway beside the one that tables travel on, with a thread of its own.
//!
//! Owns that thread: what wakes it, when it connects, and when it does so again. Does not know what is said on the
//! connection ([`super::tags`], [`super::bring`], [`super::issuers`]). Invariant: what is newer than what was taken ends
//! every wait, also one between two connections.

use std::{
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use halftone_core::wire::Role;
use halftone_link::Channel;
use tokio::sync::watch;

use super::{
    Backoff, Caller, is_stopped,
    session::{SessionError, open_beside},
    wait::{self, Waiter, Wake},
};

/// How long a thread waits before it looks whether it is to stop.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a connection is made, and made again.
pub(super) struct Manner {
    /// Whose it is.
    pub(super) role: Role,
    /// What its thread is called.
    pub(super) thread: &'static str,
    /// How long the gateway may take for a frame.
    pub(super) timeout: Duration,
    /// A connection that lasted longer than this was a good one: the next is tried soon after it.
    pub(super) good_after: Duration,
}

/// What a conversation has besides its channel: the gateway, and what is newest.
pub(super) struct Beside<T> {
    socket: PathBuf,
    caller: Caller,
    newest: watch::Receiver<T>,
    stopped: watch::Receiver<bool>,
    waiter: Waiter,
}

/// Starts a thread that has `converse` talk with the gateway at `socket`, over one connection after the other; it ends
/// when `stopped` says so.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn start<T: Clone + Send + Sync + 'static>(
    socket: &Path,
    manner: Manner,
    newest: watch::Receiver<T>,
    caller: Caller,
    stopped: &watch::Receiver<bool>,
    converse: impl FnMut(&mut Beside<T>, Channel) -> Result<(), SessionError> + Send + 'static,
) -> io::Result<()> {
    let (waiter, waker) = wait::pair()?;
    tokio::spawn(wait::wake_on(newest.clone(), stopped.clone(), waker));
    let (socket, stopped) = (socket.to_owned(), stopped.clone());
    let beside = Beside { socket, caller, newest, stopped, waiter };
    let name = manner.thread.to_owned();
    thread::Builder::new().name(name).spawn(move || beside.run(&manner, converse)).map(drop)
}

impl<T: Clone> Beside<T> {
    fn run(
        mut self,
        manner: &Manner,
        mut converse: impl FnMut(&mut Self, Channel) -> Result<(), SessionError>,
    ) {
        let mut backoff = Backoff::default();
        while !self.is_stopped() {
            let began = Instant::now();
            let channel = open_beside(&self.socket, &mut self.caller, manner.role, manner.timeout);
            if let Err(error) = channel.and_then(|channel| converse(&mut self, channel)) {
                let (socket, role) = (self.socket.display(), manner.role);
                tracing::debug!(%socket, ?role, %error, "a connection beside that of the tables has failed");
            }
            if began.elapsed() > manner.good_after {
                backoff = Backoff::default();
            }
            let _ = self.waiter.wait(None, backoff.next());
        }
    }

    /// Returns the gateway's socket.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns whether the conversation is to end.
    pub(super) fn is_stopped(&self) -> bool {
        is_stopped(&self.stopped)
    }

    /// Takes what is newest; a wait ends when there is something newer.
    pub(super) fn newest(&mut self) -> T {
        self.newest.borrow_and_update().clone()
    }

    /// Waits for the gateway to say something, for something newer, or for `pause`.
    pub(super) fn wait(&self, channel: &Channel, pause: Duration) -> Wake {
        self.waiter.wait(Some(channel.stream().as_fd()), pause)
    }

    /// Waits beside a gateway that says nothing unasked; returns whether the conversation goes on.
    pub(super) fn goes_on(&self, channel: &Channel) -> bool {
        match self.wait(channel, LOOK_EVERY) {
            // This is the gateway's end, or the runtime's.
            Wake::Readable | Wake::Closed => false,
            Wake::Woken | Wake::Elapsed => true,
        }
    }
}
