//! What the control plane counts, beside what it can look up.
//!
//! Owns counters that go with the process. Does not name them for others (`api::metrics` does).
//! Invariant: they only grow.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    state::Origin,
    store::{Counters, Numbered, RevisionKey, Store, StoreError, Stored},
};

/// The kinds of sources that bundles come from, as they are shown.
pub(crate) const SOURCES: [&str; 3] = ["rest", "file", "rollback"];

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    refused: [AtomicU64; SOURCES.len()],
    store_failures: AtomicU64,
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

    /// Returns how many changes could not be made durable.
    #[must_use]
    pub(crate) fn store_failures(&self) -> u64 {
        self.store_failures.load(Ordering::Relaxed)
    }
}

/// A store whose failures are counted.
pub(crate) struct Counted<S> {
    store: S,
    counts: Arc<Counts>,
}

impl<S: Store> Counted<S> {
    /// Counts the failures of `store`.
    #[must_use]
    pub(crate) fn new(store: S, counts: Arc<Counts>) -> Self {
        Self { store, counts }
    }
}

impl<S: Store> Store for Counted<S> {
    fn load(&self) -> Result<Stored, StoreError> {
        self.store.load()
    }

    fn write(&self, counters: Counters, changes: &[Numbered]) -> Result<(), StoreError> {
        self.store.write(counters, changes).inspect_err(|_| {
            self.counts.store_failures.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn text(&self, key: &RevisionKey) -> Result<Option<String>, StoreError> {
        self.store.text(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that is full.
    struct Full;

    impl Store for Full {
        fn load(&self) -> Result<Stored, StoreError> {
            Ok(Stored::default())
        }

        fn write(&self, _: Counters, _: &[Numbered]) -> Result<(), StoreError> {
            Err(StoreError::Locked { path: "full".into() })
        }

        fn text(&self, _: &RevisionKey) -> Result<Option<String>, StoreError> {
            Ok(None)
        }
    }

    #[test]
    fn changes_that_could_not_be_kept_are_counted() {
        let counts = Arc::new(Counts::default());
        let store = Counted::new(Full, Arc::clone(&counts));
        for failures in 1..3 {
            assert!(store.write(Counters::default(), &[]).is_err());
            assert_eq!(counts.store_failures(), failures);
        }
        assert!(store.load().is_ok() && counts.store_failures() == 2);
    }
}
