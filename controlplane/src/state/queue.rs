//! Changes on their way to the disk: those that are asked for while one is written are written together.
//!
//! Owns the order in which changes become durable, which of the waiting callers writes, and what becomes of a
//! group. Does not check changes and does not know what they mean: [`State`] does.
//!
//! Invariants:
//! - a group is one write of the store: all of its changes are durable, or none is, or it is not known which ([`super::doubt`]);
//! - whoever waits is told only after the write that holds its change has ended;
//! - after a write that failed nothing is left that was checked against what it would have made: those queued
//!   meanwhile fail with it, and the next change is checked against what is durable.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
};

use super::{State, StateError};
use crate::store::{Change, Counters, Numbered, StoreError};

/// What became of a group.
type Outcome = Result<(), Arc<StoreError>>;

/// The group a change is written with; its callers wait for its outcome.
pub(super) type Group = Arc<OnceLock<Outcome>>;

/// The changes that are not durable yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// Told whenever a write has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// Changes that no write holds yet, in order.
    waiting: Vec<Numbered>,
    /// What they are written with.
    next: Group,
    /// What is being written.
    writing: Option<Group>,
}

impl Queue {
    /// Adds a change; the caller keeps everyone else from checking another one meanwhile.
    pub(super) fn push(&self, counters: Counters, change: Change) -> Group {
        let mut inner = self.lock();
        inner.waiting.push((counters, change));
        Arc::clone(&inner.next)
    }

    /// Returns the newest group that is not durable yet.
    pub(super) fn newest(&self) -> Option<Group> {
        let inner = self.lock();
        if inner.waiting.is_empty() {
            return inner.writing.clone();
        }
        Some(Arc::clone(&inner.next))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Waits until `group` is durable and shown; writes it, when nobody else writes.
    ///
    /// # Errors
    /// [`StateError::Store`]: nothing of it is durable, or nobody knows.
    pub(super) fn settle(&self, group: &Group) -> Result<(), StateError> {
        let mut inner = self.queue.lock();
        loop {
            if let Some(outcome) = group.get() {
                return outcome.clone().map_err(StateError::Store);
            }
            if inner.writing.is_some() {
                inner = self.queue.ended.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let changes = mem::take(&mut inner.waiting);
            let writing = mem::take(&mut inner.next);
            inner.writing = Some(Arc::clone(&writing));
            drop(inner);
            self.write_group(&writing, &changes);
            inner = self.queue.lock();
        }
    }

    fn write_group(&self, group: &Group, changes: &[Numbered]) {
        // Also when the store panics: nobody may wait for ever.
        let ending = Ending { state: self, group, changes };
        let Some((counters, _)) = changes.last() else { return };
        let written = self.store.write(*counters, changes);
        match &written {
            Ok(()) => self.health.works(),
            Err(error) => self.health.failed(error.cause()),
        }
        match written.or_else(|error| self.outcome(*counters, error)) {
            Ok(()) => {
                self.show(changes);
                let _ = group.set(Ok(()));
            }
            Err(error) => ending.fail(error),
        }
    }
}

/// The end of a write, however it comes.
struct Ending<'a> {
    state: &'a State,
    group: &'a Group,
    changes: &'a [Numbered],
}

impl Ending<'_> {
    /// Takes everything back that is not durable, or may not be.
    fn fail(&self, error: StoreError) {
        // What built on it was not even tried.
        let (error, of_others) = match error {
            StoreError::Unknown(cause) => {
                (Arc::new(StoreError::Unknown(Arc::clone(&cause))), cause)
            }
            error => {
                let error = Arc::new(error);
                (Arc::clone(&error), error)
            }
        };
        // Held until nothing is left to build on: whoever checks a change now would queue it in vain.
        let mut newest = self.state.newest();
        let doomed = {
            let mut inner = self.state.queue.lock();
            inner.waiting.clear();
            mem::take(&mut inner.next)
        };
        *newest = self.state.read().clone();
        if error.is_unknown() {
            self.state.doubt(self.changes);
        }
        let _ = doomed.set(Err(of_others));
        let _ = self.group.set(Err(error));
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if self.group.get().is_none() {
            self.state.health.failed(&StoreError::Ended);
            self.fail(StoreError::Unknown(Arc::new(StoreError::Ended)));
        }
        self.state.queue.lock().writing = None;
        self.state.queue.ended.notify_all();
    }
}

#[cfg(test)]
mod tests;
