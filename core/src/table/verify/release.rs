//! Whether a release leads to variants of its own, whatever is decided.
//!
//! Owns the checks of a release, its targets and its ranges. Conditions are [`super::condition`]'s, nested tables
//! [`super::nested`]'s.

use super::{
    VerifyError,
    checks::{bounded, check, index, inside, is_field_name, is_short, ordered, span},
    expression::Cost,
};
use crate::{
    http::is_baggage_key,
    limits::{BUCKETS, RANGES_MAX, TARGETS_MAX, UNITS_MAX},
    policy::is_name,
    table::{ArchivedChoiceRow, ArchivedOnNoHealthyRow, ArchivedReleaseRow, ArchivedRuleTable},
};

impl ArchivedRuleTable {
    pub(super) fn verify_release(
        &self,
        row: usize,
        release: &ArchivedReleaseRow,
        segments: &[Cost],
    ) -> Result<(), VerifyError> {
        span("release", row, &release.variants, self.variants.len())?;
        let variants = release.variants.start.to_native()..release.variants.end.to_native();
        check("release", row, !variants.is_empty())?;
        check(
            "release",
            row,
            is_short(&release.name) && is_short(&release.tenant) && is_short(&release.salt),
        )?;
        // One row per variant; stable, the first, has nothing to fall back to.
        let rows = &release.on_no_healthy;
        let stable_fails = matches!(rows.first(), Some(ArchivedOnNoHealthyRow::Fail));
        check("release", row, rows.len() == variants.len() && stable_fails)?;
        bounded("units", release.units.len(), UNITS_MAX)?;
        for unit in release.units.iter() {
            index("release", row, *unit, self.attributes.len())?;
        }
        for rule in release.overrides.iter() {
            check("release", row, is_field_name(&rule.header))?;
        }
        let key = release.baggage.as_ref();
        check("release", row, key.is_none_or(|key| is_baggage_key(key)))?;
        if key.is_some() || release.pins.is_some() {
            // Their names go into heads as they are.
            let names = &self.variants[variants.start as usize..variants.end as usize];
            let good = is_name(&release.name) && names.iter().all(|variant| is_name(&variant.name));
            check("release", row, good)?;
        }
        bounded("targets", release.targets.len(), TARGETS_MAX)?;
        for target in release.targets.iter() {
            check("target", row, is_short(&target.id))?;
            self.verify_conditions("target", row, &target.conditions, segments)?;
            match target.nested.as_ref() {
                None => check("target", row, target.choices.len() == 1)?,
                Some(nested) => self.verify_nested(row, nested, target.choices.len())?,
            }
            for one in target.choices.iter() {
                choice(row, one, &variants)?;
            }
        }
        choice(row, &release.default, &variants)
    }
}

/// Checks where requests go: variants of the release, ranges in order.
fn choice(
    row: usize,
    choice: &ArchivedChoiceRow,
    variants: &std::ops::Range<u32>,
) -> Result<(), VerifyError> {
    match choice {
        ArchivedChoiceRow::Variant(variant) => inside("release", row, *variant, variants),
        ArchivedChoiceRow::Split(ranges) => {
            bounded("ranges", ranges.len(), RANGES_MAX)?;
            let mut covered = 0;
            for range in ranges.iter() {
                let (start, end) = (range.start.to_native(), range.end.to_native());
                ordered("range", row, covered <= start && start < end && end <= BUCKETS)?;
                inside("release", row, range.variant, variants)?;
                covered = end;
            }
            Ok(())
        }
    }
}
