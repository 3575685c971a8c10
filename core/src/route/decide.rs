//! Deciding inside a release: POLICY stages 3 to 8.
//!
//! Owns kill switch, overrides, default and split; the bucketing key.

use rkyv::string::ArchivedString;
use smallvec::SmallVec;

use super::{
    Reason, RequestView,
    values::{cookie, header, query},
};
use crate::{
    bucket,
    limits::UNIT_BYTES_MAX,
    table::{
        ArchivedDefaultRow, ArchivedReleaseRow, ArchivedRuleTable, ArchivedSourceKind,
        ArchivedSourceRow, ArchivedUnitMissingRow,
    },
};

pub(super) fn decide(
    table: &ArchivedRuleTable,
    release: &ArchivedReleaseRow,
    request: &RequestView<'_>,
    random: u32,
) -> (u32, Reason, Option<u32>) {
    let stable = release.variants.start.to_native();
    if release.disabled {
        return (stable, Reason::Disabled, None);
    }
    if let Some(variant) = overridden(table, release, request) {
        return (variant, Reason::Override, None);
    }
    match &release.default {
        ArchivedDefaultRow::Variant(variant) => (variant.to_native(), Reason::Default, None),
        ArchivedDefaultRow::Split(ranges) => {
            let Some(bucket) = bucket_of(table, release, request, random) else {
                return (stable, Reason::Default, None);
            };
            let after = ranges.partition_point(|range| range.end.to_native() <= bucket);
            let range = ranges.get(after).filter(|range| range.start.to_native() <= bucket);
            (range.map_or(stable, |range| range.variant.to_native()), Reason::Split, Some(bucket))
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
        let Some(wanted) = header(request.headers, &rule.header, &mut joined) else { continue };
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
            if let Some(bucket) = unit_bucket(&release.salt, source, request) {
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
        ArchivedSourceKind::Header => header(request.headers, &source.name, &mut joined),
        ArchivedSourceKind::Cookie => cookie(request.headers, &source.name),
        ArchivedSourceKind::Query => query(request.query, &source.name),
    }?;
    let present = !value.is_empty() && value.len() <= UNIT_BYTES_MAX;
    present.then(|| bucket::bucket(salt.as_bytes(), value))
}
