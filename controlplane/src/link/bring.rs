//! What is brought to gateways beside tables: region databases, lists of ids.
//!
//! Owns a connection to each gateway beside the one that tables travel on, for each kind of thing: what a gateway takes a
//! second to check keeps no table waiting. Does not know what it brings.
//!
//! Invariants: a gateway is sent the newest version of each thing, once per connection; one that it refuses is not sent to
//! it again until there is another. What there is no more is told, once everything that there is was told.

use std::{
    collections::BTreeMap,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use halftone_core::wire::{Frame, Role};
use halftone_link::{Channel, SealedTable};
use tokio::sync::watch;

use super::{
    Backoff, is_stopped,
    session::{SessionError, open_beside, receive, unexpected},
    wait::{self, Waiter, Wake},
};

/// How long a gateway may take to check the largest thing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a thread waits before it looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One thing.
pub(super) struct Thing {
    /// What it is, for people; another version of it has the same name.
    pub(super) name: String,
    /// Which version.
    pub(super) version: String,
    /// Its bytes.
    pub(super) file: Arc<SealedTable>,
}

/// Everything that is brought, as of now.
pub(super) struct Things {
    /// Those that there are.
    pub(super) all: Vec<Thing>,
    /// Says which there are; nothing while that is not known.
    pub(super) names: Option<Frame>,
}

/// How things of one kind travel.
pub(super) struct Kind<T> {
    /// Whose connection it is.
    pub(super) role: Role,
    /// Goes with each.
    pub(super) frame: Frame,
    /// What they are called.
    pub(super) what: &'static str,
    /// Returns what is brought.
    pub(super) things: fn(&T) -> Things,
    /// Whether an answer says that a thing is served.
    pub(super) is_served: fn(&Frame) -> bool,
}

/// Starts a thread that brings what is newest to the gateway at `socket`; it ends when `stopped` says so.
pub(super) fn start<T: Clone + Send + Sync + 'static>(
    socket: &Path,
    kind: Kind<T>,
    newest: &watch::Receiver<T>,
    version: &'static str,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let (waiter, waker) = wait::pair()?;
    tokio::spawn(wait::wake_on(newest.clone(), stopped.clone(), waker));
    let (socket, newest, stopped) = (socket.to_owned(), newest.clone(), stopped.clone());
    let bringer = Bringer { socket, kind, version, newest, stopped, waiter };
    thread::Builder::new().name("gateway-bring".to_owned()).spawn(move || bringer.run()).map(drop)
}

struct Bringer<T> {
    socket: PathBuf,
    kind: Kind<T>,
    version: &'static str,
    newest: watch::Receiver<T>,
    stopped: watch::Receiver<bool>,
    waiter: Waiter,
}

impl<T: Clone> Bringer<T> {
    fn run(mut self) {
        let mut backoff = Backoff::default();
        while !is_stopped(&self.stopped) {
            let began = Instant::now();
            if let Err(error) = self.converse() {
                let (socket, what) = (self.socket.display(), self.kind.what);
                tracing::debug!(%socket, what, %error, "a gateway cannot be brought anything");
            }
            if began.elapsed() > LOOK_EVERY {
                backoff = Backoff::default();
            }
            let _ = self.waiter.wait(None, backoff.next());
        }
    }

    fn converse(&mut self) -> Result<(), SessionError> {
        let mut channel = open_beside(&self.socket, self.version, self.kind.role, ANSWER_TIMEOUT)?;
        let mut sent = BTreeMap::new();
        let mut told: Option<Frame> = None;
        while !is_stopped(&self.stopped) {
            let newest = self.newest.borrow_and_update().clone();
            let Things { all, names } = (self.kind.things)(&newest);
            for thing in all {
                self.send(&mut channel, thing, &mut sent)?;
            }
            if let Some(names) = names.filter(|names| told.as_ref() != Some(names)) {
                channel.send(&names)?;
                match receive(&mut channel)? {
                    Frame::Pong => told = Some(names),
                    other => return Err(unexpected("Pong", &other)),
                }
            }
            match self.waiter.wait(Some(channel.stream().as_fd()), LOOK_EVERY) {
                // A gateway says nothing unasked: this is its end.
                Wake::Readable | Wake::Closed => return Ok(()),
                Wake::Woken | Wake::Elapsed => {}
            }
        }
        Ok(())
    }

    fn send(
        &self,
        channel: &mut Channel,
        thing: Thing,
        sent: &mut BTreeMap<String, String>,
    ) -> Result<(), SessionError> {
        let Thing { name, version, file } = thing;
        if sent.get(&name) == Some(&version) {
            return Ok(());
        }
        channel.send_table(&self.kind.frame, &file)?;
        let (socket, what) = (self.socket.display(), self.kind.what);
        match receive(channel)? {
            answer if (self.kind.is_served)(&answer) => {
                tracing::info!(%socket, what, name, version, "a gateway serves what it was brought");
            }
            Frame::Reject { reason } => {
                tracing::error!(%socket, what, name, version, %reason, "a gateway refuses what it was brought; it keeps what it serves");
            }
            other => return Err(unexpected("Served or Reject", &other)),
        }
        sent.insert(name, version);
        Ok(())
    }
}
