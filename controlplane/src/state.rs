//! The state of the control plane: what is stored, checked, numbered and not yet forgotten.
//!
//! Owns the order of changes: one at a time, each checked against the newest state, made durable,
//! then visible. Does not compile what is published ([`crate::publish`]).
//!
//! Invariants:
//! - the memory shows a change only after the store has it;
//! - readers never wait for the disk: the model's lock is held for memory work only;
//! - a change that changes nothing is acknowledged without a number of its own.

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use halftone_core::{
    compile::Allocations,
    limits::INSTANCES_MAX,
    policy::{Bundle, Instance, digest},
};
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    registry::Registry,
    store::{Change, Counters, Store, StoreError, StoredBundle},
    tenants::{Tenants, Unpublishable, admit_instance},
};

/// Why a change was refused; nothing was changed.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    /// It could not be published.
    #[error(transparent)]
    Unpublishable(#[from] Unpublishable),
    /// There are as many instances as are ever served.
    #[error("{INSTANCES_MAX} instances are registered; no more are served")]
    Full,
    /// It could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that is served, and the numbers it has.
pub(crate) struct State {
    store: Box<dyn Store>,
    /// Held from the check of a change until it is visible.
    writer: Mutex<()>,
    model: RwLock<Model>,
    changes: watch::Sender<u64>,
}

struct Model {
    counters: Counters,
    registry: Registry,
    tenants: Tenants,
}

/// The state at one moment, to be compiled.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The numbers of its newest change.
    pub(crate) counters: Counters,
    /// Registered instances.
    pub(crate) instances: Vec<Instance>,
    /// Stored bundles, oldest tenant first, with their digests; or why one cannot be read.
    pub(crate) bundles: Result<Vec<(Arc<Bundle>, String)>, String>,
    /// The ranges of every split.
    pub(crate) allocations: Allocations,
}

/// A registration that was made.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    /// Whether an instance of the same id was there.
    pub(crate) replaced: bool,
    /// The change it is part of.
    pub(crate) change: u64,
}

/// A bundle that was stored.
#[derive(Clone, Debug)]
pub(crate) struct PutBundle {
    /// Its number.
    pub(crate) revision: u64,
    /// Its digest.
    pub(crate) digest: String,
    /// The change it is part of.
    pub(crate) change: u64,
}

