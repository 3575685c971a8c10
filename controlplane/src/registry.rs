//! The registered instances, in memory.
//!
//! Owns which instances there are and which groups they form. Does not check a registration
//! (`policy::Instance` does) and does not keep it ([`crate::store`] does).
//!
//! Invariant: `groups` counts exactly the instances of `instances`, by service and group; the
//! implicit bundle's rules depend on nothing else, so they change only when a count leaves or
//! reaches zero.

use std::collections::BTreeMap;

use halftone_core::policy::Instance;

/// The registered instances, by id.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    instances: BTreeMap<String, Instance>,
    groups: BTreeMap<(String, String), usize>,
}

impl Registry {
    /// Starts with `instances`.
    #[must_use]
    pub(crate) fn new(instances: Vec<Instance>) -> Self {
        let mut registry = Self::default();
        for instance in instances {
            registry.insert(instance);
        }
        registry
    }

    /// Returns how many instances there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.instances.len()
    }

    /// Returns the instance of this id.
    #[must_use]
    pub(crate) fn find(&self, id: &str) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// Returns every instance, by id.
    #[must_use]
    pub(crate) fn list(&self) -> Vec<Instance> {
        self.instances.values().cloned().collect()
    }

    /// Returns whether `insert(instance)` would change which groups there are.
    #[must_use]
    pub(crate) fn insert_changes_groups(&self, instance: &Instance) -> bool {
        let key = group_key(instance);
        if !self.groups.contains_key(&key) {
            return true;
        }
        let replaced = self.instances.get(&instance.id());
        replaced.is_some_and(|old| group_key(old) != key && self.is_last_of_group(old))
    }

    /// Returns whether `instance` is the only one of its group.
    #[must_use]
    pub(crate) fn is_last_of_group(&self, instance: &Instance) -> bool {
        self.groups.get(&group_key(instance)).is_some_and(|count| *count == 1)
    }

    /// Adds an instance; one of the same id is replaced.
    pub(crate) fn insert(&mut self, instance: Instance) {
        self.remove(&instance.id());
        *self.groups.entry(group_key(&instance)).or_default() += 1;
        self.instances.insert(instance.id(), instance);
    }

    /// Removes the instance of this id.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some(instance) = self.instances.remove(id) else { return };
        let key = group_key(&instance);
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
            let before = implicit_bundle(&registry.list(), None);
            let foreseen = registry.insert_changes_groups(&step);
            registry.insert(step);
            let after = implicit_bundle(&registry.list(), None);
            assert!(foreseen || before == after, "insert {at}");
        }
        for instance in registry.list() {
            let before = implicit_bundle(&registry.list(), None);
            let foreseen = registry.is_last_of_group(&instance);
            registry.remove(&instance.id());
            let after = implicit_bundle(&registry.list(), None);
            assert!(foreseen || before == after, "remove {}", instance.id());
        }
        assert!(registry.groups.is_empty());
        assert_eq!(registry.len(), 0);
    }
}
