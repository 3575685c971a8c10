//! Answers to gateways: what is known of users.
//!
//! Owns what is said on a connection of its own ([`super::beside`]), so that a question waits for no table, and says on it
//! when tags have changed. The gateway asks, in its own time; a question that comes late is answered all the
//! same, for the next request.
//!
//! Invariants:
//! - whatever is answered is of the revision that the answer names;
//! - a gateway is sent the filter of every revision, many that come soon after each other as one.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use halftone_core::{
    table::archive::Archive,
    wire::{Frame, Role},
};
use halftone_link::{Channel, SealedTable};
use tokio::sync::watch;

use super::{
    Caller,
    beside::{self, Beside, LOOK_EVERY, Manner},
    session::{SessionError, receive, unexpected},
    wait::Wake,
};
use crate::tags::{Revisions, TagStore};

/// How long a gateway may take for its greeting, or for the rest of a frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon after each other revisions are told: workers forget all they know of a tenant by each.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Starts a thread that answers the gateway at `socket`; it ends when `stopped` says so.
pub(super) fn start(
    socket: &Path,
    tags: &Arc<TagStore>,
    caller: Caller,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let manner = Manner {
        role: Role::Tags,
        thread: "gateway-tags",
        timeout: FRAME_TIMEOUT,
        good_after: FRAME_TIMEOUT,
    };
    let tags = Arc::clone(tags);
    beside::start(socket, manner, tags.revisions(), caller, stopped, move |beside, channel| {
        converse(&tags, beside, channel)
    })
}

/// Answers until the connection ends or the process does.
fn converse(
    tags: &TagStore,
    beside: &mut Beside<Revisions>,
    mut channel: Channel,
) -> Result<(), SessionError> {
    let mut told: Option<(Revisions, Instant)> = None;
    let mut served = BTreeMap::new();
    while !beside.is_stopped() {
        let newest = beside.newest();
        let mut pause = LOOK_EVERY;
        match &told {
            Some((known, _)) if Arc::ptr_eq(known, &newest) => {}
            Some((_, at)) if at.elapsed() < TELL_EVERY => {
                pause = TELL_EVERY.saturating_sub(at.elapsed());
            }
            _ => {
                tell(tags, &mut channel, &newest, &mut served)?;
                told = Some((newest, Instant::now()));
            }
        }
        match beside.wait(&channel, pause) {
            Wake::Readable => answer(tags, &mut channel)?,
            Wake::Closed => return Ok(()),
            Wake::Woken | Wake::Elapsed => {}
        }
    }
    Ok(())
}

/// Sends the filters of tenants whose tags have changed.
fn tell(
    tags: &TagStore,
    channel: &mut Channel,
    newest: &Revisions,
    served: &mut BTreeMap<String, u64>,
) -> Result<(), SessionError> {
    for (tenant, revision) in newest.iter() {
        if served.get(tenant) == Some(revision) {
            continue;
        }
        let filter = tags.filter(tenant);
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

fn answer(tags: &TagStore, channel: &mut Channel) -> Result<(), SessionError> {
    let (number, tenant, ids) = match receive(channel)? {
        Frame::TagQuery { number, tenant, ids } => (number, tenant, ids),
        other => return Err(unexpected("TagQuery", &other)),
    };
    let (revision, found) = match tags.answer(&tenant, &ids) {
        Ok((revision, found)) => (revision, Some(found)),
        Err(error) => {
            tracing::error!(%error, tenant, "the tags of users cannot be read");
            (0, None)
        }
    };
    Ok(channel.send(&Frame::TagAnswer { number, revision, found })?)
}
