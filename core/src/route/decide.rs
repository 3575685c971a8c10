//! Deciding inside a release: POLICY stages 3 to 8.
//!
//! Owns kill switch and expiry, overrides, targets, default and split; the bucketing key.

use rkyv::string::ArchivedString;
use smallvec::SmallVec;

use super::{
    Reason, RequestView,
    conditions::{all_hold, believed_header},
    values::{cookie, query},
};
use crate::{
    bucket,
    limits::UNIT_BYTES_MAX,
    table::{
        ArchivedChoiceRow, ArchivedReleaseRow, ArchivedRuleTable, ArchivedSourceKind,
        ArchivedSourceRow, ArchivedTargetRow, ArchivedUnitMissingRow,
    },
};

/// What was decided inside a release.
pub(super) struct Choice {
    pub(super) variant: u32,
    pub(super) reason: Reason,
    pub(super) target: Option<u32>,
    pub(super) bucket: Option<u32>,
}

pub(super) fn decide(
    table: &ArchivedRuleTable,
    release: &ArchivedReleaseRow,
    request: &RequestView<'_>,
    random: u32,
    now_unix_s: u64,
) -> Choice {
    let stable = release.variants.start.to_native();
    let plain = |variant, reason| Choice { variant, reason, target: None, bucket: None };
    if release.disabled || release.expires_unix_s.to_native() <= now_unix_s {
        return plain(stable, Reason::Disabled);
    }
    if let Some(variant) = overridden(table, release, request) {
        return plain(variant, Reason::Override);
    }
    let is_in = |target: &&ArchivedTargetRow| {
        target.expires_unix_s.to_native() > now_unix_s
            && all_hold(table, &target.conditions, request)
    };
    if let Some((at, target)) =
        (0u32..).zip(release.targets.iter()).find(|(_, target)| is_in(target))
    {
        let (variant, bucket) = choose(table, release, &target.choice, request, random);
        return Choice { variant, reason: Reason::TargetingMatch, target: Some(at), bucket };
    }
    let (variant, bucket) = choose(table, release, &release.default, request, random);
    let reason = if bucket.is_some() { Reason::Split } else { Reason::Default };
    Choice { variant, reason, target: None, bucket }
}

/// Returns the variant and, where a split was asked and the request has a place in it, its bucket.
fn choose(
    table: &ArchivedRuleTable,
    release: &ArchivedReleaseRow,
    choice: &ArchivedChoiceRow,
    request: &RequestView<'_>,
    random: u32,
) -> (u32, Option<u32>) {
    let stable = release.variants.start.to_native();
    match choice {
        ArchivedChoiceRow::Variant(variant) => (variant.to_native(), None),
        ArchivedChoiceRow::Split(ranges) => {
            let Some(bucket) = bucket_of(table, release, request, random) else {
                return (stable, None);
            };
            let after = ranges.partition_point(|range| range.end.to_native() <= bucket);
            let range = ranges.get(after).filter(|range| range.start.to_native() <= bucket);
            (range.map_or(stable, |range| range.variant.to_native()), Some(bucket))
        }
    }
}

fn overridden(
    table: &ArchivedRuleTable,
    release: &ArchivedReleaseRow,
    request: &RequestView<'_>,
) -> Option<u32> {
    let usable = release.overrides.iter().filter(|rule| request.trusted || !rule.trusted);
    for rule in usable {
        let mut joined = SmallVec::new();
        let Some(wanted) = believed_header(table, request, &rule.header, &mut joined) else {
            continue;
        };
        let mut variants = release.variants.start.to_native()..release.variants.end.to_native();
        if let Some(variant) =
            variants.find(|at| table.variants[*at as usize].name.as_bytes() == wanted)
        {
            return Some(variant);
        }
    }
    None
}

fn bucket_of(
    table: &ArchivedRuleTable,
    release: &ArchivedReleaseRow,
    request: &RequestView<'_>,
    random: u32,
) -> Option<u32> {
    for unit in release.units.iter() {
        for source in table.attributes[unit.to_native() as usize].sources.iter() {
            if let Some(bucket) = unit_bucket(table, &release.salt, source, request) {
                return Some(bucket);
            }
        }
    }
    match release.unit_missing {
        ArchivedUnitMissingRow::Stable => None,
        ArchivedUnitMissingRow::Random => Some(bucket::project(random)),
    }
}

fn unit_bucket(
    table: &ArchivedRuleTable,
    salt: &ArchivedString,
    source: &ArchivedSourceRow,
    request: &RequestView<'_>,
) -> Option<u32> {
    if source.trusted && !request.trusted {
        return None;
    }
    let mut joined = SmallVec::new();
    let value = match source.kind {
        ArchivedSourceKind::ClientIp => Some(request.client_ip.as_bytes()),
        ArchivedSourceKind::Header => believed_header(table, request, &source.name, &mut joined),
        ArchivedSourceKind::Cookie => cookie(request.headers, &source.name),
        ArchivedSourceKind::Query => query(request.query, &source.name),
    }?;
    let present = !value.is_empty() && value.len() <= UNIT_BYTES_MAX;
    present.then(|| bucket::bucket(salt.as_bytes(), value))
}
