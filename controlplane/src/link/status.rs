//! What is known of one gateway.
//!
//! Owns the record that `GET /v1/gateways` shows and that callers of changes wait on. Invariant:
//! `seen` and `applied` belong together: whether the newest change the gateway has done with is
//! served by every worker.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use halftone_core::{
    telemetry::GatewayStats,
    wire::{GatewayState, Hello, WorkerState},
};

use super::session::Outcome;
use crate::publish::Tables;

/// What is known of one gateway.
#[derive(Clone, Debug)]
pub(crate) struct GatewayStatus {
    /// Its control socket.
    pub(crate) socket: PathBuf,
    /// Whether there is a connection.
    pub(crate) connected: bool,
    /// Why there is none.
    pub(crate) error: Option<String>,
    /// Why it rejected the newest tables.
    pub(crate) rejected: Option<String>,
    /// How often it rejected tables.
    pub(crate) rejections: u64,
    /// What it said when it was last connected to.
    pub(crate) hello: Option<Hello>,
    /// The epoch of the rules it committed.
    pub(crate) rules_epoch: u64,
    /// The epoch of the instances it committed.
    pub(crate) instances_epoch: u64,
    /// The revision of the rules it committed.
    pub(crate) revision: u64,
    /// What the gateway said it serves, when it was last asked.
    pub(crate) state: GatewayState,
    /// The time each worker took to apply the last commit, nanoseconds.
    pub(crate) workers: BTreeMap<u32, u64>,
    /// Workers that did not apply the last commit in time.
    pub(crate) missing: u32,
    /// What it counted, when it was last asked.
    pub(crate) stats: Option<GatewayStats>,
    /// The newest change it has done with, over this connection.
    pub(crate) seen: Option<u64>,
    /// Whether every worker serves that change.
    pub(crate) applied: bool,
}

impl GatewayStatus {
    /// Starts as not connected.
    #[must_use]
    pub(crate) fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
            connected: false,
            error: None,
            rejected: None,
            rejections: 0,
            hello: None,
            rules_epoch: 0,
            instances_epoch: 0,
            revision: 0,
            state: GatewayState::default(),
            workers: BTreeMap::new(),
            missing: 0,
            stats: None,
            seen: None,
            applied: false,
        }
    }

    /// Returns whether the gateway has done with `change`.
    #[must_use]
    pub(crate) fn has_seen(&self, change: u64) -> bool {
        self.seen.is_some_and(|seen| seen >= change)
    }

    /// Takes what the gateway said of itself.
    pub(crate) fn connected(&mut self, hello: Hello) {
        let state: GatewayState = hello.gateway.clone().unwrap_or_default();
        (self.connected, self.error, self.rejected) = (true, None, None);
        (self.seen, self.applied) = (None, false);
        self.rules_epoch = state.rules_epoch;
        self.instances_epoch = state.instances_epoch;
        self.revision = state.rules_revision;
        self.state = state;
        self.workers.clear();
        self.missing = 0;
        self.hello = Some(hello);
    }

    /// Takes what the gateway serves and has counted.
    pub(crate) fn told(&mut self, state: GatewayState, stats: GatewayStats) {
        (self.state, self.stats) = (state, Some(stats));
    }

    /// Takes why there is no connection.
    pub(crate) fn lost(&mut self, reason: String) {
        (self.connected, self.error) = (false, Some(reason));
        (self.seen, self.applied) = (None, false);
    }

    /// Takes what became of `tables`.
    pub(crate) fn take(&mut self, tables: &Tables, outcome: &Outcome) {
        match outcome {
            Outcome::Rejected { reason } | Outcome::Outrun { reason } => {
                self.rejections += u64::from(matches!(outcome, Outcome::Rejected { .. }));
                self.rejected = Some(reason.clone());
            }
            Outcome::Committed { rules, instances, workers, missing, .. } => {
                self.rejected = None;
                self.rules_epoch = rules.unwrap_or(self.rules_epoch);
                self.instances_epoch = instances.unwrap_or(self.instances_epoch);
                self.revision = tables.rules.revision;
                self.workers.clone_from(workers);
                let served = WorkerState {
                    rules_epoch: self.rules_epoch,
                    instances_epoch: self.instances_epoch,
                };
                for worker in workers.keys().map(|worker| *worker as usize) {
                    let count = self.state.workers.len().max(worker + 1);
                    self.state.workers.resize(count, WorkerState::default());
                    self.state.workers[worker] = served;
                }
                self.missing = *missing;
            }
        }
    }

    /// Takes that the gateway has done with every change up to `change`.
    pub(crate) fn settle(&mut self, change: u64, applied: bool) {
        (self.seen, self.applied) = (Some(change), applied);
    }
}
