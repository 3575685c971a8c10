//! The allocation of one split: which buckets each variant holds.
//!
//! Owns the arithmetic that keeps a ramp one-way. Does not know releases, users or tables.
//!
//! Invariants:
//! - **S** (exact): a variant's ranges sum to its weight exactly; ranges never overlap; what no
//!   variant holds is stable's.
//! - **M** (one way): a variant whose weight does not fall loses no bucket, for any number of
//!   variants and any order of changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    limits::{BUCKETS, RANGES_MAX},
    policy::PercentText,
};

/// A half-open range of buckets, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range {
    /// First bucket inside.
    pub start: u32,
    /// First bucket beyond.
    pub end: u32,
}

impl Range {
    /// Returns the number of buckets inside.
    #[must_use]
    pub fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Returns whether no bucket is inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Why weights could not be applied; the allocation is then unchanged.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AllocationError {
    /// The weights leave less than nothing for stable.
    #[error("weights add up to {}; at most 100%", PercentText(*total_ppm))]
    OverCommitted {
        /// Sum of the weights asked for, in parts per million.
        total_ppm: u64,
    },
    /// The stored ranges overlap or leave the bucket space.
    #[error("stored ranges of variant {variant:?} overlap others or leave [0, {BUCKETS})")]
    Corrupt {
        /// The variant whose range is wrong.
        variant: String,
    },
    /// So many grows and shrinks happened that the split is in too many pieces.
    #[error(
        "the split is in {ranges} pieces; at most {RANGES_MAX} are served, abort with reshuffle to join them"
    )]
    Fragmented {
        /// The pieces there would be.
        ranges: usize,
    },
}

/// Bucket ranges per non-stable variant, in the order they were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Allocation {
    variants: BTreeMap<String, Vec<Range>>,
}

impl Allocation {
    /// Returns the weight of `variant` in parts per million.
    #[must_use]
    pub fn weight_ppm(&self, variant: &str) -> u32 {
        self.variants.get(variant).map_or(0, |ranges| weight(ranges))
    }

    /// Returns the weight of every variant that has one, in parts per million.
    #[must_use]
    pub fn weights(&self) -> BTreeMap<String, u32> {
        self.variants.iter().map(|(name, ranges)| (name.clone(), weight(ranges))).collect()
    }

    /// Returns every range with its variant, lowest bucket first.
    #[must_use]
    pub fn ranges(&self) -> Vec<(Range, &str)> {
        let mut all: Vec<(Range, &str)> = self
            .variants
            .iter()
            .flat_map(|(name, ranges)| ranges.iter().map(move |range| (*range, name.as_str())))
            .collect();
        all.sort_unstable();
        all
    }

    /// Returns every range with its variant and its place in the order that variant took them, lowest
    /// bucket first.
    #[must_use]
    pub fn ranges_taken(&self) -> Vec<(Range, &str, u32)> {
        let mut all: Vec<(Range, &str, u32)> = Vec::new();
        for (name, ranges) in &self.variants {
            all.extend((0u32..).zip(ranges).map(|(place, range)| (*range, name.as_str(), place)));
        }
        all.sort_unstable();
        all
    }

    /// Returns the allocation of ranges that each variant took in the order of their places.
    #[must_use]
    pub fn of_taken(ranges: impl Iterator<Item = (String, u32, Range)>) -> Self {
        let mut taken: Vec<(String, u32, Range)> = ranges.collect();
        taken.sort_unstable();
        let mut variants: BTreeMap<String, Vec<Range>> = BTreeMap::new();
        for (name, _, range) in taken {
            variants.entry(name).or_default().push(range);
        }
        Self { variants }
    }

    /// Moves the split to `weights` (parts per million per non-stable variant; absent means zero).
    ///
    /// Shrinks apply before grows, both by variant name. A grow takes from stable, lowest bucket
    /// first; a shrink gives back what was taken last.
    ///
    /// # Errors
    /// [`AllocationError`]; nothing is changed then.
    pub fn apply(&mut self, weights: &BTreeMap<String, u32>) -> Result<(), AllocationError> {
        let total_ppm: u64 = weights.values().map(|weight| u64::from(*weight)).sum();
        if total_ppm > u64::from(BUCKETS) {
            return Err(AllocationError::OverCommitted { total_ppm });
        }
        self.check()?;
        let mut next = self.clone();
        for (name, ranges) in &mut next.variants {
            let wanted = weights.get(name).copied().unwrap_or(0);
            shrink(ranges, weight(ranges).saturating_sub(wanted));
        }
        for (name, wanted) in weights {
            let missing = wanted.saturating_sub(next.weight_ppm(name));
            next.grow(name, missing);
        }
        next.variants.retain(|_, ranges| !ranges.is_empty());
        let ranges = next.variants.values().map(Vec::len).sum();
        if ranges > RANGES_MAX {
            return Err(AllocationError::Fragmented { ranges });
        }
        *self = next;
        Ok(())
    }

    /// Checks ranges that came from a disk or another process.
    ///
    /// # Errors
    /// [`AllocationError::Corrupt`] when ranges overlap, are empty or leave the bucket space.
    pub fn check(&self) -> Result<(), AllocationError> {
        let mut covered = 0;
        for (range, variant) in self.ranges() {
            if range.start < covered || range.end <= range.start || range.end > BUCKETS {
                return Err(AllocationError::Corrupt { variant: variant.to_owned() });
            }
            covered = range.end;
        }
        Ok(())
    }

    fn grow(&mut self, name: &str, mut missing: u32) {
        for gap in self.gaps() {
            if missing == 0 {
                return;
            }
            let taken = Range { start: gap.start, end: gap.start + missing.min(gap.len()) };
            missing -= taken.len();
            let ranges = self.variants.entry(name.to_owned()).or_default();
            match ranges.last_mut() {
                Some(last) if last.end == taken.start => last.end = taken.end,
                _ => ranges.push(taken),
            }
        }
        debug_assert_eq!(missing, 0, "the weights were checked to fit");
    }

    fn gaps(&self) -> Vec<Range> {
        let mut gaps = Vec::new();
        let mut start = 0;
        for (range, _) in self.ranges() {
            if start < range.start {
                gaps.push(Range { start, end: range.start });
            }
            start = range.end;
        }
        if start < BUCKETS {
            gaps.push(Range { start, end: BUCKETS });
        }
        gaps
    }
}

fn weight(ranges: &[Range]) -> u32 {
    ranges.iter().map(|range| range.len()).sum()
}

fn shrink(ranges: &mut Vec<Range>, mut surplus: u32) {
    while let Some(last) = ranges.last_mut().filter(|_| surplus > 0) {
        let given = surplus.min(last.len());
        last.end -= given;
        surplus -= given;
        if last.is_empty() {
            ranges.pop();
        }
    }
}

#[cfg(test)]
mod tests;
