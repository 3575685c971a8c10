//! Changes of which it is not known whether the store has them.
//!
//! Owns what comes after a write that failed at its end: a disk that failed may have kept all of it, or nothing. The store is
//! looked at again; what it has is what is shown, and told. Does not open files again ([`crate::store`] does).
//!
//! Invariants:
//! - while there is a doubt no change is checked: whatever it was checked against might not be there;
//! - a doubt ends by what the store has, before the next change, or when somebody looks whether the store works.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use super::{Model, State, StateError};
use crate::store::{AGAIN_AFTER, Counters, Numbered, StoreError};

impl State {
    /// Returns what became of a write that ended with `error`, as well as can be told now. Blocks on the disk.
    ///
    /// # Errors
    /// The error that it was not kept with, or that it is not known.
    pub(super) fn outcome(&self, counters: Counters, error: StoreError) -> Result<(), StoreError> {
        if !error.is_unknown() {
            return Err(error);
        }
        let before = self.read().counters;
        match self.store.counters(AGAIN_AFTER) {
            Ok(found) if found == counters => {
                let change = counters.change;
                tracing::warn!(change, error = %error.cause(), "a write that failed was kept in spite of it");
                Ok(())
            }
            Ok(found) if found == before => Err(error.of_nothing()),
            Ok(_) | Err(_) => Err(error),
        }
    }

    /// Notes that it is not known whether these changes are kept; nobody checks another one meanwhile.
    pub(super) fn doubt(&self, changes: &[Numbered]) {
        *self.doubtful() = Some(changes.to_vec());
    }

    /// Ends a doubt, if there is one: shows what the store has. Blocks on the disk then.
    ///
    /// # Errors
    /// [`StateError::Store`]: there still is one.
    pub(super) fn end_doubt(&self, newest: &mut Model) -> Result<(), StateError> {
        let mut doubtful = self.doubtful();
        let Some((last, _)) = doubtful.as_ref().and_then(|changes| changes.last()) else {
            return Ok(());
        };
        let (last, found) = (*last, self.store.counters(Duration::ZERO)?);
        if found != last && found != newest.counters {
            let (found, expected) = (found.change, last.change);
            return Err(StoreError::Another { found, expected }.into());
        }
        let changes = doubtful.take().unwrap_or_default();
        let was_kept = found == last;
        tracing::warn!(change = last.change, was_kept, "it is known now what became of a change");
        if was_kept {
            self.show(&changes);
            *newest = self.read().clone();
        }
        Ok(())
    }

    fn doubtful(&self) -> MutexGuard<'_, Option<Vec<Numbered>>> {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
