//! Lists of ids on the data plane: who is a member of what.
//!
//! Owns a worker's view of the lists ([`Lists`]) and the copies on disk from which a gateway starts ([`keeper`]). Does not
//! check lists (they are verified when they exist) and does not receive them ([`crate::link`] does).
//!
//! Invariants:
//! - a worker neither blocks nor waits here, and nothing is asked of anybody: the lists themselves are on the gateway, one
//!   copy for all workers;
//! - a decision that asks for no list does not look whether there are newer ones.

pub mod keeper;

use std::{cell::RefCell, fmt, sync::Arc};

use halftone_core::{
    signal::lists::{IdLists, ListReader},
    table::epoch::{EpochCell, Reader as EpochReader},
};

/// The lists as a worker sees them.
pub struct Lists(RefCell<EpochReader<IdLists>>);

impl Lists {
    /// Reads the lists of `cell`.
    #[must_use]
    pub fn new(cell: Arc<EpochCell<IdLists>>) -> Self {
        Self(RefCell::new(EpochReader::new(cell)))
    }

    /// Lets go of lists that were replaced, also when no request asks.
    pub fn follow(&self) {
        self.0.borrow_mut().current();
    }
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}

impl ListReader for Lists {
    fn contains(&self, tenant: &str, list: &str, id: &str) -> Option<bool> {
        self.0.borrow_mut().current().contains(tenant, list, id)
    }
}
