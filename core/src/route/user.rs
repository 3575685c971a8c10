//! Who asks: the bucketing key of a request, where nothing is split.
//!
//! Owns telling users apart for counts. Decisions find their key as they go ([`super::units`]).

use super::{Decision, RequestView, UNIT_COOKIE, asked::Asked, parts::part, values::Joins};
use crate::{
    limits::UNIT_BYTES_MAX,
    table::{ArchivedPartRow, ArchivedUnitMissingRow, Rules},
};

/// Returns the bucketing key that the release of a decision reads of `request`: of the first attribute and source that
/// has one; nothing where no release decided, or none is there. Nobody is to be asked for a count: tags are passed over.
#[must_use]
pub fn user<'a>(
    table: Rules<'a>,
    decision: &'a Decision,
    request: &'a RequestView<'a>,
) -> Option<&'a [u8]> {
    let release = table.table.releases.get(decision.release? as usize)?;
    let route = &table.table.routes[decision.route as usize];
    let joins = request.arena.alloc(Joins::default());
    let asked = Asked::of_tenant(request, joins, table.table, route.tenant);
    let mut sources = release
        .units
        .iter()
        .flat_map(|unit| table.table.attributes[unit.to_native() as usize].sources.iter())
        .filter(|source| request.trusted || !source.trusted)
        .filter(|source| !matches!(source.part, ArchivedPartRow::Tag { .. }));
    let is_usable = |value: &[u8]| (1..=UNIT_BYTES_MAX).contains(&value.len());
    let found =
        sources.find_map(|source| part(&asked, &source.part).filter(|value| is_usable(value)));
    if found.is_some() || !matches!(release.unit_missing, ArchivedUnitMissingRow::Mint) {
        return found;
    }
    if let Some(unit) = &decision.remember.unit {
        return Some(unit.text());
    }
    asked.signed_cookie(UNIT_COOKIE).ok().flatten().filter(|value| is_usable(value))
}
