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
    thread,
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
use halftone_link::{SealedTable, give_way, read_sealed_bytes};
use tokio::sync::watch;

use crate::{
    clock,
    followed::{FollowedSource, Follower, Following, Found},
};

/// How often files are looked at, and whether a URL is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
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
pub(crate) type Geo = watch::Receiver<Arc<[Shown]>>;

/// Starts to follow `sources`, asking URLs anew every so often; the thread ends when `stopped` says so.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn start(
    sources: Vec<FollowedSource>,
    ask_every: Duration,
    stopped: watch::Receiver<bool>,
) -> io::Result<Geo> {
    let shown =
        |source: &FollowedSource| Shown { source: source.to_string(), held: None, error: None };
    let shown: Vec<Shown> = sources.iter().map(shown).collect();
    let (newest, receiver) = watch::channel(Arc::from(shown.as_slice()));
    if sources.is_empty() {
        return Ok(receiver);
    }
    let following = Following {
        every: ask_every,
        bytes_max: GEO_BYTES_MAX,
        answer_max: ANSWER_MAX,
        obeys_max_age: false,
    };
    let followers = sources.into_iter().map(|source| Follower::new(source, following)).collect();
    let regions = Regions { followers, shown, newest };
    thread::Builder::new().name("geo".to_owned()).spawn(move || regions.run(&stopped))?;
    Ok(receiver)
}

struct Regions {
    followers: Vec<Follower>,
    /// By follower.
    shown: Vec<Shown>,
    newest: watch::Sender<Arc<[Shown]>>,
}

impl Regions {
    fn run(mut self, stopped: &watch::Receiver<bool>) {
        give_way();
        while !*stopped.borrow() && stopped.has_changed().is_ok() {
            for at in 0..self.followers.len() {
                if self.look(at) {
                    self.newest.send_replace(Arc::from(self.shown.as_slice()));
                }
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Looks at one source; returns whether anything has changed.
    fn look(&mut self, at: usize) -> bool {
        let judged = match self.followers[at].look(Instant::now()) {
            Found::Same => return false,
            Found::Bytes(bytes) => self.judge(at, bytes),
            Found::Fault(fault) => Err(fault),
        };
        let shown = &mut self.shown[at];
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
    fn judge(&self, at: usize, bytes: Vec<u8>) -> Result<Option<Arc<Held>>, String> {
        let before = self.shown[at].held.as_deref();
        if before.is_some_and(|held| held.state.digest == digest(&bytes)) {
            return Ok(None);
        }
        let began = Instant::now();
        let database = Database::open(bytes).map_err(|error| error.to_string())?;
        let state = database.state().clone();
        let others = self.shown.iter().enumerate().filter(|(other, _)| *other != at);
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
            source = %self.shown[at].source, kind = %state.kind, database_type = state.database_type,
            digest = state.digest, %difference, took_ms = began.elapsed().as_millis(),
            "a region database is good"
        );
        if (clock::unix_ms() / 1000).saturating_sub(state.built_unix_s) > GEO_OLD_S {
            tracing::warn!(source = %self.shown[at].source, kind = %state.kind, "a region database is older than 30 days: renew it");
        }
        Ok(Some(Arc::new(Held { state, file, difference })))
    }
}

#[cfg(test)]
mod tests;
