//! Weights: what people ask for, applied to the stored ranges.
//!
//! Owns which splits a bundle has and which of them a weight moves. The arithmetic of ranges is
//! [`crate::rollout::allocation`]'s.
//!
//! Invariants: nothing is changed when anything is refused; a scheduled split is moved by
//! [`set_weight`] only, never by applying a bundle; a split that no bundle has has no ranges.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Allocations, CompileError, SplitKey};
use crate::{
    policy::{Bundle, DEFAULT_SPLIT, Difference, Percent, Release, Split},
    rollout::allocation::{Allocation, AllocationError},
};

/// Applies the weights written in `bundle` to the stored ranges of its splits.
///
/// A scheduled split keeps the ranges of the release's canary; those of any other variant go back to
/// stable, since no weight could be set for them any more. Splits of the tenant that the
/// bundle does not have lose theirs: whoever brings one back starts it from nothing.
///
/// # Errors
/// [`CompileError::Allocation`]; `allocations` is unchanged then.
pub fn allocate(bundle: &Bundle, allocations: &mut Allocations) -> Result<(), CompileError> {
    let tenant = &bundle.metadata.tenant;
    let mut kept = Allocations::new();
    for (name, release) in &bundle.releases {
        allocate_release(tenant, (name, release), allocations, &mut kept)?;
    }
    allocations.retain(|key, _| key.tenant != *tenant);
    allocations.append(&mut kept);
    Ok(())
}

/// Applies the weights written in the releases that a change touched, as [`allocate`] does for all, where
/// `allocations` are those of the bundle before it.
///
/// Returns the splits whose ranges are others now; those that are gone have none.
///
/// # Errors
/// [`CompileError::Allocation`]; `allocations` may have changed in part then.
pub fn allocate_after(
    tenant: &str,
    difference: &Difference<'_>,
    allocations: &mut Allocations,
) -> Result<Allocations, CompileError> {
    let mut changed = Allocations::new();
    for (name, (before, after)) in &difference.releases {
        let mut kept = Allocations::new();
        if let Some(release) = after {
            allocate_release(tenant, (name, release), allocations, &mut kept)?;
        }
        for (split, _) in before.iter().flat_map(|release| release.splits()) {
            let key = split_key(tenant, name, &split);
            if !kept.contains_key(&key) && allocations.remove(&key).is_some() {
                changed.insert(key, Allocation::default());
            }
        }
        for (key, allocation) in kept {
            if allocations.get(&key) != Some(&allocation) {
                allocations.insert(key.clone(), allocation.clone());
                changed.insert(key, allocation);
            }
        }
    }
    Ok(changed)
}

/// Adds the ranges of every split of a release to `kept`, given those that are stored.
fn allocate_release(
    tenant: &str,
    (name, release): (&str, &Release),
    stored: &Allocations,
    kept: &mut Allocations,
) -> Result<(), CompileError> {
    for (split, weights) in release.splits() {
        let key = split_key(tenant, name, &split);
        let mut allocation = stored.get(&key).cloned().unwrap_or_default();
        let weights = match weights.as_ref() {
            Split::Weights(weights) => {
                weights.iter().map(|(variant, weight)| (variant.clone(), weight.ppm())).collect()
            }
            Split::Named(_) => {
                let mut weights = allocation.weights();
                weights.retain(|variant, _| *variant == release.canary);
                weights
            }
        };
        allocation.apply(&weights).map_err(|source| CompileError::Allocation {
            tenant: tenant.to_owned(),
            release: name.to_owned(),
            split: split.into_owned(),
            source,
        })?;
        kept.insert(key, allocation);
    }
    Ok(())
}

