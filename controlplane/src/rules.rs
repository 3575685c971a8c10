//! The rules of every tenant as they were admitted: compiled and archived once.
//!
//! Owns what admission hands on to publication: rows, and the memory file that gateways are sent. Does not compile
//! ([`crate::tenants`] has it done) and does not send.
//!
//! Invariant: rules exist only if their archive was opened and found good.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use halftone_core::{
    compile::{Allocations, CompileError, Compiled},
    policy::Bundle,
    table::{
        Table,
        archive::{ArchiveError, Draft},
    },
};
use halftone_link::{AtOnce, SealedError, SealedTable};
use thiserror::Error;

use crate::stages::Stages;

/// Why bundles do not make tables that can be served, rules or instances.
#[derive(Debug, Error)]
pub(crate) enum RulesError {
    /// They do not make a table.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The table could not be served.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The table could not be put into a memory file.
    #[error(transparent)]
    Sealed(#[from] SealedError),
}

/// A table that was opened and found good, in a memory file.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// The file.
    pub(crate) file: SealedTable,
    /// The revision it was archived as.
    pub(crate) revision: u64,
    /// What names its body.
    pub(crate) body: u128,
    /// The length of the archive.
    bytes: usize,
}

impl Sealed {
    /// Archives `table` as `revision`, of some `bytes`; checks it and writes the file at once.
    ///
    /// # Errors
    /// [`RulesError::Archive`], [`RulesError::Sealed`].
    pub(crate) fn of<T: Table>(
        table: &T,
        revision: u64,
        bytes: usize,
        stages: &Stages,
    ) -> Result<Self, RulesError> {
        let draft = stages.timed("write", || Draft::write(table, revision, bytes))?;
        let bytes = draft.length();
        let at_once = AtOnce::over(bytes);
        let opened = stages.timed("check", || draft.open_beside(&at_once, SealedTable::create));
        let (archive, file) = opened?;
        Ok(Self { file: file?, revision, body: archive.body(), bytes })
    }
}

/// Rules that can be served.
pub(crate) struct Rules {
    /// As they were compiled.
    pub(crate) compiled: Compiled,
    /// As they are sent; whoever sends them takes it, since it is large.
    sealed: Mutex<Option<Sealed>>,
    bytes: usize,
}

impl Rules {
    /// Archives what was compiled, as `revision`; it will be about as large as the rules `before`.
    ///
    /// # Errors
    /// [`RulesError::Archive`], [`RulesError::Sealed`].
    pub(crate) fn new(
        compiled: Compiled,
        revision: u64,
        before: Option<&Self>,
        stages: &Stages,
    ) -> Result<Self, RulesError> {
        // A little more: what was added since is seldom as much.
        let bytes = before.map_or(0, |before| before.bytes + before.bytes / 64);
        let sealed = Sealed::of(&compiled.table, revision, bytes, stages)?;
        let bytes = sealed.bytes;
        Ok(Self { compiled, sealed: Mutex::new(Some(sealed)), bytes })
    }

    /// Compiles and archives `bundles`, oldest tenant first.
    ///
    /// # Errors
    /// [`RulesError`].
    pub(crate) fn of(
        bundles: &[&Bundle],
        allocations: &Allocations,
        revision: u64,
        stages: &Stages,
    ) -> Result<Self, RulesError> {
        let compiled = stages.timed("compile", || Compiled::of(bundles, allocations))?;
        Self::new(compiled, revision, None, stages)
    }

    /// Returns the memory file of this revision; nothing when it was made as another one, or taken before.
    pub(crate) fn take_sealed(&self, revision: u64) -> Option<Sealed> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        sealed.take_if(|sealed| sealed.revision == revision)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rules of {} routes", self.compiled.table.routes.len())
    }
}
