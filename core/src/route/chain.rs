//! The chain of services a request passes: what an earlier hop decided, and what later hops are told.
//!
//! Owns who is believed about an earlier decision (between POLICY stages 4 and 5, decision 0024), what counts as a tag
//! that was lost on the way, and which member goes on. Does not read or write baggage ([`crate::http`] does).
//!
//! Invariants:
//! - only a trusted peer continues a chain; a member that another sends of any key of the tenant decides nothing and is
//!   not sent on, in no spelling;
//! - a variant that a service does not have is kept for those behind it: the service itself takes stable.

use super::{
    Decision, Input,
    asked::Asked,
    overrides::variant_named,
    trace::{Recorder, Step, text},
};
use crate::{
    http::{Baggage, Header, is_traced, is_value, value_of},
    table::{ArchivedReleaseRow, ArchivedRuleTable, Rules},
};

/// What a request of a release with a key says of the chain it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Chain {
    /// An earlier hop decided for a variant that this release has.
    Kept,
    /// An earlier hop decided for one that it has not.
    UnknownVariant,
    /// The request is part of a trace, and the service that sent it did not send on what was decided.
    Lost,
    /// A trusted peer sent it, and nothing says that it is part of anything.
    Started,
    /// Somebody sent it who is not believed: chains begin here.
    Untrusted,
}

impl Chain {
    /// Every one of them, in the order of their counters.
    pub const ALL: [Self; 5] =
        [Self::Kept, Self::UnknownVariant, Self::Lost, Self::Started, Self::Untrusted];

    /// Returns the word that metrics use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::UnknownVariant => "unknown_variant",
            Self::Lost => "lost",
            Self::Started => "started",
            Self::Untrusted => "untrusted",
        }
    }
}

/// Returns what the request says of its chain, if the release has a key, and the variant that is so decided.
pub(super) fn chained<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    request: &Asked<'_>,
    recorder: &mut R,
) -> (Option<Chain>, Option<u32>) {
    let Some(key) = release.baggage.as_ref() else { return (None, None) };
    let found = request.seen(Input::Baggage(key), || value_of(request.headers, key));
    let found = found.filter(|_| request.trusted);
    let (chain, variant) = match found {
        None if !request.trusted => (Chain::Untrusted, None),
        None if is_traced(request.headers) => (Chain::Lost, None),
        None => (Chain::Started, None),
        Some(value) => match variant_of(table, release, value) {
            Some(variant) => (Chain::Kept, Some(variant)),
            None => (Chain::UnknownVariant, Some(release.variants.start.to_native())),
        },
    };
    recorder.step(|| Step::Chain { key: key.to_string(), found: found.map(text), outcome: chain });
    (Some(chain), variant)
}

/// Returns the variant that a value names; most are written as they are.
fn variant_of(table: Rules<'_>, release: &ArchivedReleaseRow, value: &[u8]) -> Option<u32> {
    if !value.contains(&b'%') {
        return variant_named(table, release, value);
    }
    let mut variants = release.variants.start.to_native()..release.variants.end.to_native();
    variants.find(|at| is_value(value, table.variants[*at as usize].name.as_bytes()))
}

/// Returns how the baggage of a request goes on; nothing when it stays as it is.
///
/// The member of the release names the variant that serves, so that the whole chain meets one; what came from an
/// earlier hop is handed on as it came.
#[must_use]
pub fn baggage<'a>(
    table: &'a ArchivedRuleTable,
    decision: &Decision,
    serving: u32,
    headers: &'a [Header<'a>],
    trusted: bool,
) -> Option<Baggage<'a>> {
    let route = &table.routes[decision.route as usize];
    let reserved = &table.tenants[route.tenant.to_native() as usize].baggage;
    // A release's key is among its tenant's.
    if reserved.is_empty() {
        return None;
    }
    let release = decision.release.map(|at| &table.releases[at as usize]);
    let member = release.and_then(|release| release.baggage.as_ref()).map(|key| {
        let came = matches!(decision.chain, Some(Chain::Kept | Chain::UnknownVariant));
        let came = if came { value_of(headers, key) } else { None };
        let served = table.variants[serving as usize].name.as_bytes();
        (key.as_str(), came.unwrap_or(served))
    });
    Baggage::plan(headers, member, |key| {
        !trusted && reserved.binary_search_by(|one| one.as_bytes().cmp(key)).is_ok()
    })
}
