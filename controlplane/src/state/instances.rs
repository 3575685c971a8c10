//! Changes of instances.
//!
//! Owns what registering, draining, falling silent and leaving mean.
//!
//! Invariants:
//! - a heartbeat writes nothing and waits for no change: it renews a lease in memory;
//! - draining changes no rules: the groups that instances form are those of all that are listed;
//! - an instance that registers again stays drained, because who drains is not who registers.

use std::time::{Duration, Instant};

use halftone_core::{
    limits::INSTANCES_MAX,
    policy::{Instance, Ttl},
};

use super::{Decided, Model, State, StateError};
use crate::{leases::Leases, registry::Record, store::Change, tenants::admit_instance};

/// A registration that was made.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    /// Whether an instance of the same id was there.
    pub(crate) replaced: bool,
    /// What is registered now.
    pub(crate) record: Record,
    /// The change it is part of.
    pub(crate) change: u64,
}

impl State {
    /// Returns the instances of `service`, or every one, by id, with how long each may be silent.
    #[must_use]
    pub(crate) fn instances(
        &self,
        service: Option<&str>,
        now: Instant,
    ) -> Vec<(Record, Option<Duration>)> {
        let model = self.read();
        let wanted = model
            .registry
            .records()
            .filter(|record| service.is_none_or(|service| record.instance.service == service));
        wanted
            .map(|record| (record.clone(), self.leases.left(&record.instance.id(), now)))
            .collect()
    }

    /// Returns the instance of this id, and how long it may be silent.
    #[must_use]
    pub(crate) fn instance(&self, id: &str, now: Instant) -> Option<(Record, Option<Duration>)> {
        let record = self.read().registry.find(id).cloned()?;
        Some((record, self.leases.left(id, now)))
    }

    /// Registers an instance, or replaces the one of its id; its lease starts `now`. Blocks on the
    /// disk, unless nothing but the lease is new.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn register(
        &self,
        instance: Instance,
        ttl: Option<Ttl>,
        now: Instant,
    ) -> Result<Registered, StateError> {
        let id = instance.id();
        let mut before = None;
        let registered = self.change(|model| {
            let known = model.registry.find(&id);
            let (replaced, draining) = (known.is_some(), known.is_some_and(|known| known.draining));
            let record = Record { instance, ttl, draining };
            if known == Some(&record) {
                before = Some(self.leases.grant(&id, ttl, now));
                let change = model.counters.change;
                return Ok(Decided::Nothing(Registered { replaced, record, change }));
            }
            if !replaced && model.registry.len() >= INSTANCES_MAX {
                return Err(StateError::Full);
            }
            let new_rules = model.registry.insert_changes_groups(&record.instance);
            let counters = model.next(new_rules && model.tenants.is_empty());
            admit_instance(&record.instance)?;
            before = Some(self.leases.grant(&id, ttl, now));
            let registered =
                Registered { replaced, record: record.clone(), change: counters.change };
            Ok(Decided::Change(counters, Change::PutInstance(record), registered))
        });
        // One that may be registered keeps its lease: it would be there for ever without.
        let was_refused = registered.as_ref().is_err_and(|error| !error.is_unknown());
        if let Some(before) = before.filter(|_| was_refused) {
            self.leases.replace(&id, before);
        }
        registered
    }

    /// Drains an instance, or ends that; returns it with the change, or nothing when there is none.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError::Store`].
    pub(crate) fn drain(
        &self,
        id: &str,
        draining: bool,
    ) -> Result<Option<(Record, u64)>, StateError> {
        self.change(|model| {
            let Some(known) = model.registry.find(id) else { return Ok(Decided::Nothing(None)) };
            if known.draining == draining {
                return Ok(Decided::Nothing(Some((known.clone(), model.counters.change))));
            }
            let (counters, record) = (model.next(false), Record { draining, ..known.clone() });
            let drained = Some((record.clone(), counters.change));
            Ok(Decided::Change(counters, Change::PutInstance(record), drained))
        })
    }

    /// Renews the lease of an instance, if it has one; returns whether the instance is registered.
    pub(crate) fn heartbeat(&self, id: &str, now: Instant) -> bool {
        // An instance whose lease was taken as ended is about to be removed.
        self.leases.renew(id, now)
            || self.read().registry.find(id).is_some_and(|record| record.ttl.is_none())
    }

    /// Returns the leases of instances with a time to live.
    #[must_use]
    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// Removes the instances that were silent for too long, as one change; returns their ids. Blocks
    /// on the disk.
    ///
    /// # Errors
    /// [`StateError::Store`]; they are tried again after one time to live.
    pub(crate) fn expire(&self, now: Instant) -> Result<Vec<String>, StateError> {
        let mut ids = Vec::new();
        let removed = self.change(|model| {
            ids = self.leases.take_ended(now);
            Ok(remove(model, &ids))
        });
        if removed.is_err() {
            let model = self.read();
            for record in ids.iter().filter_map(|id| model.registry.find(id)) {
                self.leases.grant(&record.instance.id(), record.ttl, now);
            }
        }
        removed.map(|_| ids)
    }

    /// Forgets the instance of this id; returns the change, or nothing when there was none. Blocks
    /// on the disk.
    ///
    /// # Errors
    /// [`StateError::Store`].
    pub(crate) fn deregister(&self, id: &str) -> Result<Option<u64>, StateError> {
        let mut before = None;
        let removed = self.change(|model| {
            before = self.leases.replace(id, None);
            Ok(remove(model, &[id.to_owned()]))
        });
        if removed.is_err() {
            self.leases.replace(id, before);
        }
        removed
    }
}

/// Removes those of `ids` that are registered; returns the change, or nothing when none is.
fn remove(model: &Model, ids: &[String]) -> Decided<Option<u64>> {
    let is_there = |id: &&String| model.registry.find(id).is_some();
    let ids: Vec<String> = ids.iter().filter(is_there).cloned().collect();
    if ids.is_empty() {
        return Decided::Nothing(None);
    }
    let new_rules = model.registry.removals_change_groups(&ids);
    let counters = model.next(new_rules && model.tenants.is_empty());
    Decided::Change(counters, Change::DeleteInstances(ids), Some(counters.change))
}
