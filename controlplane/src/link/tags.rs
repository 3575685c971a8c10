//! Answers to gateways: what is known of users.
//!
//! Owns a connection to each gateway beside the one that tables travel on, so that a question waits for no table, and
//! says on it when tags have changed. The gateway asks, in its own time; a question that comes late is answered all the
//! same, for the next request.
//!
//! Invariants:
//! - whatever is answered is of the revision that the answer names;
//! - a gateway is sent the filter of every revision, many that come soon after each other as one.

use std::{
    collections::BTreeMap,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use halftone_core::{
    table::archive::Archive,
    wire::{Frame, Role},
};
use halftone_link::{Channel, SealedTable};
use tokio::sync::watch;

use super::{
    Backoff, is_stopped,
    session::{SessionError, open_beside, receive, unexpected},
    wait::{self, Waiter, Wake},
};
use crate::tags::{Revisions, TagStore};

/// How long a gateway may take for its greeting, or for the rest of a frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a thread waits before it looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon after each other revisions are told: workers forget all they know of a tenant by each.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Starts a thread that answers the gateway at `socket`; it ends when `stopped` says so.
pub(super) fn start(
    socket: &Path,
    tags: &Arc<TagStore>,
    version: &'static str,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let (waiter, waker) = wait::pair()?;
    tokio::spawn(wait::wake_on(tags.revisions(), stopped.clone(), waker));
    let link = TagLink {
        socket: socket.to_owned(),
        version,
        tags: Arc::clone(tags),
        newest: tags.revisions(),
        stopped: stopped.clone(),
        waiter,
    };
    thread::Builder::new().name("gateway-tags".to_owned()).spawn(move || link.run())?;
    Ok(())
}

struct TagLink {
    socket: PathBuf,
    version: &'static str,
    tags: Arc<TagStore>,
    newest: watch::Receiver<Revisions>,
    stopped: watch::Receiver<bool>,
    waiter: Waiter,
}

impl TagLink {
    fn run(mut self) {
        let mut backoff = Backoff::default();
        while !is_stopped(&self.stopped) {
            let began = Instant::now();
            if let Err(error) = self.converse() {
                tracing::debug!(socket = %self.socket.display(), %error, "a gateway cannot ask about users");
            }
            if began.elapsed() > FRAME_TIMEOUT {
                backoff = Backoff::default();
            }
            let _ = self.waiter.wait(None, backoff.next());
        }
    }

    /// Connects, and answers until the connection ends or the process does.
    fn converse(&mut self) -> Result<(), SessionError> {
        let mut channel = open_beside(&self.socket, self.version, Role::Tags, FRAME_TIMEOUT)?;
        let mut told: Option<(Revisions, Instant)> = None;
        let mut served = BTreeMap::new();
        while !is_stopped(&self.stopped) {
            let newest = Arc::clone(&self.newest.borrow_and_update());
            let mut pause = LOOK_EVERY;
            match &told {
                Some((known, _)) if Arc::ptr_eq(known, &newest) => {}
                Some((_, at)) if at.elapsed() < TELL_EVERY => {
                    pause = TELL_EVERY.saturating_sub(at.elapsed());
                }
                _ => {
                    self.tell(&mut channel, &newest, &mut served)?;
                    told = Some((newest, Instant::now()));
                }
            }
            match self.waiter.wait(Some(channel.stream().as_fd()), pause) {
                Wake::Readable => self.answer(&mut channel)?,
                Wake::Closed => return Ok(()),
                Wake::Woken | Wake::Elapsed => {}
            }
        }
        Ok(())
    }

    /// Sends the filters of tenants whose tags have changed.
    fn tell(
        &self,
        channel: &mut Channel,
        newest: &Revisions,
        served: &mut BTreeMap<String, u64>,
    ) -> Result<(), SessionError> {
        for (tenant, revision) in newest.iter() {
            if served.get(tenant) == Some(revision) {
                continue;
            }
            let filter = self.tags.filter(tenant);
            let archive = Archive::build(&filter, *revision).map_err(|error| error.to_string());
            let file = archive.and_then(|archive| {
                SealedTable::create(archive.bytes()).map_err(|error| error.to_string())
            });
            match file {
                Ok(file) => channel.send_table(&Frame::TagFilter, file)?,
                Err(error) => tracing::error!(tenant, error, "a filter of tags cannot be sent"),
            }
            served.insert(tenant.clone(), *revision);
        }
        Ok(())
    }

    fn answer(&self, channel: &mut Channel) -> Result<(), SessionError> {
        let (number, tenant, ids) = match receive(channel)? {
            Frame::TagQuery { number, tenant, ids } => (number, tenant, ids),
            other => return Err(unexpected("TagQuery", &other)),
        };
        let (revision, found) = match self.tags.answer(&tenant, &ids) {
            Ok((revision, found)) => (revision, Some(found)),
            Err(error) => {
                tracing::error!(%error, tenant, "the tags of users cannot be read");
                (0, None)
            }
        };
        Ok(channel.send(&Frame::TagAnswer { number, revision, found })?)
    }
}