impl State {
    /// Starts with what `store` has.
    ///
    /// # Errors
    /// [`StoreError`]. A bundle this build cannot read is no error: it is shown as a problem.
    pub(crate) fn load(store: Box<dyn Store>) -> Result<Self, StoreError> {
        let stored = store.load()?;
        let model = Model {
            counters: stored.counters,
            registry: Registry::new(stored.instances),
            tenants: Tenants::new(stored.bundles, stored.allocations),
        };
        let (changes, _) = watch::channel(model.counters.change);
        Ok(Self { store, writer: Mutex::new(()), model: RwLock::new(model), changes })
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
            tenant.bundle.clone().map(|bundle| (bundle, tenant.stored.digest.clone()))
        };
        Snapshot {
            counters: model.counters,
            instances: model.registry.list(),
            bundles: model.tenants.list().iter().map(bundle).collect(),
            allocations: model.tenants.allocations().clone(),
        }
    }

    /// Returns every instance, by id.
    #[must_use]
    pub(crate) fn instances(&self) -> Vec<Instance> {
        self.read().registry.list()
    }

    /// Returns the instance of this id.
    #[must_use]
    pub(crate) fn instance(&self, id: &str) -> Option<Instance> {
        self.read().registry.find(id).cloned()
    }

    /// Returns the stored bundle of `tenant`.
    #[must_use]
    pub(crate) fn bundle(&self, tenant: &str) -> Option<StoredBundle> {
        self.read().tenants.find(tenant).map(|tenant| tenant.stored.clone())
    }

    /// Registers an instance, or replaces the one of its id. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn register(&self, instance: Instance) -> Result<Registered, StateError> {
        let _turn = self.turn();
        let (counters, replaced) = {
            let model = self.read();
            let known = model.registry.find(&instance.id());
            if known == Some(&instance) {
                return Ok(Registered { replaced: true, change: model.counters.change });
            }
            if known.is_none() && model.registry.len() >= INSTANCES_MAX {
                return Err(StateError::Full);
            }
            let new_rules = model.registry.insert_changes_groups(&instance);
            (model.next(new_rules && model.tenants.is_empty()), known.is_some())
        };
        admit_instance(&instance)?;
        self.store.write(counters, &Change::PutInstance(&instance))?;
        self.show(counters, |model| model.registry.insert(instance));
        Ok(Registered { replaced, change: counters.change })
    }

    /// Forgets the instance of this id; returns the change, or nothing when there was none. Blocks
    /// on the disk.
    ///
    /// # Errors
    /// [`StateError::Store`].
    pub(crate) fn deregister(&self, id: &str) -> Result<Option<u64>, StateError> {
        let _turn = self.turn();
        let counters = {
            let model = self.read();
            let Some(instance) = model.registry.find(id) else { return Ok(None) };
            let new_rules = model.registry.is_last_of_group(instance);
            model.next(new_rules && model.tenants.is_empty())
        };
        self.store.write(counters, &Change::DeleteInstance(id))?;
        self.show(counters, |model| model.registry.remove(id));
        Ok(Some(counters.change))
    }

    /// Replaces the bundle of its tenant with a validated one. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn put_bundle(&self, bundle: Bundle) -> Result<PutBundle, StateError> {
        let _turn = self.turn();
        let digest = digest(&bundle);
        let (counters, since, allocations) = {
            let model = self.read();
            let known = model.tenants.find(&bundle.metadata.tenant);
            if let Some(same) =
                known.filter(|known| known.stored.digest == digest && known.bundle.is_ok())
            {
                let (revision, change) = (same.stored.revision, model.counters.change);
                return Ok(PutBundle { revision, digest, change });
            }
            let counters = model.next(true);
            let since = known.map_or(counters.change, |known| known.stored.since);
            (counters, since, model.tenants.admit(&bundle)?)
        };
        let stored = StoredBundle {
            tenant: bundle.metadata.tenant.clone(),
            since,
            revision: counters.revision,
            digest: digest.clone(),
            text: canonical_text(&bundle),
        };
        self.store.write(counters, &Change::PutBundle(&stored, &allocations))?;
        self.show(counters, |model| model.tenants.put(stored, bundle, allocations));
        Ok(PutBundle { revision: counters.revision, digest, change: counters.change })
    }

    /// Forgets a tenant; returns the change, or nothing when there was none. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError::Store`].
    pub(crate) fn delete_bundle(&self, tenant: &str) -> Result<Option<u64>, StateError> {
        let _turn = self.turn();
        let counters = {
            let model = self.read();
            if model.tenants.find(tenant).is_none() {
                return Ok(None);
            }
            model.next(true)
        };
        self.store.write(counters, &Change::DeleteBundle(tenant))?;
        self.show(counters, |model| model.tenants.remove(tenant));
        Ok(Some(counters.change))
    }

    fn turn(&self) -> impl Drop + '_ {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Model> {
        self.model.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, counters: Counters, change: impl FnOnce(&mut Model)) {
        let mut model = self.model.write().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(counters.change > model.counters.change, "changes are numbered in turn");
        change(&mut model);
        model.counters = counters;
        drop(model);
        self.changes.send_replace(counters.change);
    }
}

impl Model {
    fn next(&self, new_rules: bool) -> Counters {
        Counters {
            change: self.counters.change + 1,
            revision: self.counters.revision + u64::from(new_rules),
        }
    }
}

/// Returns the canonical form that is stored and shown: sorted keys, defaults written out.
fn canonical_text(bundle: &Bundle) -> String {
    serde_json::to_value(bundle).map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
