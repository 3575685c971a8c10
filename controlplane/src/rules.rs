//! The rules of every tenant as they were admitted: compiled and archived once.
//!
//! Owns what admission hands on to publication. Does not compile ([`crate::tenants`] has it done) and does not send.
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
        RuleTable,
        archive::{Archive, ArchiveError},
    },
};
use thiserror::Error;

/// Why bundles do not make rules that can be served.
#[derive(Debug, Error)]
pub(crate) enum RulesError {
    /// They do not make a table.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The table could not be served.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Rules that can be served.
pub(crate) struct Rules {
    /// As they were compiled.
    pub(crate) compiled: Compiled,
    /// As they are sent; whoever sends them takes it, since it is large.
    archive: Mutex<Option<Archive<RuleTable>>>,
}

impl Rules {
    /// Archives what was compiled, as `revision`.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub(crate) fn new(compiled: Compiled, revision: u64) -> Result<Self, ArchiveError> {
        let archive = Archive::build(&compiled.table, revision)?;
        Ok(Self { compiled, archive: Mutex::new(Some(archive)) })
    }

    /// Compiles and archives `bundles`, oldest tenant first.
    ///
    /// # Errors
    /// [`RulesError`].
    pub(crate) fn of(
        bundles: &[&Bundle],
        allocations: &Allocations,
        revision: u64,
    ) -> Result<Self, RulesError> {
        Ok(Self::new(Compiled::of(bundles, allocations)?, revision)?)
    }

    /// Returns the archive of this revision; nothing when it was built as another one, or taken before.
    pub(crate) fn take_archive(&self, revision: u64) -> Option<Archive<RuleTable>> {
        let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        archive.take_if(|archive| archive.revision() == revision)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rules of {} routes", self.compiled.table.routes.len())
    }
}
