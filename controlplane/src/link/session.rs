//! The conversation with one gateway over one connection.
//!
//! Owns the order of frames: greeting; then any number of rounds (Prepare… → Prepared… → Commit →
//! Applied… → Committed) and questions. Rules in which nothing but ranges moved are prepared by an
//! Allocation; a gateway that refuses it, since it serves other rules, gets the whole table in the same
//! round. Does not decide what is published or when.
//!
//! Invariants: nothing is committed unless everything prepared was found good; every answer is
//! awaited for [`ANSWER_TIMEOUT`] at most; an answer that does not belong ends the connection, and
//! the next one starts from nothing.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, BorrowedFd},
    path::Path,
    time::Duration,
};

use halftone_core::{
    telemetry::GatewayStats,
    wire::{Frame, GatewayState, Hello, Role, WireError},
};
use halftone_link::{Channel, LinkError, SocketError, connect};
use thiserror::Error;

use super::Caller;
use crate::publish::{ReadyTable, Tables, WholeTable};

/// How long a gateway may take for one answer: the largest table is checked in far less.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Most workers that are told apart; no host has more CPUs.
const WORKERS_MAX: usize = 4096;

/// Why a conversation ended.
#[derive(Debug, Error)]
pub(crate) enum SessionError {
    /// There is no connection.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Frames cannot be exchanged.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The gateway is of another version.
    #[error(transparent)]
    Skew(#[from] WireError),
    /// The gateway ended the connection.
    #[error("the gateway closed the connection")]
    Closed,
    /// The gateway refused the greeting.
    #[error("the gateway refused the connection: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The gateway answered what was not asked.
    #[error("expected {expected}, the gateway sent {found}")]
    Unexpected {
        /// What was awaited.
        expected: &'static str,
        /// The frame that came.
        found: String,
    },
}

/// What became of a round.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The gateway serves the tables.
    Committed {
        /// The epoch it gave the rules, when they were sent.
        rules: Option<u64>,
        /// The epoch it gave the instances, when they were sent.
        instances: Option<u64>,
        /// The time each worker took, nanoseconds.
        workers: BTreeMap<u32, u64>,
        /// Workers that did not apply in time.
        missing: u32,
        /// Whether a table that was not sent is another than ours: another peer committed its own.
        foreign: bool,
    },
    /// The tables are good and were not committed: another peer was faster.
    Outrun {
        /// What the gateway said.
        reason: String,
    },
    /// The gateway found them bad and serves what it served before.
    Rejected {
        /// Why.
        reason: String,
    },
}

/// One connection, after the greeting.
#[derive(Debug)]
pub(crate) struct Session {
    channel: Channel,
    /// The epochs of the rules and of the instances that were committed over this connection.
    epochs: (u64, u64),
}

impl Session {
    /// Connects to the gateway at `socket` and greets it.
    ///
    /// # Errors
    /// [`SessionError`].
    pub(crate) fn open(socket: &Path, caller: &mut Caller) -> Result<(Self, Hello), SessionError> {
        let mut channel = Channel::new(connect(socket)?);
        channel.set_timeouts(Some(ANSWER_TIMEOUT), Some(ANSWER_TIMEOUT))?;
        let hello = caller.greet(&mut channel, Role::ControlPlane)?;
        Ok((Self { channel, epochs: (0, 0) }, hello))
    }

    /// Has the gateway prepare and commit those of `tables` that are not among `committed`.
    ///
    /// # Errors
    /// [`SessionError`]: the connection must be dropped.
    pub(crate) fn publish(
        &mut self,
        tables: &Tables,
        committed: Option<&Tables>,
    ) -> Result<Outcome, SessionError> {
        let is_new = |table: &ReadyTable, of: fn(&Tables) -> &ReadyTable| {
            committed.is_none_or(|committed| !std::ptr::eq(of(committed), table))
        };
        let (rules, instances) = (&*tables.rules, &*tables.instances);
        let rules = is_new(rules, |tables| &tables.rules).then_some(rules);
        let instances = is_new(instances, |tables| &tables.instances).then_some(instances);
        let moved = match (rules, committed) {
            (Some(rules), Some(committed)) => self.move_ranges(rules, &committed.rules)?,
            _ => None,
        };
        let rules = rules.filter(|_| moved.is_none());
        let mut whole = Vec::with_capacity(2);
        for table in [rules, instances].into_iter().flatten() {
            match table.whole() {
                Ok(made) => whole.push((table, made)),
                Err(reason) => return Ok(Outcome::Rejected { reason }),
            }
        }
        for (table, whole) in whole {
            self.prepare(table, whole)?;
        }
        // Both answers are read, also after a rejection: the gateway answers in order.
        let rules = rules.map(|table| self.prepared(table)).transpose()?;
        let instances = instances.map(|table| self.prepared(table)).transpose()?;
        match (rules.transpose(), instances.transpose()) {
            (Ok(rules), Ok(instances)) => self.commit(moved.or(rules), instances),
            (Err(reason), _) | (_, Err(reason)) => Ok(Outcome::Rejected { reason }),
        }
    }

