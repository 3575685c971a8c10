//! What is brought to gateways beside tables: region databases, lists of ids.
//!
//! Owns what is said on a connection of its own ([`super::beside`]) for each kind of thing: what a gateway takes a second to
//! check keeps no table waiting. Does not know what it brings.
//!
//! Invariants: a gateway is sent the newest version of each thing, once per connection; one that it refuses is not sent to
//! it again until there is another. What there is no more is told, once everything that there is was told.

use std::{collections::BTreeMap, io, path::Path, sync::Arc, time::Duration};

use halftone_core::wire::{Frame, Role};
use halftone_link::{Channel, SealedTable};
use tokio::sync::watch;

use super::{
    Caller,
    beside::{self, Beside, LOOK_EVERY, Manner},
    session::{SessionError, receive, unexpected},
};

/// How long a gateway may take to check the largest thing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

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
    caller: Caller,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let manner = Manner {
        role: kind.role,
        thread: "gateway-bring",
        timeout: ANSWER_TIMEOUT,
        good_after: LOOK_EVERY,
    };
    beside::start(socket, manner, newest.clone(), caller, stopped, move |beside, channel| {
        kind.bring(beside, channel)
    })
}

impl<T: Clone> Kind<T> {
    fn bring(&self, beside: &mut Beside<T>, mut channel: Channel) -> Result<(), SessionError> {
        let mut sent = BTreeMap::new();
        let mut told: Option<Frame> = None;
        while !beside.is_stopped() {
            let Things { all, names } = (self.things)(&beside.newest());
            for thing in all {
                self.send(beside.socket(), &mut channel, thing, &mut sent)?;
            }
            if let Some(names) = names.filter(|names| told.as_ref() != Some(names)) {
                channel.send(&names)?;
                match receive(&mut channel)? {
                    Frame::Pong => told = Some(names),
                    other => return Err(unexpected("Pong", &other)),
                }
            }
            if !beside.goes_on(&channel) {
                break;
            }
        }
        Ok(())
    }

    fn send(
        &self,
        socket: &Path,
        channel: &mut Channel,
        thing: Thing,
        sent: &mut BTreeMap<String, String>,
    ) -> Result<(), SessionError> {
        let Thing { name, version, file } = thing;
        if sent.get(&name) == Some(&version) {
            return Ok(());
        }
        channel.send_table(&self.frame, &file)?;
        let (socket, what) = (socket.display(), self.what);
        match receive(channel)? {
            answer if (self.is_served)(&answer) => {
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
