//! The registered instances, in memory.
//!
//! Owns which instances there are, which of them are drained, and which groups they form. Does not
//! check a registration (`policy::Registration` does), keep it ([`crate::store`] does) or measure its
//! silence ([`crate::leases`] does).
//!
//! Invariant: `groups` counts exactly the instances of `instances`, by service and group; the
//! implicit bundle's rules depend on nothing else, so they change only when a count leaves or
//! reaches zero.

use std::collections::BTreeMap;

use halftone_core::policy::{Instance, Ttl};
use serde::{Deserialize, Serialize};

/// An instance and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What was registered.
    #[serde(flatten)]
    pub(crate) instance: Instance,
    /// How long it stays when it falls silent; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<Ttl>,
    /// Whether no new request goes there.
    #[serde(default)]
    pub(crate) draining: bool,
}

/// The registered instances, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    instances: BTreeMap<String, Record>,
    groups: BTreeMap<(String, String), usize>,
    /// How often it was changed.
    version: u64,
}

impl Registry {
    /// Starts with `instances`.
    #[must_use]
    pub(crate) fn new(records: Vec<Record>) -> Self {
        let mut registry = Self::default();
        for record in records {
            registry.insert(record);
        }
        registry
    }

    /// Returns a number that is another one after each change.
    #[must_use]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Returns how many instances there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.instances.len()
    }

    /// Returns the instance of this id.
    #[must_use]
    pub(crate) fn find(&self, id: &str) -> Option<&Record> {
        self.instances.get(id)
    }

    /// Returns every instance, by id.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.instances.values()
    }

    /// Returns whether `insert(instance)` would change which groups there are.
    #[must_use]
    pub(crate) fn insert_changes_groups(&self, instance: &Instance) -> bool {
        let key = group_key(instance);
        if !self.groups.contains_key(&key) {
            return true;
        }
        let replaced = self.instances.get(&instance.id());
        replaced.is_some_and(|old| {
            let old_key = group_key(&old.instance);
            old_key != key && self.groups.get(&old_key) == Some(&1)
        })
    }

    /// Returns whether `remove` of all of `ids` would change which groups there are.
    #[must_use]
    pub(crate) fn removals_change_groups(&self, ids: &[String]) -> bool {
        let mut leaving: BTreeMap<(String, String), usize> = BTreeMap::new();
        for record in ids.iter().filter_map(|id| self.find(id)) {
            *leaving.entry(group_key(&record.instance)).or_default() += 1;
        }
        leaving.iter().any(|(key, count)| self.groups.get(key) == Some(count))
    }

    /// Adds an instance; one of the same id is replaced.
    pub(crate) fn insert(&mut self, record: Record) {
        let id = record.instance.id();
        self.remove(&id);
        self.version += 1;
        *self.groups.entry(group_key(&record.instance)).or_default() += 1;
        self.instances.insert(id, record);
    }

    /// Removes the instance of this id.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some(record) = self.instances.remove(id) else { return };
        self.version += 1;
        let key = group_key(&record.instance);
        if let Some(count) = self.groups.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.groups.remove(&key);
            }
        }
    }
}

fn group_key(instance: &Instance) -> (String, String) {
    (instance.service.clone(), instance.group())
}

#[cfg(test)]
mod tests {
    use halftone_core::policy::{Label, implicit_bundle};

    use super::*;

    fn instance(service: &str, port: u16, group: &str) -> Instance {
        let metadata = BTreeMap::from([("group".to_owned(), Label::Text(group.to_owned()))]);
        Instance { service: service.to_owned(), addr: format!("127.0.0.1:{port}"), metadata }
    }

    fn list(registry: &Registry) -> Vec<Instance> {
        registry.records().map(|record| record.instance.clone()).collect()
    }

    #[test]
    fn the_implicit_bundle_never_changes_while_groups_do_not() {
        let mut registry = Registry::default();
        let steps = [
            instance("a", 1, "canary"),
            instance("a", 1, "canary"),
            instance("a", 2, "stable"),
            instance("a", 2, "canary"),
            instance("a", 2, "blue"),
            instance("b", 2, "blue"),
            instance("a", 1, "blue"),
        ];
        for (at, step) in steps.into_iter().enumerate() {
            let before = implicit_bundle(&list(&registry), None);
            let foreseen = registry.insert_changes_groups(&step);
            registry.insert(Record { instance: step, ttl: None, draining: false });
            let after = implicit_bundle(&list(&registry), None);
            assert!(foreseen || before == after, "insert {at}");
        }
        for instance in list(&registry) {
            let before = implicit_bundle(&list(&registry), None);
            let foreseen = registry.removals_change_groups(&[instance.id()]);
            registry.remove(&instance.id());
            let after = implicit_bundle(&list(&registry), None);
            assert!(foreseen || before == after, "remove {}", instance.id());
        }
        assert!(registry.groups.is_empty());
        assert_eq!(registry.len(), 0);
    }
}
