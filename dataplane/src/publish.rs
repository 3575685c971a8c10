//! Publishing: from a verified archive to every worker, and back with their word.
//!
//! Owns the numbering of epochs and the commits. The ways to the workers are [`workers`]', their word [`acknowledged`]'s; what
//! else passes between them and others: [`asking`], [`shadow`], [`signals`]. Does not read sockets ([`crate::link`]) and does not
//! check archives (they are verified when they exist). Invariants: commits happen one at a time; what is served before a refused
//! commit is served after it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam::channel::Receiver;
use halftone_core::{
    limits::KEPT_MS,
    signal::{geo::Databases, jwt::Issuers, lists::IdLists},
    table::{InstanceTable, RuleTable, Table, archive::Archive, epoch::EpochCell},
};
use thiserror::Error;

use crate::{
    last_good::{Keeper, NotKept},
    tables::{Loaded, Tables},
    worker::{Applied, Command, TICK, WAKE},
};

mod acknowledged;
mod asking;
mod shadow;
mod signals;
mod workers;

use acknowledged::Acknowledged;
pub use acknowledged::Unready;
pub use asking::Unexplained;
use shadow::Holder;
pub use shadow::{Hold, ShadowError};
pub use workers::WorkerHandle;

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
        let newest = tables.load().as_ref().as_ref().map_or(0, |tables| {
            let (rules, instances) = tables.epochs();
            rules.max(instances)
        });
        let (epochs, restarts) = (AtomicU64::new(newest), AtomicU64::new(0));
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

    /// Returns the tables that a gateway starts with, before there is anybody to wait for.
    #[must_use]
    pub fn first(
        rules: Archive<RuleTable>,
        instances: Option<Archive<InstanceTable>>,
    ) -> Option<Tables> {
        let rules = Arc::new(Loaded { epoch: 1, archive: rules });
        let instances = instances.map(|archive| Arc::new(Loaded { epoch: 2, archive }));
        Some(Tables::join(rules, instances.or_else(no_instances)?))
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

    /// Waits until what is served is on disk.
    ///
    /// # Errors
    /// [`NotKept`].
    pub fn kept(&self) -> Result<(), NotKept> {
        let (rules, instances, _) = self.state();
        self.keeper.kept((rules, instances), Duration::from_millis(KEPT_MS))
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

    /// Passes one tick on to every worker.
    pub fn tick(&self) {
        self.workers.iter().for_each(|worker| worker.wake(TICK));
    }

    /// Asks every worker to finish and stop.
    pub fn drain(&self) {
        for worker in &self.workers {
            worker.tell(Command::Drain);
        }
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
