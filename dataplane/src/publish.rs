//! Publishing: from a verified archive to every worker, and back with their word.
//!
//! Owns the numbering of epochs, the handles of the workers and the wait for their acknowledgements.
//! Does not read sockets ([`crate::link`]) and does not check archives (they are verified when they
//! exist). Invariants: commits happen one at a time; what is served before a refused commit is served
//! after it.

use std::{
    io::{self, Write as _},
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use halftone_core::{
    limits::COMMIT_MS,
    signal::{geo::Databases, jwt::Issuers, lists::IdLists},
    table::{InstanceTable, RuleTable, Table, archive::Archive, epoch::EpochCell},
    wire::{ExplainRequest, Explained},
};
use thiserror::Error;

use crate::{
    explain::ExplainError,
    last_good::Keeper,
    tables::{Loaded, Tables},
    tags::News,
    telemetry::counters::Merged,
    worker::{Applied, Command, TICK, WAKE},
};

mod shadow;

use shadow::Holder;
pub use shadow::{Hold, ShadowError};

/// Why a commit was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CommitError {
    /// Nothing was named.
    #[error("a commit names rules, instances or both")]
    Empty,
    /// There are instances but nothing that leads to them.
    #[error("no rules have been committed yet: commit rules first, or both at once")]
    NoRules,
    /// Another peer committed a newer table meanwhile.
    #[error("epoch {found} is older than the committed {newest}: prepare again")]
    Stale {
        /// The epoch that was to be committed.
        found: u64,
        /// The committed one.
        newest: u64,
    },
}

/// What a commit led to.
#[derive(Debug)]
pub struct Committed {
    /// The workers' acknowledgements with the time each took; fewer than there are workers when some did not answer in
    /// time (they will apply when they wake).
    pub applied: Vec<(Applied, Duration)>,
    /// What was served before. It takes a while to give back: whoever is told of the commit is told first.
    pub replaced: Arc<Option<Tables>>,
}

/// The way to one worker.
#[derive(Debug)]
pub struct WorkerHandle {
    /// Takes one byte per tick or wake-up; never blocks.
    pub wake: UnixStream,
    /// Takes commands.
    pub commands: Sender<Command>,
}

impl WorkerHandle {
    /// Gives a command, and has it looked at.
    fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
        self.wake(WAKE);
    }

    fn wake(&self, byte: u8) {
        // A full channel means that the worker has wake-ups to read; a closed one that it has ended.
        let _: io::Result<usize> = (&self.wake).write(&[byte]);
    }
}

/// The tables of a gateway, and its workers.
#[derive(Debug)]
pub struct Publisher {
    tables: Arc<EpochCell<Option<Tables>>>,
    epochs: AtomicU64,
    workers: Vec<WorkerHandle>,
    /// Workers started again.
    restarts: AtomicU64,
    acknowledged: Mutex<Acknowledged>,
    keeper: Keeper,
    databases: Arc<EpochCell<Databases>>,
    lists: Arc<EpochCell<IdLists>>,
    issuers: Arc<EpochCell<Issuers>>,
    /// How often a worker was asked to explain.
    asked: AtomicUsize,
    /// Who has a candidate decided.
    holder: Mutex<Holder>,
}

/// What the workers have said.
#[derive(Debug)]
struct Acknowledged {
    applied: Receiver<Applied>,
    /// By worker: the epochs it last acknowledged.
    newest: Vec<(u64, u64)>,
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

impl Publisher {
    /// Publishes through `tables` to `workers`, which acknowledge on `applied`; what is served is kept by
    /// `keeper`. Regions come from `databases`, members from `lists`, and tokens of `issuers` are believed.
    #[must_use]
    pub fn new(
        tables: Arc<EpochCell<Option<Tables>>>,
        workers: Vec<WorkerHandle>,
        applied: Receiver<Applied>,
        keeper: Keeper,
        databases: Arc<EpochCell<Databases>>,
        lists: Arc<EpochCell<IdLists>>,
        issuers: Arc<EpochCell<Issuers>>,
    ) -> Self {
        let acknowledged =
            Mutex::new(Acknowledged { applied, newest: vec![(0, 0); workers.len()] });
        let (epochs, restarts) = (AtomicU64::new(0), AtomicU64::new(0));
        let (asked, holder) = (AtomicUsize::new(0), Mutex::default());
        Self {
            tables,
            epochs,
            workers,
            acknowledged,
            keeper,
            databases,
            lists,
            issuers,
            asked,
            restarts,
            holder,
        }
    }

    /// Gives `archive` its number; nothing is served from it yet.
    pub fn prepare<T: Table>(&self, archive: Archive<T>) -> Arc<Loaded<T>> {
        let epoch = self.epochs.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(Loaded { epoch, archive })
    }

