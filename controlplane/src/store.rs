//! What survives: instances, bundles, allocations, and the numbers given to changes.
//!
//! Owns the [`Store`] trait and the default implementation in one file on disk ([`Embedded`]). Does
//! not know what a bundle means: it keeps canonical text. Life of a change: the last step before it
//! is acknowledged.
//!
//! Invariants:
//! - [`Store::write`] has either happened wholly and durably when it returns, or not at all, or says that it is not known
//!   which: a process that is killed loses nothing that was acknowledged;
//! - numbers are written with the changes they number, so they never repeat.

pub(crate) mod database;
mod embedded;
mod health;
mod identity;
mod texts;

use std::{borrow::Cow, io, path::PathBuf, sync::Arc, time::Duration};

use halftone_core::{
    compile::SplitKey,
    policy::{Canonical, Judged},
    rollout::allocation::Allocation,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ranges::Ranges, registry::Record, rules::Rules};

pub(crate) use database::{AGAIN_AFTER, DatabaseFile, is_full};
pub(crate) use embedded::Embedded;
pub(crate) use health::Health;

/// Why the store could not be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Its directory cannot be made.
    #[error("cannot create the data directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "store {path}: another control plane has it open; stop that one or choose another data directory"
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file is not, or no longer, a store.
    #[error(
        "store {path}: cannot be opened: {source}; restore it from a backup or move it away to start empty"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<redb::Error>,
    },
    /// The file has lost what was in it.
    #[error(
        "store {path}: the file is empty, as a crash of the machine or its disk may leave one behind; restore it from a backup, or remove it to start with nothing"
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A record is not what was written.
    #[error("store {path}: the record {key:?} of {table} cannot be read: {source}")]
    Record {
        /// The file.
        path: PathBuf,
        /// The table it is in.
        table: &'static str,
        /// Its key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Reading or writing failed; nothing was changed.
    #[error("store {path}: cannot {doing}: {source}")]
    Access {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        #[source]
        source: Box<redb::Error>,
    },
    /// A write did not come to an end.
    #[error("writing to the store ended unexpectedly; see the log")]
    Ended,
    /// A write failed at its end: all of it is kept, or nothing.
    #[error("it is not known whether the change was kept: {0}")]
    Unknown(#[source] Arc<StoreError>),
    /// The store has another change than was written last.
    #[error(
        "the store has change {found} where {expected} was written: another file is in its place; restart the control plane to read it"
    )]
    Another {
        /// The number of the change it has.
        found: u64,
        /// The number of the change that was written.
        expected: u64,
    },
}

impl StoreError {
    /// Returns whether there is no room on the disk.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Access { source, .. } => {
                matches!(&**source, redb::Error::Io(error) if database::is_full(error))
            }
            Self::Unknown(cause) => cause.is_full(),
            _ => false,
        }
    }

    /// Returns this of a write of which it is known by now that nothing was kept.
    pub(crate) fn of_nothing(self) -> Self {
        match self {
            Self::Unknown(cause) => Arc::try_unwrap(cause).unwrap_or_else(Self::Unknown),
            known => known,
        }
    }

    /// Returns what went wrong, whatever came of it.
    pub(crate) fn cause(&self) -> &Self {
        if let Self::Unknown(cause) = self { cause } else { self }
    }

    /// Returns whether what was written may be kept in spite of this.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

/// Keeps what must survive.
pub(crate) trait Store: Send + Sync {
    /// Reads everything.
    ///
    /// # Errors
    /// [`StoreError`].
    fn load(&self) -> Result<Stored, StoreError>;

    /// Writes changes in order, and `counters`, the numbers of the last: all of it wholly, durably, or not
    /// at all. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed then, unless it [is unknown](StoreError::is_unknown).
    fn write(&self, counters: Counters, changes: &[Numbered]) -> Result<(), StoreError>;

    /// Reads the numbers of the newest change that is kept. After a failure it waits for so long until it can. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// [`StoreError`].
    fn counters(&self, patience: Duration) -> Result<Counters, StoreError>;

    /// Writes what changes nothing, as durably. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    fn probe(&self) -> Result<(), StoreError>;

    /// Reads the text of a revision, if it is kept and has one. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    fn text(&self, key: &RevisionKey) -> Result<Option<String>, StoreError>;
}

/// The numbers given so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Changes of anything; the instance table carries it as its revision.
    pub(crate) change: u64,
    /// Changes of the rules; the rule table and the newest bundle carry it.
    pub(crate) revision: u64,
}

