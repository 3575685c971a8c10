//! Questions to the workers: what they counted, and what they would decide.
//!
//! Owns the wait for their answers. What they count and tell is [`crate::telemetry::counters`]' and [`crate::explain`]'s. Invariant:
//! nobody waits longer than for a commit.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crossbeam::channel::{bounded, unbounded};
use halftone_core::{
    limits::COMMIT_MS,
    wire::{ExplainRequest, Explained},
};
use thiserror::Error;

use super::Publisher;
use crate::{
    explain::ExplainError,
    telemetry::counters::Merged,
    worker::{Command, WAKE},
};

/// Why there is no explanation.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Unexplained {
    /// What was asked is no request.
    #[error(transparent)]
    Asked(#[from] ExplainError),
    /// The worker did not answer.
    #[error("no worker answered within {COMMIT_MS} ms")]
    Silent,
}

impl Publisher {
    /// Asks every worker for its counters and merges them.
    #[must_use]
    pub fn counters(&self) -> Merged {
        let (reply, snapshots) = unbounded();
        for worker in &self.workers {
            let _ = worker.commands.send(Command::Report(reply.clone()));
            worker.wake(WAKE);
        }
        drop(reply);
        let until = Instant::now() + Duration::from_millis(COMMIT_MS);
        let mut received: Vec<_> = std::iter::from_fn(|| snapshots.recv_deadline(until).ok())
            .take(self.workers.len())
            .collect();
        received.sort_by_key(|(worker, _)| *worker);
        Merged::of(received.into_iter().map(|(_, snapshot)| snapshot).collect())
    }

    /// Has a worker explain what it would decide; each time another one.
    ///
    /// # Errors
    /// [`Unexplained`].
    pub fn explain(&self, asked: ExplainRequest) -> Result<Explained, Unexplained> {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed);
        let worker =
            self.workers.get(turn % self.workers.len().max(1)).ok_or(Unexplained::Silent)?;
        let (reply, explained) = bounded(1);
        let _ = worker.commands.send(Command::Explain(Box::new(asked), reply));
        worker.wake(WAKE);
        let explained = explained.recv_timeout(Duration::from_millis(COMMIT_MS));
        Ok(explained.map_err(|_| Unexplained::Silent)??)
    }
}
