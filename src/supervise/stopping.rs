//! The word that it is time to stop, from the supervisor to its companion.
//!
//! Invariant: once set it stays set, and wakes everyone who waits.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Says whether it is time to stop; clones say the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopping(Arc<(Mutex<bool>, Condvar)>);

impl Stopping {
    /// Says that it is time.
    pub(crate) fn set(&self) {
        let (stopping, changed) = &*self.0;
        *stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Returns whether it is time.
    pub(crate) fn is_set(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits for `duration` at most; returns whether it is time.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let (stopping, changed) = &*self.0;
        let guard = stopping.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(guard, duration, |stopping| !*stopping);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