impl Default for Counters {
    /// Returns the numbers of a new store: the empty implicit bundle is revision 1.
    fn default() -> Self {
        Self { change: 0, revision: 1 }
    }
}

/// The ranges of some splits.
pub(crate) type SplitAllocations = Vec<(SplitKey, Allocation)>;

/// Names one revision: its tenant and its number.
pub(crate) type RevisionKey = (String, u64);

/// A revision of a tenant's bundle, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredRevision {
    /// Whose it is.
    pub(crate) tenant: String,
    /// Its number.
    pub(crate) revision: u64,
    /// The digest of its canonical form; none when the bundle was deleted.
    pub(crate) digest: Option<String>,
    /// The length of its canonical form, bytes.
    pub(crate) bytes: u64,
    /// When it was stored, milliseconds since 1970 (UTC).
    pub(crate) at_ms: u64,
    /// Where it came from, for people.
    pub(crate) source: String,
}

impl BundleChange {
    /// Returns the ranges of the tenant's own splits.
    fn own_ranges(&self) -> Vec<(&SplitKey, &Allocation)> {
        let ranges = self.ranges.base().iter();
        ranges.filter(|(split, _)| split.tenant == self.stored.tenant).collect()
    }
}

impl StoredRevision {
    /// Returns its name.
    #[must_use]
    pub(crate) fn key(&self) -> RevisionKey {
        (self.tenant.clone(), self.revision)
    }
}

/// Everything a store keeps.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The numbers given so far.
    pub(crate) counters: Counters,
    /// Registered instances.
    pub(crate) instances: Vec<Record>,
    /// Bundles, in no order.
    pub(crate) bundles: Vec<StoredBundle>,
    /// Ranges of every split; of one that is there twice, the last count.
    pub(crate) allocations: SplitAllocations,
    /// The history, in no order.
    pub(crate) revisions: Vec<StoredRevision>,
}

/// A tenant's bundle as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredBundle {
    /// Whose it is.
    pub(crate) tenant: String,
    /// The change in which the tenant appeared: lower is older.
    pub(crate) since: u64,
    /// Its number.
    pub(crate) revision: u64,
    /// The digest of its canonical form.
    pub(crate) digest: String,
    /// Its canonical form, JSON.
    pub(crate) text: Text,
}

/// The text of a bundle.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// As one: of an earlier build, or as it was read.
    Whole(String),
    /// In runs, which are kept each for itself.
    Runs(Arc<Canonical>),
}

impl Text {
    /// Returns all of it.
    #[must_use]
    pub(crate) fn whole(&self) -> Cow<'_, str> {
        match self {
            Self::Whole(text) => Cow::Borrowed(text),
            Self::Runs(canonical) => Cow::Owned(canonical.text()),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.whole() == other.whole()
    }
}

impl Eq for Text {}

/// A change with the numbers it has.
pub(crate) type Numbered = (Counters, Change);

/// One change to be kept.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// An instance is registered, registered anew, or drained.
    PutInstance(Record),
    /// The instances of these ids are gone.
    DeleteInstances(Vec<String>),
    /// A tenant's bundle is replaced.
    PutBundle(Box<BundleChange>),
    /// The ranges of these splits are moved.
    MoveRanges(SplitAllocations),
    /// A tenant's bundle is gone, with its ranges: the revision that says so, and those that are no
    /// longer kept.
    DeleteBundle(StoredRevision, Vec<RevisionKey>),
}

/// A tenant's new bundle.
#[derive(Clone, Debug)]
pub(crate) struct BundleChange {
    /// The bundle as it is kept.
    pub(crate) stored: Arc<StoredBundle>,
    /// The same, judged.
    pub(crate) judged: Judged,
    /// The ranges of every split, of all tenants.
    pub(crate) ranges: Ranges,
    /// The splits of the tenant whose ranges are others than before; nothing when any of them may be.
    pub(crate) moved: Option<SplitAllocations>,
    /// The rules of all tenants with it, as they were admitted; not kept.
    pub(crate) rules: Option<Arc<Rules>>,
    /// Its place in the history.
    pub(crate) revision: StoredRevision,
    /// What goes in the same step: the tenant it moved from, its bundle and its ranges.
    pub(crate) gone: Option<StoredRevision>,
    /// Revisions that are no longer kept.
    pub(crate) pruned: Vec<RevisionKey>,
}

#[cfg(test)]
mod tests;
