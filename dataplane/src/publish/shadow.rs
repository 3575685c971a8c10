//! Which peer has the workers decide a candidate besides.
//!
//! Owns that there is one at a time, and that it ends with whoever set it: a [`Hold`] that is dropped has the workers
//! forget.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use crossbeam::channel::unbounded;
use halftone_core::{
    limits::{COMMIT_MS, SHADOW_KEPT_MS, TICK_MS},
    wire::Shadowed,
};
use thiserror::Error;

use super::{Publisher, WorkerHandle};
use crate::{shadow::Candidate, worker::Command};

/// Why a candidate is not decided.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShadowError {
    /// There is one already.
    #[error("another candidate is decided beside what is served; one at a time")]
    Busy,
    /// A worker did not answer.
    #[error("not every worker answered within {COMMIT_MS} ms")]
    Silent,
    /// This peer has set none, or its time is long over.
    #[error("no candidate of this connection is decided")]
    None,
}

/// Whose the candidate is.
#[derive(Debug, Default)]
pub(super) struct Holder {
    /// Tells peers apart.
    number: u64,
    /// Until when it may be held; nothing when nobody does.
    until: Option<Instant>,
}

/// Has the workers decide a candidate for as long as it lives.
#[derive(Debug)]
pub struct Hold {
    publisher: Arc<Publisher>,
    number: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holder = self.publisher.holder();
        if holder.number == self.number && holder.until.take().is_some() {
            let none = |worker: &WorkerHandle| worker.tell(Command::Shadow(None, unbounded().0));
            self.publisher.workers.iter().for_each(none);
        }
    }
}

impl Publisher {
    /// Has every worker decide `candidate` beside what is served.
    ///
    /// # Errors
    /// [`ShadowError`]; no worker decides it then.
    pub fn shadow(self: &Arc<Self>, candidate: Candidate) -> Result<Hold, ShadowError> {
        let lasts = Duration::from_millis(candidate.ticks * TICK_MS + SHADOW_KEPT_MS);
        let hold = {
            let mut holder = self.holder();
            let now = Instant::now();
            if holder.until.is_some_and(|until| now < until) {
                return Err(ShadowError::Busy);
            }
            *holder = Holder { number: holder.number + 1, until: Some(now + lasts) };
            Hold { publisher: Arc::clone(self), number: holder.number }
        };
        let (candidate, (reply, begun)) = (Arc::new(candidate), unbounded());
        for worker in &self.workers {
            worker.tell(Command::Shadow(Some(Arc::clone(&candidate)), reply.clone()));
        }
        drop(reply);
        let until = Instant::now() + Duration::from_millis(COMMIT_MS);
        let begun = std::iter::from_fn(|| begun.recv_deadline(until).ok());
        // A hold that is dropped has those forget that began.
        if begun.count() == self.workers.len() { Ok(hold) } else { Err(ShadowError::Silent) }
    }

    /// Asks every worker what it counted for `hold`.
    ///
    /// # Errors
    /// [`ShadowError::None`] when others hold the workers by now.
    pub fn shadowed(&self, hold: &Hold) -> Result<Shadowed, ShadowError> {
        if self.holder().number != hold.number {
            return Err(ShadowError::None);
        }
        let (reply, tallies) = unbounded();
        for worker in &self.workers {
            worker.tell(Command::Shadowed(reply.clone()));
        }
        drop(reply);
        let until = Instant::now() + Duration::from_millis(COMMIT_MS);
        let mut shadowed = Shadowed { rules_epoch: self.state().0, ..Shadowed::default() };
        for (running, tally) in std::iter::from_fn(|| tallies.recv_deadline(until).ok()).flatten() {
            shadowed.workers += 1;
            shadowed.running |= running;
            shadowed.tally.merge(&tally);
        }
        let workers = u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
        shadowed.missing = workers.saturating_sub(shadowed.workers);
        Ok(shadowed)
    }

    fn holder(&self) -> std::sync::MutexGuard<'_, Holder> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
