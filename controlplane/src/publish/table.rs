//! Tables ready to be sent: whole, as memory files, and rules also as what moved in earlier ones.
//!
//! Owns when a whole table is made: at once after it was compiled; of rules in which nothing but ranges moved, when a
//! gateway needs it whole. Does not compile and does not send.
//!
//! Invariants:
//! - a table is opened and checked before it is sent whole;
//! - of two tables compiled of the same bundles, one is told from the other by the splits that moved.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use halftone_core::{
    compile::replace_ranges,
    table::{Table, TableKind},
    wire::SplitRanges,
};
use halftone_link::SealedTable;

use super::PublishError;
use crate::{
    ranges::Ranges,
    rules::{Rules, Sealed},
    stages::Stages,
};

/// A table in a memory file.
pub(crate) struct WholeTable {
    /// The file.
    pub(crate) file: SealedTable,
    /// What the table was made from, for people.
    pub(crate) digest: String,
    body: u128,
}

/// Rules as they were compiled, and the ranges that lie over them.
#[derive(Clone)]
struct Compiled {
    rules: Arc<Rules>,
    ranges: Ranges,
}

/// A table, ready to be sent.
pub(crate) struct ReadyTable {
    /// Which table.
    pub(crate) kind: TableKind,
    /// The revision it was compiled as.
    pub(crate) revision: u64,
    /// The digest of the one bundle it was made from.
    digest: Option<String>,
    whole: OnceLock<Result<WholeTable, String>>,
    compiled: Option<Compiled>,
}

impl fmt::Debug for ReadyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} ({:?})", self.kind, self.revision, self.digest)
    }
}

impl ReadyTable {
    /// Archives `table`, unless its body is that of `last`. Without a `digest` its fingerprint is given.
    ///
    /// # Errors
    /// [`PublishError`].
    pub(super) fn new<T: Table>(
        table: &T,
        revision: u64,
        digest: Option<String>,
        last: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, PublishError> {
        let whole = WholeTable::new(table, revision, digest.as_ref())?;
        if let Some(last) = last.filter(|last| last.body() == Some(whole.body)) {
            return Ok(Arc::clone(last));
        }
        let (kind, whole) = (T::KIND, OnceLock::from(Ok(whole)));
        Ok(Arc::new(Self { kind, revision, digest, whole, compiled: None }))
    }

    /// Takes rules over which `ranges` lie, as [`ReadyTable::new`] does.
    ///
    /// # Errors
    /// [`PublishError`].
    pub(super) fn of_rules(
        rules: Arc<Rules>,
        ranges: Ranges,
        revision: u64,
        digest: Option<String>,
        last: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, PublishError> {
        // As it was admitted, if nothing has moved since.
        let sealed = rules.take_sealed(revision).filter(|_| ranges.is_folded());
        let compiled = Compiled { rules, ranges };
        let whole = match sealed {
            Some(sealed) => WholeTable::of(sealed, digest.as_ref()),
            None => compiled.whole(revision, digest.as_ref())?,
        };
        if let Some(last) = last.filter(|last| last.body() == Some(whole.body)) {
            return Ok(Arc::clone(last));
        }
        let (kind, whole) = (TableKind::Rules, OnceLock::from(Ok(whole)));
        Ok(Arc::new(Self { kind, revision, digest, whole, compiled: Some(compiled) }))
    }

    /// Returns the rules in which these ranges lie over those that were compiled; nothing when `ranges` have
    /// another base.
    #[must_use]
    pub(super) fn moved(self: &Arc<Self>, ranges: &Ranges, revision: u64) -> Option<Arc<Self>> {
        let compiled = self.compiled.as_ref()?;
        if !compiled.ranges.has_base_of(ranges) {
            return None;
        }
        if compiled.ranges.is(ranges) {
            return Some(Arc::clone(self));
        }
        let (rules, ranges) = (Arc::clone(&compiled.rules), ranges.clone());
        let (kind, digest) = (self.kind, self.digest.clone());
        let compiled = Some(Compiled { rules, ranges });
        Some(Arc::new(Self { kind, revision, digest, whole: OnceLock::new(), compiled }))
    }

    /// Returns the splits by which these rules differ from `served`; nothing when they differ in more.
    #[must_use]
    pub(crate) fn moved_since(&self, served: &Self) -> Option<Vec<SplitRanges>> {
        let (ours, theirs) = (self.compiled.as_ref()?, served.compiled.as_ref()?);
        let same = Arc::ptr_eq(&ours.rules, &theirs.rules) && served.revision <= self.revision;
        same.then(|| ours.ranges.moved_after(served.revision))
    }

    /// Returns the whole table; the first to need it makes it.
    ///
    /// # Errors
    /// Why it cannot be served, in words.
    pub(crate) fn whole(&self) -> Result<&WholeTable, String> {
        let made = self.whole.get_or_init(|| {
            let compiled = self.compiled.as_ref().ok_or("the table is not there")?;
            compiled.whole(self.revision, self.digest.as_ref()).map_err(|error| error.to_string())
        });
        made.as_ref().map_err(Clone::clone)
    }

    fn body(&self) -> Option<u128> {
        self.whole.get().and_then(|made| made.as_ref().ok()).map(|whole| whole.body)
    }
}

impl Compiled {
    fn whole(&self, revision: u64, digest: Option<&String>) -> Result<WholeTable, PublishError> {
        let mut table = self.rules.compiled.table.clone();
        replace_ranges(&mut table, self.ranges.moved())?;
        WholeTable::new(&table, revision, digest)
    }
}

impl WholeTable {
    fn new<T: Table>(
        table: &T,
        revision: u64,
        digest: Option<&String>,
    ) -> Result<Self, PublishError> {
        Ok(Self::of(Sealed::of(table, revision, 0, &Stages::default())?, digest))
    }

    fn of(Sealed { file, body, .. }: Sealed, digest: Option<&String>) -> Self {
        let digest = digest.cloned().unwrap_or_else(|| format!("xxh3:{body:032x}"));
        Self { file, digest, body }
    }
}