    /// Has the gateway make `rules` of those it was last given; returns their epoch, or nothing when it needs
    /// the whole table.
    fn move_ranges(
        &mut self,
        rules: &ReadyTable,
        served: &ReadyTable,
    ) -> Result<Option<u64>, SessionError> {
        let Some(splits) = rules.moved_since(served) else { return Ok(None) };
        let (base, revision) = (self.epochs.0, rules.revision);
        match self.channel.send(&Frame::Allocation { base, revision, splits }) {
            // Nothing of it has left.
            Err(LinkError::Wire(WireError::TooLarge(_))) => return Ok(None),
            sent => sent?,
        }
        match self.prepared(rules)? {
            Ok(epoch) => Ok(Some(epoch)),
            Err(reason) => {
                tracing::info!(base, revision, %reason, "a gateway is sent the whole table");
                Ok(None)
            }
        }
    }

    /// Asks what the gateway counted.
    ///
    /// # Errors
    /// [`SessionError`]: the connection must be dropped.
    pub(crate) fn stats(&mut self) -> Result<GatewayStats, SessionError> {
        self.channel.send(&Frame::QueryStats)?;
        loop {
            match self.answer()? {
                Frame::Stats(stats) => return Ok(stats),
                // A worker that missed its time.
                Frame::Applied { .. } => {}
                other => return Err(unexpected("Stats", &other)),
            }
        }
    }

    /// Asks what the gateway serves now.
    ///
    /// # Errors
    /// [`SessionError`]: the connection must be dropped.
    pub(crate) fn state(&mut self) -> Result<GatewayState, SessionError> {
        self.channel.send(&Frame::QueryState)?;
        loop {
            match self.answer()? {
                Frame::State(state) => return Ok(state),
                Frame::Applied { .. } => {}
                other => return Err(unexpected("State", &other)),
            }
        }
    }

    /// Returns the socket, to wait until the gateway says something unasked, or closes.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.channel.stream().as_fd()
    }

    /// Takes what the gateway said unasked.
    ///
    /// # Errors
    /// [`SessionError`]: the connection must be dropped.
    pub(crate) fn listen(&mut self) -> Result<(), SessionError> {
        match self.answer()? {
            Frame::Applied { .. } => Ok(()),
            other => Err(unexpected("nothing", &other)),
        }
    }

    fn prepare(&mut self, table: &ReadyTable, whole: &WholeTable) -> Result<(), SessionError> {
        let digest = whole.digest.clone();
        let frame = Frame::Prepare { kind: table.kind, revision: table.revision, digest };
        Ok(self.channel.send_table(&frame, &whole.file)?)
    }

    /// Returns the epoch `table` was prepared as, or why it was rejected.
    fn prepared(&mut self, table: &ReadyTable) -> Result<Result<u64, String>, SessionError> {
        loop {
            match self.answer()? {
                Frame::Prepared { kind, epoch } if kind == table.kind => return Ok(Ok(epoch)),
                Frame::Reject { reason } => return Ok(Err(reason)),
                Frame::Applied { .. } => {}
                other => return Err(unexpected("Prepared", &other)),
            }
        }
    }

    fn commit(
        &mut self,
        rules: Option<u64>,
        instances: Option<u64>,
    ) -> Result<Outcome, SessionError> {
        self.channel.send(&Frame::Commit { rules, instances, base: None })?;
        let ours = (rules.unwrap_or(self.epochs.0), instances.unwrap_or(self.epochs.1));
        let (mut workers, mut foreign) = (BTreeMap::new(), false);
        loop {
            match self.answer()? {
                Frame::Applied { worker, rules, instances, ns } => {
                    // A worker that missed its time earlier may still speak of older tables.
                    let newer = rules >= ours.0 && instances >= ours.1;
                    foreign |= newer && (rules, instances) != ours;
                    if newer && workers.len() < WORKERS_MAX {
                        workers.insert(worker, ns);
                    }
                }
                Frame::Committed { missing, .. } => {
                    self.epochs = ours;
                    return Ok(Outcome::Committed { rules, instances, workers, missing, foreign });
                }
                Frame::Reject { reason } => return Ok(Outcome::Outrun { reason }),
                other => return Err(unexpected("Applied or Committed", &other)),
            }
        }
    }

    fn answer(&mut self) -> Result<Frame, SessionError> {
        receive(&mut self.channel)
    }
}

/// Connects to the gateway at `socket` beside the connection that tables travel on, for `role`.
///
/// # Errors
/// [`SessionError`].
pub(super) fn open_beside(
    socket: &Path,
    caller: &mut Caller,
    role: Role,
    timeout: Duration,
) -> Result<Channel, SessionError> {
    let mut channel = Channel::new(connect(socket)?);
    channel.set_timeouts(Some(timeout), Some(timeout))?;
    caller.greet(&mut channel, role)?;
    Ok(channel)
}

/// Waits for a frame.
///
/// # Errors
/// [`SessionError`]: the connection must be dropped.
pub(super) fn receive(channel: &mut Channel) -> Result<Frame, SessionError> {
    Ok(channel.receive()?.ok_or(SessionError::Closed)?.frame)
}

pub(super) fn unexpected(expected: &'static str, found: &Frame) -> SessionError {
    let mut found = format!("{found:?}");
    let end = found.char_indices().nth(80).map_or(found.len(), |(at, _)| at);
    found.truncate(end);
    SessionError::Unexpected { expected, found }
}
