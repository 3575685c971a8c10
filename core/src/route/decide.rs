//! Deciding inside a release: POLICY stages 3 to 8.
//!
//! Owns kill switch and expiry, overrides, targets, default and split; the bucketing key.

use rkyv::string::ArchivedString;

use super::{
    Reason,
    asked::Asked,
    conditions::all_hold,
    evaluate::Fault,
    nested,
    parts::{part, part_name},
    trace::{Keyed, Overridden, Recorder, Step, text},
};
use crate::{
    bucket,
    limits::UNIT_BYTES_MAX,
    table::{
        ArchivedChoiceRow, ArchivedReleaseRow, ArchivedSourceRow, ArchivedTargetRow,
        ArchivedUnitMissingRow, Rules,
    },
};

/// What was decided inside a release.
pub(super) struct Choice {
    pub(super) variant: u32,
    pub(super) reason: Reason,
    pub(super) target: Option<u32>,
    pub(super) cell: Option<u32>,
    pub(super) bucket: Option<u32>,
}

pub(super) fn decide<'a, R: Recorder>(
    table: Rules<'a>,
    release: &'a ArchivedReleaseRow,
    request: &Asked<'a>,
    random: u32,
    now_unix_s: u64,
    recorder: &mut R,
) -> Choice {
    let stable = release.variants.start.to_native();
    let plain =
        |variant, reason| Choice { variant, reason, target: None, cell: None, bucket: None };
    let expired = release.expires_unix_s.to_native() <= now_unix_s;
    recorder.step(|| Step::KillSwitch {
        tenant: release.tenant.to_string(),
        release: release.name.to_string(),
        disabled: release.disabled,
        expired,
    });
    if release.disabled || expired {
        return plain(stable, Reason::Disabled);
    }
    if let Some(variant) = overridden(table, release, request, recorder) {
        return plain(variant, Reason::Override);
    }
    for (at, target) in (0u32..).zip(release.targets.iter()) {
        let expired = target.expires_unix_s.to_native() <= now_unix_s;
        let taken = if expired { Ok(None) } else { choice_of(table, target, request, recorder) };
        if taken.is_err() {
            recorder.fault(release, at);
        }
        recorder.step(|| Step::Target {
            id: target.id.to_string(),
            expired,
            conditions: Vec::new(),
            matched: matches!(taken, Ok(Some(_))),
        });
        if let Ok(Some(choice)) = taken {
            let row = &target.choices[choice as usize];
            let (variant, bucket) = choose(table, release, row, request, random, recorder);
            let cell = target.nested.as_ref().map(|_| choice);
            let reason = Reason::TargetingMatch;
            return Choice { variant, reason, target: Some(at), cell, bucket };
        }
    }
    recorder.step(|| Step::Default);
    let (variant, bucket) = choose(table, release, &release.default, request, random, recorder);
    let reason = if bucket.is_some() { Reason::Split } else { Reason::Default };
    Choice { variant, reason, target: None, cell: None, bucket }
}

/// Returns which choice of a target takes the request, if one does.
fn choice_of<'a, R: Recorder>(
    table: Rules<'a>,
    target: &'a ArchivedTargetRow,
    request: &Asked<'a>,
    recorder: &mut R,
) -> Result<Option<u32>, Fault> {
    if !all_hold(table, &target.conditions, request, recorder)? {
        return Ok(None);
    }
    let Some(nested) = target.nested.as_ref() else { return Ok(Some(0)) };
    let cell = nested::cell(table, nested, request, recorder);
    recorder.condition(|| nested::seen(nested, cell));
    Ok(cell)
}

/// Returns the variant and, where a split was asked and the request has a place in it, its bucket.
fn choose<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    choice: &ArchivedChoiceRow,
    request: &Asked<'_>,
    random: u32,
    recorder: &mut R,
) -> (u32, Option<u32>) {
    let stable = release.variants.start.to_native();
    let name = |variant: u32| table.variants[variant as usize].name.to_string();
    match choice {
        ArchivedChoiceRow::Variant(variant) => {
            let variant = variant.to_native();
            recorder.step(|| Step::Variant { name: name(variant) });
            (variant, None)
        }
        ArchivedChoiceRow::Split(ranges) => {
            let Some(bucket) = bucket_of(table, release, request, random, recorder) else {
                return (stable, None);
            };
            let after = ranges.partition_point(|range| range.end.to_native() <= bucket);
            let range = ranges.get(after).filter(|range| range.start.to_native() <= bucket);
            let variant = range.map_or(stable, |range| range.variant.to_native());
            recorder.step(|| Step::Range {
                start: range.map(|range| range.start.to_native()),
                end: range.map(|range| range.end.to_native()),
                variant: name(variant),
            });
            (variant, Some(bucket))
        }
    }
}

fn overridden<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    request: &Asked<'_>,
    recorder: &mut R,
) -> Option<u32> {
    for rule in release.overrides.iter() {
        let mut tell = |found: Option<&[u8]>, outcome| {
            let header = || rule.header.to_string();
            recorder.step(|| Step::Override { header: header(), found: found.map(text), outcome });
        };
        if rule.trusted && !request.trusted {
            tell(None, Overridden::Untrusted);
            continue;
        }
        let Some(wanted) = request.believed_header(&rule.header) else {
            tell(None, Overridden::Absent);
            continue;
        };
        let mut variants = release.variants.start.to_native()..release.variants.end.to_native();
        if let Some(variant) =
            variants.find(|at| table.variants[*at as usize].name.as_bytes() == wanted)
        {
            tell(Some(wanted), Overridden::Accepted);
            return Some(variant);
        }
        tell(Some(wanted), Overridden::UnknownVariant);
    }
    None
}

fn bucket_of<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    request: &Asked<'_>,
    random: u32,
    recorder: &mut R,
) -> Option<u32> {
    for unit in release.units.iter() {
        for source in table.attributes[unit.to_native() as usize].sources.iter() {
            if let Some(bucket) = unit_bucket(&release.salt, source, request, recorder) {
                return Some(bucket);
            }
        }
    }
    match release.unit_missing {
        ArchivedUnitMissingRow::Stable => {
            recorder.step(|| Step::NoUnit);
            None
        }
        ArchivedUnitMissingRow::Random => {
            let bucket = bucket::project(random);
            recorder.step(|| Step::Random { bucket });
            Some(bucket)
        }
    }
}

fn unit_bucket<R: Recorder>(
    salt: &ArchivedString,
    source: &ArchivedSourceRow,
    request: &Asked<'_>,
    recorder: &mut R,
) -> Option<u32> {
    let mut tell = |found: Option<&[u8]>, outcome| {
        let part = || part_name(&source.part);
        recorder.step(|| Step::Unit { part: part(), found: found.map(text), outcome });
    };
    if source.trusted && !request.trusted {
        tell(None, Keyed::Untrusted);
        return None;
    }
    let Some(value) = part(request, &source.part) else {
        tell(None, Keyed::Absent);
        return None;
    };
    if value.is_empty() || value.len() > UNIT_BYTES_MAX {
        tell(Some(value), Keyed::Unusable);
        return None;
    }
    tell(Some(value), Keyed::Used);
    let hash = bucket::hash(salt.as_bytes(), value);
    let bucket = bucket::project(hash);
    recorder.step(|| Step::Bucket { unit: text(value), salt: salt.to_string(), hash, bucket });
    Some(bucket)
}