    /// Serves what was prepared, and waits until the workers do. With a `base`, only while the rules of
    /// that epoch are served.
    ///
    /// # Errors
    /// [`CommitError`]; nothing has changed then.
    pub fn commit(
        &self,
        rules: Option<Arc<Loaded<RuleTable>>>,
        instances: Option<Arc<Loaded<InstanceTable>>>,
        base: Option<u64>,
    ) -> Result<Committed, CommitError> {
        let begun = Instant::now();
        let mut acknowledged = self.lock();
        let replaced = self.tables.load();
        let current = replaced.as_ref().as_ref();
        if rules.is_none() && instances.is_none() {
            return Err(CommitError::Empty);
        }
        let newest = current.map_or(0, |tables| tables.epochs().0);
        if let Some(found) = base.filter(|base| *base != newest) {
            return Err(CommitError::Stale { found, newest });
        }
        fresh(rules.as_ref(), current.map(Tables::loaded_rules))?;
        fresh(instances.as_ref(), current.map(Tables::loaded_instances))?;
        let rules = rules
            .or_else(|| current.map(Tables::loaded_rules).map(Arc::clone))
            .ok_or(CommitError::NoRules)?;
        let instances = instances
            .or_else(|| current.map(Tables::loaded_instances).map(Arc::clone))
            .or_else(no_instances)
            .ok_or(CommitError::Empty)?;
        let tables = Tables::join(rules, instances);
        let epochs = tables.epochs();
        self.tables.publish(Some(tables));
        self.keeper.tell();
        self.workers.iter().for_each(|worker| worker.wake(WAKE));
        Ok(Committed { applied: self.collect(&mut acknowledged, epochs, begun), replaced })
    }

    /// Returns what is served.
    #[must_use]
    pub fn tables(&self) -> Arc<Option<Tables>> {
        self.tables.load()
    }

    /// Returns the committed tables' epochs and the revision of the rules; zeros before the first.
    #[must_use]
    pub fn state(&self) -> (u64, u64, u64) {
        let current = self.tables.load();
        current.as_ref().as_ref().map_or((0, 0, 0), |tables| {
            let (rules, instances) = tables.epochs();
            (rules, instances, tables.loaded_rules().archive.revision())
        })
    }

    /// Returns whether the rules that are served need a key.
    #[must_use]
    pub fn needs_keys(&self) -> bool {
        self.tables.load().as_ref().as_ref().is_some_and(Tables::needs_keys)
    }

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

    /// Returns the epochs each worker has acknowledged, by worker.
    #[must_use]
    pub fn acknowledged(&self) -> Vec<(u64, u64)> {
        let mut acknowledged = self.lock();
        acknowledged.drain();
        acknowledged.newest.clone()
    }

    /// Counts workers that were started again.
    pub fn note_restarts(&self, count: u64) {
        if count > 0 {
            self.restarts.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Returns how many workers were started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Tells one worker, or all of them, what is known of users.
    pub fn tell(&self, worker: Option<u32>, news: News) {
        let told = |handle: &WorkerHandle, news: News| {
            let _ = handle.commands.send(Command::Tags(news));
            handle.wake(WAKE);
        };
        match worker {
            Some(worker) => {
                if let Some(handle) = self.workers.get(worker as usize) {
                    told(handle, news);
                }
            }
            None => self.workers.iter().for_each(|handle| told(handle, news.clone())),
        }
    }

    /// Returns the region databases that are served.
    #[must_use]
    pub fn databases(&self) -> Arc<Databases> {
        self.databases.load()
    }

    /// Serves other region databases; workers see them at their next request.
    pub fn serve_databases(&self, databases: Databases) {
        self.databases.publish(databases);
        self.workers.iter().for_each(|worker| worker.wake(WAKE));
    }

    /// Returns the lists of ids that are served.
    #[must_use]
    pub fn lists(&self) -> Arc<IdLists> {
        self.lists.load()
    }

    /// Serves other lists; workers see them at their next request.
    pub fn serve_lists(&self, lists: IdLists) {
        self.lists.publish(lists);
        self.workers.iter().for_each(|worker| worker.wake(WAKE));
    }

    /// Returns the issuers whose tokens are believed.
    #[must_use]
    pub fn issuers(&self) -> Arc<Issuers> {
        self.issuers.load()
    }

    /// Believes tokens of other issuers; workers see them at their next request.
    pub fn believe(&self, issuers: Issuers) {
        self.issuers.publish(issuers);
    }

    /// Passes one tick on to every worker.
    pub fn tick(&self) {
        self.workers.iter().for_each(|worker| worker.wake(TICK));
    }

    /// Asks every worker to finish and stop.
    pub fn drain(&self) {
        for worker in &self.workers {
            let _ = worker.commands.send(Command::Drain);
            worker.wake(WAKE);
        }
    }

    fn collect(
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

    fn lock(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh<T: Table>(
    wanted: Option<&Arc<Loaded<T>>>,
    current: Option<&Arc<Loaded<T>>>,
) -> Result<(), CommitError> {
    match (wanted, current) {
        (Some(wanted), Some(current)) if wanted.epoch <= current.epoch => {
            Err(CommitError::Stale { found: wanted.epoch, newest: current.epoch })
        }
        _ => Ok(()),
    }
}

/// Stands in until instances are committed: an empty table, which always archives.
fn no_instances() -> Option<Arc<Loaded<InstanceTable>>> {
    let archive = Archive::build(&InstanceTable::default(), 0).ok()?;
    Some(Arc::new(Loaded { epoch: 0, archive }))
}
