//! Whether a store keeps what it is given.
//!
//! Owns, for one store, how many writes failed, and why the newest did. Does not write, and does not try again
//! ([`crate::healing`] does). Invariants: a store fails from a write that failed until one that did not, whoever asked for
//! either; each turn is logged once.

use std::{
    fmt::Display,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The health of one store.
#[derive(Debug)]
pub(crate) struct Health {
    store: &'static str,
    failures: AtomicU64,
    problem: Mutex<Option<String>>,
}

impl Health {
    /// Starts with a store that works; `store` is what it is called.
    #[must_use]
    pub(crate) fn new(store: &'static str) -> Self {
        Self { store, failures: AtomicU64::new(0), problem: Mutex::default() }
    }

    /// Returns what the store is called.
    #[must_use]
    pub(crate) fn store(&self) -> &'static str {
        self.store
    }

    /// Returns how many changes failed.
    #[must_use]
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Returns why the store cannot be written; nothing while it can.
    #[must_use]
    pub(crate) fn problem(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Notes a change that failed.
    pub(crate) fn failed(&self, error: &dyn Display) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.fails(error);
    }

    /// Notes that the store cannot be written, whoever tried.
    pub(crate) fn fails(&self, error: &dyn Display) {
        let mut problem = self.lock();
        if problem.is_none() {
            tracing::error!(store = self.store, %error, "a store cannot be written; changes are refused until it can");
        }
        *problem = Some(error.to_string());
    }

    /// Notes a write that did not fail.
    pub(crate) fn works(&self) {
        if self.lock().take().is_some() {
            tracing::info!(store = self.store, "a store can be written again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_fails_until_a_write_does_not() {
        let health = Health::new("tags");
        assert_eq!((health.problem(), health.failures()), (None, 0));
        health.failed(&"no room");
        health.failed(&"no disk");
        health.fails(&"no room");
        assert_eq!((health.problem().as_deref(), health.failures()), (Some("no room"), 2));
        health.works();
        health.works();
        assert_eq!((health.problem(), health.failures()), (None, 2));
    }
}
