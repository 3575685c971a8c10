//! What the workers have said of the tables they serve.
//!
//! Owns their acknowledgements: by commit while one is waited for, and the newest of each worker. Invariant: a word on an earlier
//! commit never counts for a later one.

use std::{
    sync::{MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crossbeam::channel::Receiver;
use halftone_core::limits::COMMIT_MS;
use thiserror::Error;

use super::Publisher;
use crate::{tables::Tables, worker::Applied};

/// Why a gateway should not be sent traffic.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Unready {
    /// No table was committed yet.
    #[error("no rules have been committed yet")]
    NoTables,
    /// Workers still decide with an older table.
    #[error("workers {workers:?} have not applied epochs {epochs:?} (rules, instances) yet")]
    Behind {
        /// Which workers.
        workers: Vec<usize>,
        /// The committed epochs.
        epochs: (u64, u64),
    },
}

/// What the workers have said.
#[derive(Debug)]
pub(super) struct Acknowledged {
    pub(super) applied: Receiver<Applied>,
    /// By worker: the epochs it last acknowledged.
    pub(super) newest: Vec<(u64, u64)>,
}

impl Acknowledged {
    fn note(&mut self, one: &Applied) {
        if let Some(newest) = self.newest.get_mut(one.worker as usize) {
            *newest = one.epochs;
        }
    }

    /// Takes what was said since somebody last listened.
    fn drain(&mut self) {
        while let Ok(one) = self.applied.try_recv() {
            self.note(&one);
        }
    }
}

impl Publisher {
    /// Checks that every worker decides with the committed tables.
    ///
    /// # Errors
    /// [`Unready`].
    pub fn ready(&self) -> Result<(), Unready> {
        let mut acknowledged = self.lock();
        acknowledged.drain();
        let current = self.tables.load();
        let epochs = current.as_ref().as_ref().map(Tables::epochs).ok_or(Unready::NoTables)?;
        let late = acknowledged.newest.iter().enumerate().filter(|(_, newest)| **newest != epochs);
        let workers: Vec<usize> = late.map(|(worker, _)| worker).collect();
        if workers.is_empty() { Ok(()) } else { Err(Unready::Behind { workers, epochs }) }
    }

    /// Returns the epochs each worker has acknowledged, by worker.
    #[must_use]
    pub fn acknowledged(&self) -> Vec<(u64, u64)> {
        let mut acknowledged = self.lock();
        acknowledged.drain();
        acknowledged.newest.clone()
    }

    pub(super) fn collect(
        &self,
        acknowledged: &mut Acknowledged,
        epochs: (u64, u64),
        begun: Instant,
    ) -> Vec<(Applied, Duration)> {
        let until = begun + Duration::from_millis(COMMIT_MS);
        let mut done = Vec::with_capacity(self.workers.len());
        while done.len() < self.workers.len() {
            let Ok(one) = acknowledged.applied.recv_deadline(until) else { break };
            acknowledged.note(&one);
            // Otherwise it is a straggler's word on an earlier commit.
            if one.epochs == epochs {
                done.push((one, one.at.saturating_duration_since(begun)));
            }
        }
        done
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
