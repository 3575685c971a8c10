//! The state of the control plane: what is stored, checked, numbered and not yet forgotten.
//!
//! Owns the order of changes: one at a time, each checked against everything that was asked for before,
//! made durable together with those that wait for the disk, too (`queue`), then visible. What
//! changes there are is in `instances`, `bundles` and `weights`. Does not compile what is published
//! ([`crate::publish`]).
//!
//! Invariants:
//! - the memory shows a change only after the store has it, and one that it has, whatever was said of it (`doubt`);
//! - an answer never rests on what is not durable: one that changes nothing, and a refusal, too, wait for the
//!   changes they were given on;
//! - readers never wait for the disk: the model's lock is held for memory work only;
//! - a change that changes nothing is acknowledged without a number of its own.

mod bundles;
mod doubt;
mod instances;
mod queue;
mod splits;
mod tenants;
mod weights;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Instant,
};

use halftone_core::{compile::WeightError, limits::INSTANCES_MAX, policy::Bundle};
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    healing::Kept,
    history::History,
    leases::Leases,
    ranges::Ranges,
    registry::Registry,
    rules::{Rules, RulesError},
    source::SourceError,
    store::{Change, Counters, Health, Numbered, Store, StoreError},
    tenants::Tenants,
};
use queue::Queue;

pub(crate) use bundles::{Asked, Checked, Origin, PutBundle};
pub(crate) use splits::Choice;

/// Why a change was refused; nothing was changed.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    /// It could not be published.
    #[error(transparent)]
    Unpublishable(#[from] RulesError),
    /// There are as many instances as are ever served.
    #[error("{INSTANCES_MAX} instances are registered; no more are served")]
    Full,
    /// A watched file is the tenant's only source.
    #[error(
        "tenant {tenant:?} is owned by the file {owner}: change that file, or start without it",
        owner = owner.display()
    )]
    Owned {
        /// The tenant.
        tenant: String,
        /// The file.
        owner: PathBuf,
    },
    /// The bundle is not the one the caller has in mind.
    #[error(
        "tenant {tenant:?} has {what}, so the condition of the request does not hold",
        what = current.as_ref().map_or("no bundle".to_owned(), |digest| format!("the bundle {digest}"))
    )]
    Condition {
        /// The tenant.
        tenant: String,
        /// The digest of the bundle it has.
        current: Option<String>,
    },
    /// It was made of a bundle that is no longer the tenant's.
    #[error("the bundle of tenant {tenant:?} was changed meanwhile: look at it and try again")]
    Outrun {
        /// The tenant.
        tenant: String,
    },
    /// There is nothing to go back to.
    #[error("tenant {tenant:?} has no bundle of revision {revision} in its history")]
    NoRevision {
        /// The tenant.
        tenant: String,
        /// The revision asked for.
        revision: u64,
    },
    /// There is nothing to weigh.
    #[error("tenant {tenant:?} has no bundle")]
    NoBundle {
        /// The tenant.
        tenant: String,
    },
    /// The weight cannot be moved.
    #[error(transparent)]
    Weight(#[from] WeightError),
    /// An earlier revision is none that this build serves.
    #[error("the bundle of that revision is refused by this build: {0}")]
    Unreadable(#[from] SourceError),
    /// It could not be made durable, or something it was checked against could not.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl StateError {
    /// Returns whether the change may have been made in spite of this.
    fn is_unknown(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unknown())
    }
}

impl From<StoreError> for StateError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// Everything that is served, and the numbers it has.
pub(crate) struct State {
    store: Box<dyn Store>,
    health: Health,
    /// With every change that was asked for: what the next one is checked against.
    newest: Mutex<Model>,
    queue: Queue,
    /// Changes that may be kept or not; locked by whoever has `newest`.
    doubtful: Mutex<Option<Vec<Numbered>>>,
    /// With every change that is durable: what is shown.
    model: RwLock<Model>,
    leases: Leases,
    changes: watch::Sender<u64>,
}

#[derive(Clone)]
struct Model {
    counters: Counters,
    registry: Arc<Registry>,
    tenants: Arc<Tenants>,
    history: History,
    /// Which watched file owns which tenant.
    owners: BTreeMap<String, PathBuf>,
}

/// What a look at the newest state led to.
enum Decided<T> {
    /// Nothing has to be changed.
    Nothing(T),
    /// A change is to be made, of rules or not.
    Change(Counters, Change, T),
}

/// The state at one moment, to be compiled.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The numbers of its newest change.
    pub(crate) counters: Counters,
    /// Registered instances.
    pub(crate) registry: Arc<Registry>,
    /// Stored bundles, oldest tenant first, with their digests; or why one cannot be read.
    pub(crate) bundles: Result<Vec<(Arc<Bundle>, String)>, String>,
    /// The ranges of every split.
    pub(crate) ranges: Ranges,
    /// The rules of these bundles, as they were admitted; ranges may have moved since.
    pub(crate) rules: Option<Arc<Rules>>,
}