/// Why a weight was not set; nothing was changed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum WeightError {
    /// The tenant has no release of this name.
    #[error("tenant {tenant:?} has no release {release:?}")]
    UnknownRelease {
        /// The tenant.
        tenant: String,
        /// The name asked for.
        release: String,
    },
    /// The release has no target of this id.
    #[error("release {release:?} has no target {target:?}; it has {known:?}")]
    UnknownTarget {
        /// Its place among those asked for.
        index: usize,
        /// The release.
        release: String,
        /// The id asked for.
        target: String,
        /// The scheduled splits there are.
        known: Vec<String>,
    },
    /// The weight of that split is written in the bundle, or there is none.
    #[error("{target:?} of release {release:?} is not `split: scheduled`: the bundle decides it")]
    NotScheduled {
        /// The release.
        release: String,
        /// The target, or `default`.
        target: String,
    },
    /// The release has no scheduled split at all.
    #[error("release {release:?} has no `split: scheduled`: the bundle decides its weights")]
    NothingScheduled {
        /// The release.
        release: String,
    },
    /// The weight does not fit the stored ranges.
    #[error("{target:?} of release {release:?}: {source}")]
    Allocation {
        /// The release.
        release: String,
        /// The target, or `default`.
        target: String,
        /// What is wrong.
        #[source]
        source: AllocationError,
    },
}

/// Moves the canary variant of `release` to `weight` in the scheduled splits named by `targets`
/// (target ids, or `default`), or in all of them when none is named. The rest is stable's.
///
/// Returns the ranges of the splits that moved; `stored` gives those a split has now.
///
/// # Errors
/// [`WeightError`].
pub fn set_weight<'a>(
    bundle: &Bundle,
    stored: impl Fn(&SplitKey) -> Option<&'a Allocation>,
    release: &str,
    targets: &[String],
    weight: Percent,
) -> Result<Allocations, WeightError> {
    let tenant = &bundle.metadata.tenant;
    let spec = bundle.releases.get(release).ok_or_else(|| WeightError::UnknownRelease {
        tenant: tenant.clone(),
        release: release.to_owned(),
    })?;
    let weights = BTreeMap::from([(spec.canary.clone(), weight.ppm())]);
    let mut changed = Allocations::new();
    for target in moved(spec, release, targets)? {
        let key = split_key(tenant, release, &target);
        let before = stored(&key).cloned().unwrap_or_default();
        let mut allocation = before.clone();
        allocation.apply(&weights).map_err(|source| WeightError::Allocation {
            release: release.to_owned(),
            target: target.clone(),
            source,
        })?;
        if allocation != before {
            changed.insert(key, allocation);
        }
    }
    Ok(changed)
}

/// Returns the splits that `targets` name, each checked to be scheduled.
fn moved(release: &Release, name: &str, targets: &[String]) -> Result<Vec<String>, WeightError> {
    let splits: BTreeMap<String, bool> = release
        .splits()
        .map(|(split, weights)| (split.into_owned(), matches!(*weights, Split::Named(_))))
        .collect();
    let is_scheduled = |split: &str| splits.get(split) == Some(&true);
    let scheduled: Vec<String> =
        splits.iter().filter(|(_, scheduled)| **scheduled).map(|(name, _)| name.clone()).collect();
    if targets.is_empty() {
        return if scheduled.is_empty() {
            Err(WeightError::NothingScheduled { release: name.to_owned() })
        } else {
            Ok(scheduled)
        };
    }
    let find = |(index, target): (usize, &String)| {
        let (release_name, target_name) = (name.to_owned(), target.clone());
        let exists = target == DEFAULT_SPLIT
            || splits.contains_key(target)
            || release.targets.iter().any(|one| one.id == *target);
        if is_scheduled(target) {
            Ok(target.clone())
        } else if exists {
            Err(WeightError::NotScheduled { release: release_name, target: target_name })
        } else {
            let known = scheduled.clone();
            let (release, target) = (release_name, target_name);
            Err(WeightError::UnknownTarget { index, release, target, known })
        }
    };
    targets.iter().enumerate().map(find).collect()
}

/// Returns the key of one split.
pub(super) fn split_key(tenant: &str, release: &str, split: &str) -> SplitKey {
    SplitKey { tenant: tenant.to_owned(), release: release.to_owned(), split: split.to_owned() }
}

#[cfg(test)]
mod tests;
