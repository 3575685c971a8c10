//! The pair of tables a request is decided with.
//!
//! Owns the join of the two: which instance set belongs to which variant row, worked out once when
//! either changes, so that a request finds its instances by index. Invariant: a request takes both at
//! its head and keeps both to its log line.

use std::sync::Arc;

use halftone_core::{
    route::{Decision, fallback},
    table::{
        ArchivedInstanceRow, ArchivedInstanceSet, ArchivedInstanceTable, InstanceTable, NONE,
        RuleTable, Rules, Table, archive::Archive, epoch::Pinned,
    },
};

/// A committed table with the number the gateway gave it.
#[derive(Debug)]
pub struct Loaded<T: Table> {
    /// The generation.
    pub epoch: u64,
    /// The table.
    pub archive: Archive<T>,
}

/// Both tables, joined.
#[derive(Debug)]
pub struct Tables {
    rules: Arc<Loaded<RuleTable>>,
    instances: Arc<Loaded<InstanceTable>>,
    /// By variant row: its instance set, or [`NONE`].
    sets: Box<[u32]>,
    /// Whether something of the rules can be signed or verified only with a key.
    needs_keys: bool,
}

impl Tables {
    /// Joins `rules` with `instances`.
    #[must_use]
    pub fn join(rules: Arc<Loaded<RuleTable>>, instances: Arc<Loaded<InstanceTable>>) -> Self {
        let sets = &instances.archive.table().sets;
        let find = |key: &str| sets.binary_search_by(|set| (*set.key).cmp(key)).ok();
        let row = |key: &str| find(key).and_then(|at| u32::try_from(at).ok()).unwrap_or(NONE);
        let sets = rules.archive.table().variants.iter().map(|variant| row(&variant.key)).collect();
        let needs_keys = rules.archive.table().needs_keys();
        Self { rules, instances, sets, needs_keys }
    }

    /// Returns whether something of the rules can be signed or verified only with a key.
    #[must_use]
    pub fn needs_keys(&self) -> bool {
        self.needs_keys
    }

    /// Returns the tables a request holds, unless none had been committed when it took them.
    #[must_use]
    pub fn newest(pinned: &Pinned<Option<Self>>) -> Option<&Self> {
        Option::as_ref(pinned)
    }

    /// Returns the rules.
    #[must_use]
    pub fn rules(&self) -> Rules<'_> {
        self.rules.archive.rules()
    }

    /// Returns the rules with their epoch, to be joined again.
    #[must_use]
    pub fn loaded_rules(&self) -> &Arc<Loaded<RuleTable>> {
        &self.rules
    }

    /// Returns the instances with their epoch, to be joined again.
    #[must_use]
    pub fn loaded_instances(&self) -> &Arc<Loaded<InstanceTable>> {
        &self.instances
    }

    /// Returns the epochs of rules and instances.
    #[must_use]
    pub fn epochs(&self) -> (u64, u64) {
        (self.rules.epoch, self.instances.epoch)
    }

    /// Returns the instances of `variant`; nothing when it has none.
    #[must_use]
    pub fn instance_set(&self, variant: u32) -> Option<&ArchivedInstanceSet> {
        let table: &ArchivedInstanceTable = self.instances.archive.table();
        let set = *self.sets.get(variant as usize)?;
        table.sets.get(set as usize).filter(|set| !set.instances.is_empty())
    }

    /// Returns the variant that serves a decision: another than the decided one only where that has no
    /// instance and the release allows it (POLICY stage 9).
    #[must_use]
    pub fn serving(&self, decision: &Decision) -> Option<u32> {
        let has_instances = |variant: &u32| self.instance_set(*variant).is_some();
        let decided = Some(decision.variant).filter(has_instances);
        decided.or_else(|| fallback(self.rules().table, decision).filter(has_instances))
    }
}

/// Returns the instance of `set` that `turn`, a number spread evenly over its range, falls on: each as
/// often as its weight asks.
#[must_use]
pub fn choose(set: &ArchivedInstanceSet, turn: u32) -> Option<(usize, &ArchivedInstanceRow)> {
    let total = set.instances.last()?.weight_end.to_native();
    let point = ((u64::from(turn) * u64::from(total)) >> 32) as u32;
    let at = set.instances.partition_point(|instance| instance.weight_end.to_native() <= point);
    Some((at, set.instances.get(at)?))
}

#[cfg(test)]
mod tests;
