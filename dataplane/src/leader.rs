//! Who leads this gateway: one control plane at a time, also over restarts.
//!
//! Owns whose tables are served, in memory and in a file beside the last good tables. Does not serve them. Life of a change: a
//! peer greets, and is let in or turned away by this.
//!
//! Invariants (decision 0031):
//! - a control plane that is not the leader changes nothing, whatever it sends and however it started: nobody takes over in
//!   the midst of a change of the one before, and after that there is none ([`Leadership::leading`]);
//! - another one becomes it only when it is told to, or when there is none;
//! - a file that cannot be read names somebody, whom nobody knows: who is to lead is for a person to say.

use std::{
    fmt, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use halftone_core::wire::ControlPlane;
use thiserror::Error;

use crate::last_good::write;

/// What a gateway's file says when what it serves was pushed.
const PUSHED: &str = "push";

/// Whose tables are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leader {
    /// Nobody's: there was none so far.
    Nobody,
    /// Those of whoever pushed them.
    Pushed,
    /// Those of the control plane with this id.
    ControlPlane(u64),
    /// Somebody's: the file cannot be read.
    Unknown,
}

impl fmt::Display for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody's tables"),
            Self::Pushed => f.write_str("what was pushed to it"),
            Self::ControlPlane(id) => write!(f, "the tables of control plane {id:016x}"),
            Self::Unknown => f.write_str("tables, and cannot read whose"),
        }
    }
}

/// Why a control plane is turned away.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "this gateway serves {leader}, you are control plane {id:016x}: with another store (another --data, a disk that was lost) you would replace them; started with --take-over you do, and lead it from then on"
)]
pub struct NotLeader {
    leader: String,
    id: u64,
}

/// Whose tables are served, and where that is kept.
#[derive(Debug)]
pub struct Leadership {
    path: PathBuf,
    leader: RwLock<Leader>,
    /// Who was turned away last: it will try again and again, and is told of once.
    turned_away: Mutex<Option<u64>>,
}

/// The lead, for as long as this is held: whoever takes over waits for it.
#[derive(Debug)]
pub struct Leading<'l>(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'l, Leader>);

impl Leadership {
    /// Reads who led last, below `data`, in a folder made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("last-good");
        fs::create_dir_all(&folder)?;
        let path = folder.join("leader");
        let leader = match fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Leader::Nobody),
            Err(_) => None,
        };
        if leader.is_none() {
            tracing::error!(file = %path.display(), "It cannot be read which control plane leads this gateway; one that is started with --take-over will.");
        }
        let leader = RwLock::new(leader.unwrap_or(Leader::Unknown));
        Ok(Self { path, leader, turned_away: Mutex::default() })
    }

    /// Lets a control plane in as the leader, which it is, or becomes.
    ///
    /// # Errors
    /// [`NotLeader`]: nothing has changed.
    pub fn lead(&self, control_plane: ControlPlane) -> Result<(), NotLeader> {
        let ControlPlane { id, takes_over } = control_plane;
        if self.check(id).is_ok() {
            return Ok(());
        }
        if !takes_over && *self.read() != Leader::Nobody {
            return Err(self.turn_away(id));
        }
        // Whatever the one before is about is done then.
        let mut leader = self.leader.write().unwrap_or_else(PoisonError::into_inner);
        match *leader {
            Leader::ControlPlane(own) if own == id => return Ok(()),
            Leader::Nobody => {}
            before if takes_over => {
                let control_plane = format_args!("{id:016x}");
                tracing::warn!(%before, %control_plane, "A control plane takes this gateway over.");
            }
            _ => {
                drop(leader);
                return Err(self.turn_away(id));
            }
        }
        self.set(&mut leader, Leader::ControlPlane(id));
        Ok(())
    }

    /// Checks that a control plane that was let in leads still.
    ///
    /// # Errors
    /// [`NotLeader`]: another one has taken over.
    pub fn check(&self, id: u64) -> Result<(), NotLeader> {
        self.leading(id).map(drop)
    }

    /// Returns the lead of a control plane that was let in: it changes what is served only while it holds this.
    ///
    /// # Errors
    /// [`NotLeader`]: another one has taken over.
    pub fn leading(&self, id: u64) -> Result<Leading<'_>, NotLeader> {
        let leader = self.read();
        match *leader {
            Leader::ControlPlane(own) if own == id => Ok(Leading(leader)),
            other => Err(NotLeader { leader: other.to_string(), id }),
        }
    }

    /// Notes that tables were pushed: where no control plane leads, none replaces them unasked.
    pub fn note_push(&self) {
        if *self.read() != Leader::Nobody {
            return;
        }
        let mut leader = self.leader.write().unwrap_or_else(PoisonError::into_inner);
        if *leader == Leader::Nobody {
            self.set(&mut leader, Leader::Pushed);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Leader> {
        self.leader.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn_away(&self, id: u64) -> NotLeader {
        let not_leader = NotLeader { leader: self.read().to_string(), id };
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        if turned_away.replace(id) != Some(id) {
            tracing::warn!(reason = %not_leader, "A control plane is turned away.");
        }
        not_leader
    }

    fn set(&self, leader: &mut Leader, newest: Leader) {
        let text = match newest {
            Leader::ControlPlane(id) => format!("{id:016x}\n"),
            _ => format!("{PUSHED}\n"),
        };
        if let Err(error) = write(&self.path, text.as_bytes()) {
            tracing::error!(file = %self.path.display(), %error, "It cannot be kept which control plane leads this gateway; a restart forgets it.");
        }
        *leader = newest;
        *self.turned_away.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn parse(text: &str) -> Option<Leader> {
    match text.trim() {
        PUSHED => Some(Leader::Pushed),
        id if id.len() == 16 => u64::from_str_radix(id, 16).ok().map(Leader::ControlPlane),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
