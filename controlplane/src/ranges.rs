//! The ranges of every split, and which of them moved since the bundles were changed last.
//!
//! Owns how a state is copied in no time although it has as many ranges as targets, and how one is told from an
//! earlier one. Does not move ranges (`core::compile` does).
//!
//! Invariants:
//! - what a bundle was admitted with is never changed: a moved split lies over it until a bundle changes;
//! - two states of the same base differ in the splits that moved after the older one, and in no others.

use std::{collections::BTreeMap, sync::Arc};

use halftone_core::{
    compile::{Allocations, SplitKey},
    rollout::allocation::Allocation,
    wire::SplitRanges,
};

/// Ranges that were moved, and as which revision of the rules.
#[derive(Clone, Debug)]
struct Move {
    revision: u64,
    ranges: Arc<Allocation>,
}

/// The ranges of every split.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    /// As of the last change of a bundle.
    base: Arc<Allocations>,
    /// Moved since.
    moved: Arc<BTreeMap<Arc<SplitKey>, Move>>,
}

impl Ranges {
    /// Starts with the ranges that bundles were admitted with.
    #[must_use]
    pub(crate) fn new(base: Arc<Allocations>) -> Self {
        Self { base, moved: Arc::default() }
    }

    /// Returns the ranges of one split; nothing when it has none.
    #[must_use]
    pub(crate) fn find(&self, split: &SplitKey) -> Option<&Allocation> {
        let moved = self.moved.get(split).map(|moved| &*moved.ranges);
        moved.or_else(|| self.base.get(split))
    }

    /// Puts ranges that were moved as `revision` in their place.
    pub(crate) fn put(&mut self, revision: u64, moved: &[(SplitKey, Allocation)]) {
        let over = Arc::make_mut(&mut self.moved);
        for (split, ranges) in moved {
            let moved = Move { revision, ranges: Arc::new(ranges.clone()) };
            over.insert(Arc::new(split.clone()), moved);
        }
    }

    /// Returns those of the base.
    #[must_use]
    pub(crate) fn base(&self) -> &Allocations {
        &self.base
    }

    /// Returns the same with nothing moved since their base.
    #[must_use]
    pub(crate) fn folded(&self) -> Self {
        if self.moved.is_empty() { self.clone() } else { Self::new(Arc::new(self.all())) }
    }

    /// Returns whether nothing was moved since the base.
    #[must_use]
    pub(crate) fn is_folded(&self) -> bool {
        self.moved.is_empty()
    }

    /// Returns a copy of all of them.
    #[must_use]
    pub(crate) fn all(&self) -> Allocations {
        let mut all = (*self.base).clone();
        all.extend(self.moved().map(|(split, ranges)| (split.clone(), ranges.clone())));
        all
    }

    /// Returns those that were moved since the base.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (&SplitKey, &Allocation)> {
        self.moved.iter().map(|(split, moved)| (&**split, &*moved.ranges))
    }

    /// Returns those that were moved after `revision`.
    #[must_use]
    pub(crate) fn moved_after(&self, revision: u64) -> Vec<SplitRanges> {
        let moved = self.moved.iter().filter(|(_, moved)| moved.revision > revision);
        let moved = moved.map(|(split, moved)| SplitRanges {
            split: (**split).clone(),
            ranges: (*moved.ranges).clone(),
        });
        moved.collect()
    }

    /// Returns whether both have the same base, so that [`Ranges::moved_after`] tells them apart.
    #[must_use]
    pub(crate) fn has_base_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.base, &other.base)
    }

    /// Returns whether both are the very same.
    #[must_use]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.has_base_of(other) && Arc::ptr_eq(&self.moved, &other.moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(name: &str) -> SplitKey {
        let (tenant, release) = ("shop".to_owned(), "r".to_owned());
        SplitKey { tenant, release, split: name.to_owned() }
    }

    fn ranges(weight: u32) -> Allocation {
        let mut ranges = Allocation::default();
        ranges.apply(&[("canary".to_owned(), weight)].into()).expect("fits");
        ranges
    }

    #[test]
    fn states_of_one_base_differ_in_what_moved_in_between() {
        let base = Allocations::from([(split("a"), ranges(1)), (split("b"), ranges(2))]);
        let first = Ranges::new(Arc::new(base));
        let mut second = first.clone();
        second.put(5, &[(split("a"), ranges(3)), (split("c"), ranges(4))]);
        let mut third = second.clone();
        third.put(6, &[(split("a"), ranges(5))]);
        assert!(third.has_base_of(&first) && !third.is(&second) && third.is(&third.clone()));
        let moved = |after: u64| -> Vec<(String, u32)> {
            let moved = third.moved_after(after).into_iter();
            moved.map(|one| (one.split.split, one.ranges.weight_ppm("canary"))).collect()
        };
        let row = |split: &str, weight| (split.to_owned(), weight);
        assert_eq!(moved(4), [row("a", 5), row("c", 4)]);
        assert_eq!(moved(5), [row("a", 5)]);
        assert_eq!(moved(6), []);
        assert_eq!(third.find(&split("b")), Some(&ranges(2)));
        assert_eq!(second.find(&split("a")), Some(&ranges(3)), "copies are copies");
        let all: Vec<u32> = third.all().values().map(|one| one.weight_ppm("canary")).collect();
        assert_eq!(all, [5, 2, 4]);
        let again = Ranges::new(Arc::new(third.all()));
        assert!(!again.has_base_of(&third));
    }
}
