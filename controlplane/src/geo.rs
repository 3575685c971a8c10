//! Region databases: from files and URLs to gateways.
//!
//! Owns which databases there are, what each source said last and what became of it, on a thread of its own. Does not
//! send them ([`crate::link`] does, to each gateway on a connection of its own).
//!
//! Life of a database: a source has new bytes ([`crate::followed`]) → all of it is checked → it is compared with the one before it →
//! a sealed memory file → every gateway.
//!
//! Invariants:
//! - what cannot be read, or is not sound, is told once and changes nothing: the last good one is kept, also when its file
//!   is gone or was cut short;
//! - one database of each kind: of two sources the one that had it first keeps it;
//! - one copy is held, in a memory file that nobody can change; gateways are given the same.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use halftone_core::{
    limits::{GEO_BYTES_MAX, GEO_OLD_S},
    signal::geo::{
        Database, GeoState,
        difference::{Difference, difference},
        digest,
    },
};
use halftone_link::{SealedTable, read_sealed_bytes};
use tokio::sync::watch;

use crate::{
    clock,
    followed::{FollowedSource, Following, Newest, Watched},
};

/// How long one answer may take: full-size databases, over slow lines.
const ANSWER_MAX: Duration = Duration::from_secs(600);

/// A database that is held.
#[derive(Debug)]
pub(crate) struct Held {
    /// What is told of it.
    pub(crate) state: GeoState,
    /// The file.
    pub(crate) file: Arc<SealedTable>,
    /// How it differs from the one before it, or from none.
    pub(crate) difference: Difference,
}

/// A source as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The file or the URL.
    pub(crate) source: String,
    /// The last good database it had.
    pub(crate) held: Option<Arc<Held>>,
    /// Why what it has now is not used.
    pub(crate) error: Option<String>,
}

/// Every source, in the order they were given.
pub(crate) type Geo = Newest<Shown>;

/// Starts to follow `sources`, asking URLs anew every so often; the thread ends when `stopped` says so.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn start(
    sources: Vec<FollowedSource>,
    ask_every: Duration,
    stopped: watch::Receiver<bool>,
) -> io::Result<Geo> {
    let (regions, receiver) = regions(sources, ask_every);
    regions.start("geo", stopped)?;
    Ok(receiver)
}

fn regions(sources: Vec<FollowedSource>, ask_every: Duration) -> (Watched<Shown>, Geo) {
    let following = Following {
        every: ask_every,
        bytes_max: GEO_BYTES_MAX,
        answer_max: ANSWER_MAX,
        obeys_max_age: false,
        gives_way: true,
    };
    let sources = sources.into_iter().map(|source| {
        let shown = Shown { source: source.to_string(), held: None, error: None };
        (source, shown)
    });
    Watched::new(sources, following, take)
}

/// Takes what a source has; returns whether anything has changed.
fn take(all: &mut [Shown], at: usize, found: Result<Vec<u8>, String>) -> bool {
    let judged = found.and_then(|bytes| judge(all, at, bytes));
    let shown = &mut all[at];
    match judged {
        Ok(held) => {
            let same = held.is_none() && shown.error.is_none();
            shown.held = held.or(shown.held.take());
            shown.error = None;
            !same
        }
        Err(error) if shown.error.as_ref() == Some(&error) => false,
        Err(error) => {
            tracing::error!(source = %shown.source, %error, "a region database is not used; the last good one is kept");
            shown.error = Some(error);
            true
        }
    }
}

/// Checks what a source has; returns nothing when that is what is held already.
fn judge(all: &[Shown], at: usize, bytes: Vec<u8>) -> Result<Option<Arc<Held>>, String> {
    let before = all[at].held.as_deref();
    if before.is_some_and(|held| held.state.digest == digest(&bytes)) {
        return Ok(None);
    }
    let began = Instant::now();
    let database = Database::open(bytes).map_err(|error| error.to_string())?;
    let state = database.state().clone();
    let others = all.iter().enumerate().filter(|(other, _)| *other != at);
    let rival = others.filter_map(|(_, shown)| Some((shown, shown.held.as_deref()?)));
    let rival = rival.into_iter().find(|(_, held)| held.state.kind == state.kind);
    if let Some((rival, _)) = rival {
        let source = &rival.source;
        return Err(format!("there is a {} database already, from {source}", state.kind));
    }
    let old = before.map(|held| {
        let bytes = read_sealed_bytes(&held.file, GEO_BYTES_MAX);
        let bytes = bytes.map_err(|error| error.to_string())?;
        Database::open(bytes).map_err(|error| error.to_string())
    });
    let difference = difference(old.transpose()?.as_ref(), &database);
    let file = SealedTable::create_of(database.bytes()).map_err(|error| error.to_string())?;
    let file = Arc::new(file);
    tracing::info!(
        source = %all[at].source, kind = %state.kind, database_type = state.database_type,
        digest = state.digest, %difference, took_ms = began.elapsed().as_millis(),
        "a region database is good"
    );
    if (clock::unix_ms() / 1000).saturating_sub(state.built_unix_s) > GEO_OLD_S {
        tracing::warn!(source = %all[at].source, kind = %state.kind, "a region database is older than 30 days: renew it");
    }
    Ok(Some(Arc::new(Held { state, file, difference })))
}

#[cfg(test)]
mod tests;