impl State {
    /// Starts with what `store` has; every time to live starts `now`.
    ///
    /// # Errors
    /// [`StoreError`]. A bundle this build cannot read is no error: it is shown as a problem.
    pub(crate) fn load(store: Box<dyn Store>, now: Instant) -> Result<Self, StoreError> {
        let stored = store.load()?;
        let leases = Leases::default();
        for record in &stored.instances {
            leases.grant(&record.instance.id(), record.ttl, now);
        }
        let model = Model {
            counters: stored.counters,
            registry: Arc::new(Registry::new(stored.instances)),
            tenants: Arc::new(Tenants::new(stored.bundles, stored.allocations)),
            history: History::new(stored.revisions),
            owners: BTreeMap::new(),
        };
        let (changes, _) = watch::channel(model.counters.change);
        let (newest, model) = (Mutex::new(model.clone()), RwLock::new(model));
        let (health, queue) = (Health::new("control"), Queue::default());
        let doubtful = Mutex::default();
        Ok(Self { store, health, newest, queue, doubtful, model, leases, changes })
    }

    /// Returns the number of the newest change, and later ones as they come.
    #[must_use]
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns the newest state, to be compiled.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Snapshot {
        let model = self.read();
        let bundle = |tenant: &crate::tenants::Tenant| {
            let bundle = tenant.bundle.as_ref().map_err(Clone::clone)?;
            Ok((Arc::clone(bundle.bundle()), tenant.stored.digest.clone()))
        };
        Snapshot {
            counters: model.counters,
            registry: Arc::clone(&model.registry),
            bundles: model.tenants.list().iter().map(bundle).collect(),
            ranges: model.tenants.ranges().clone(),
            rules: model.tenants.rules().cloned(),
        }
    }

    /// Has `decide` look at the newest state, and makes the change it asks for. Blocks on the disk.
    ///
    /// # Errors
    /// What `decide` refuses, and [`StateError::Store`].
    fn change<T>(
        &self,
        decide: impl FnOnce(&Model) -> Result<Decided<T>, StateError>,
    ) -> Result<T, StateError> {
        let (answer, group) = {
            let mut newest = self.newest();
            self.end_doubt(&mut newest)?;
            match decide(&newest) {
                Ok(Decided::Change(counters, change, answer)) => {
                    newest.apply(counters, &change);
                    (Ok(answer), Some(self.queue.push(counters, change)))
                }
                Ok(Decided::Nothing(answer)) => (Ok(answer), self.queue.newest()),
                Err(refused) => (Err(refused), self.queue.newest()),
            }
        };
        match group {
            Some(group) => self.settle(&group).and(answer),
            None => answer,
        }
    }

    fn newest(&self) -> MutexGuard<'_, Model> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Model> {
        self.model.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Model> {
        self.model.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows changes that are durable.
    fn show(&self, changes: &[Numbered]) {
        let mut model = self.write();
        for (counters, change) in changes {
            model.apply(*counters, change);
        }
        let change = model.counters.change;
        drop(model);
        self.changes.send_replace(change);
    }
}

impl Kept for State {
    fn health(&self) -> &Health {
        &self.health
    }

    fn probe(&self) -> Result<(), String> {
        self.end_doubt(&mut self.newest()).map_err(|error| error.to_string())?;
        self.store.probe().map_err(|error| error.to_string())
    }
}

impl Model {
    fn next(&self, new_rules: bool) -> Counters {
        Counters {
            change: self.counters.change + 1,
            revision: self.counters.revision + u64::from(new_rules),
        }
    }

    fn apply(&mut self, counters: Counters, change: &Change) {
        debug_assert!(counters.change > self.counters.change, "changes are numbered in turn");
        self.counters = counters;
        match change {
            Change::PutInstance(record) => {
                Arc::make_mut(&mut self.registry).insert(record.clone());
            }
            Change::DeleteInstances(ids) => {
                let registry = Arc::make_mut(&mut self.registry);
                ids.iter().for_each(|id| registry.remove(id));
            }
            Change::PutBundle(put) => {
                let tenants = Arc::make_mut(&mut self.tenants);
                if let Some(gone) = &put.gone {
                    tenants.remove(&gone.tenant);
                    self.history.push(gone.clone(), &put.pruned);
                }
                tenants.put(put);
                self.history.push(put.revision.clone(), &put.pruned);
            }
            Change::MoveRanges(moved) => {
                Arc::make_mut(&mut self.tenants).put_ranges(counters.revision, moved);
            }
            Change::DeleteBundle(revision, pruned) => {
                Arc::make_mut(&mut self.tenants).remove(&revision.tenant);
                self.history.push(revision.clone(), pruned);
            }
        }
    }
}

#[cfg(test)]
mod tests;
