//! What the control plane counts, beside what it can look up.
//!
//! Owns counters that go with the process. Does not name them for others (`api::metrics` does).
//! Invariant: they only grow.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::state::Origin;

/// The kinds of sources that bundles come from, as they are shown.
pub(crate) const SOURCES: [&str; 3] = ["rest", "file", "rollback"];

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    refused: [AtomicU64; SOURCES.len()],
}

impl Counts {
    /// Counts a bundle that was refused.
    pub(crate) fn refuse(&self, origin: &Origin) {
        let source = match origin {
            Origin::Rest => 0,
            Origin::File(_) => 1,
            Origin::Rollback(_) => 2,
        };
        self.refused[source].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many bundles were refused, by [`SOURCES`].
    #[must_use]
    pub(crate) fn refused(&self) -> [u64; SOURCES.len()] {
        self.refused.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}
