//! Ranges alone: a table whose splits move, and nothing else.
//!
//! Owns how ranges become rows, and their replacement in a table that was compiled before. Does not move
//! weights ([`super::set_weight`] does) and does not verify the table that comes out of it: whoever archives it does.
//!
//! Invariant: replacing the ranges of a table makes the very table that compiling the same bundles with
//! these ranges makes.

use std::{borrow::Cow, collections::BTreeMap};

use super::{CompileError, SplitKey};
use crate::{
    policy::DEFAULT_SPLIT,
    rollout::allocation::Allocation,
    table::{ChoiceRow, RangeRow, ReleaseRow, RuleTable, TargetRow, VariantRow, split_name},
};

/// Replaces the ranges of these splits of `table`; of a split that is named twice, the last count.
///
/// Costs a look at each release, and at each target of those that are named.
///
/// # Errors
/// [`CompileError::Unresolved`] when `table` has no such split or variant, [`CompileError::Allocation`] when
/// ranges overlap; `table` may have changed in part then.
pub fn replace_ranges<'a>(
    table: &mut RuleTable,
    splits: impl Iterator<Item = (&'a SplitKey, &'a Allocation)>,
) -> Result<(), CompileError> {
    // By tenant, release, split.
    let mut wanted: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, &Allocation>>> = BTreeMap::new();
    for (key, ranges) in splits {
        ranges.check().map_err(|source| CompileError::Allocation {
            tenant: key.tenant.clone(),
            release: key.release.clone(),
            split: key.split.clone(),
            source,
        })?;
        let of_tenant = wanted.entry(&key.tenant).or_default();
        of_tenant.entry(&key.release).or_default().insert(&key.split, ranges);
    }
    let RuleTable { releases, variants, .. } = table;
    for at in 0..releases.len() {
        let ReleaseRow { tenant, name, .. } = &releases[at];
        let of_tenant = wanted.get_mut(tenant.as_str());
        if let Some(splits) = of_tenant.and_then(|wanted| wanted.remove(name.as_str())) {
            replace_of(&mut releases[at], variants, splits)?;
        }
    }
    let mut left = wanted
        .into_iter()
        .flat_map(|(tenant, releases)| releases.into_keys().map(move |release| (tenant, release)));
    match left.next() {
        None => Ok(()),
        Some((tenant, release)) => Err(CompileError::Unresolved {
            tenant: tenant.to_owned(),
            path: "releases".to_owned(),
            name: release.to_owned(),
        }),
    }
}

fn replace_of(
    release: &mut ReleaseRow,
    variants: &[VariantRow],
    mut splits: BTreeMap<&str, &Allocation>,
) -> Result<(), CompileError> {
    let ReleaseRow { tenant, name, variants: span, targets, default, .. } = release;
    let unresolved = |split: &str, wanted: &str| CompileError::Unresolved {
        tenant: tenant.clone(),
        path: format!("releases.{name}.{split}"),
        name: wanted.to_owned(),
    };
    let known = span.start..span.end;
    let targets = targets.iter_mut().flat_map(|TargetRow { id, nested, choices, .. }| {
        let cells = nested.as_ref().map(|nested| nested.cells.as_slice()).unwrap_or_default();
        choices.iter_mut().enumerate().map(|(at, choice)| (split_name(id, cells, at), choice))
    });
    for (split, choice) in targets.chain([(Cow::Borrowed(DEFAULT_SPLIT), default)]) {
        let split = split.as_ref();
        let Some(ranges) = splits.remove(split) else { continue };
        let ChoiceRow::Split(rows) = choice else { return Err(unresolved(split, "split")) };
        *rows = range_rows(ranges, |wanted| {
            let row = known.clone().find(|at| variants[*at as usize].name == wanted);
            row.ok_or_else(|| unresolved(split, wanted))
        })?;
    }
    match splits.into_keys().next() {
        None => Ok(()),
        Some(split) => Err(unresolved(split, "split")),
    }
}

/// Returns the rows of `ranges`, lowest bucket first; `row_of` finds a variant's row.
pub(super) fn range_rows(
    ranges: &Allocation,
    row_of: impl Fn(&str) -> Result<u32, CompileError>,
) -> Result<Vec<RangeRow>, CompileError> {
    let ranges = ranges.ranges_taken().into_iter();
    let row = |(range, variant, taken): (crate::rollout::allocation::Range, &str, u32)| {
        Ok(RangeRow { start: range.start, end: range.end, variant: row_of(variant)?, taken })
    };
    ranges.map(row).collect()
}

#[cfg(test)]
mod tests;
