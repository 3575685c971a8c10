//! The decision: which release and which variant a request takes.
//!
//! Owns stages 2 to 8 of POLICY "One request, in this order". It is the only decision code: workers,
//! explain, replay and simulation call [`route`]. Does not choose an instance and knows no health.
//!
//! Invariants: total (every request and every verified table give an answer), no allocation unless a
//! header is repeated, randomness is an argument.

use rkyv::string::ArchivedString;
use smallvec::SmallVec;

use crate::{
    bucket,
    http::{Header, Mask},
    limits::UNIT_BYTES_MAX,
    table::{
        ArchivedDefaultRow, ArchivedPathRow, ArchivedReleaseRow, ArchivedRouteRow,
        ArchivedRuleTable, ArchivedSourceKind, ArchivedSourceRow, ArchivedSpan,
        ArchivedUnitMissingRow, NONE,
    },
};

mod values;

pub use values::{HostScratch, host_name};
use values::{cookie, header, query};

/// What a decision may read of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The host name: lower case, without port ([`host_name`]).
    pub host: &'a [u8],
    /// The path in normal form ([`crate::http::normalise`]).
    pub path: &'a [u8],
    /// The query as received, without its question mark.
    pub query: &'a [u8],
    /// The fields.
    pub headers: &'a [Header<'a>],
    /// The caller's address as RFC 5952 text.
    pub client_ip: &'a str,
    /// Whether the peer is trusted.
    pub trusted: bool,
}

/// Why a variant was chosen, in OpenFeature's words where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// The route names an upstream: there was nothing to decide.
    Static,
    /// The release is switched off.
    Disabled,
    /// A header named the variant.
    Override,
    /// Nothing else took the request.
    Default,
    /// The bucket lies in a range.
    Split,
}

impl Reason {
    /// Returns the word that logs, spans and explain use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Disabled => "DISABLED",
            Self::Override => "OVERRIDE",
            Self::Default => "DEFAULT",
            Self::Split => "SPLIT",
        }
    }
}

/// What was decided, by rows of the table it was decided with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The row in `routes`.
    pub route: u32,
    /// The row in `releases`, if a release decided.
    pub release: Option<u32>,
    /// The row in `variants`.
    pub variant: u32,
    /// Why.
    pub reason: Reason,
    /// The bucket, where one was looked at.
    pub bucket: Option<u32>,
}

/// Decides; nothing when no route matches.
///
/// `random` is a number nobody can predict or repeat: it stands in for a bucketing key where the
/// release asks for that.
#[must_use]
pub fn route(
    table: &ArchivedRuleTable,
    request: &RequestView<'_>,
    random: u32,
) -> Option<Decision> {
    let (at, found) = find_route(table, request)?;
    let release = found.release.to_native();
    if release == NONE {
        let variant = found.variant.to_native();
        return Some(Decision {
            route: at,
            release: None,
            variant,
            reason: Reason::Static,
            bucket: None,
        });
    }
    let row = &table.releases[release as usize];
    let (variant, reason, bucket) = decide(table, row, request, random);
    Some(Decision { route: at, release: Some(release), variant, reason, bucket })
}

/// Returns the fields that an untrusted peer may not send on.
#[must_use]
pub fn reserved(table: &ArchivedRuleTable, headers: &[Header<'_>]) -> Mask {
    let mut mask = Mask::default();
    for (index, header) in headers.iter().enumerate() {
        if table.reserved.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
            mask.insert(index);
        }
    }
    mask
}

/// Finds the first route by host name (exact, wildcard longest first, any), then by precedence.
fn find_route<'t>(
    table: &'t ArchivedRuleTable,
    request: &RequestView<'_>,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let exact = table.hosts.binary_search_by(|host| host.name.as_bytes().cmp(request.host)).ok();
    if let Some(found) =
        exact.and_then(|at| find_path(table, &table.hosts[at].routes, request.path))
    {
        return Some(found);
    }
    for host in table.wildcards.iter() {
        let suffix = host.name.as_bytes();
        let matches = request.host.len() > suffix.len() && request.host.ends_with(suffix);
        if let Some(found) = find_path(table, &host.routes, request.path).filter(|_| matches) {
            return Some(found);
        }
    }
    find_path(table, &table.any_host, request.path)
}

fn find_path<'t>(
    table: &'t ArchivedRuleTable,
    routes: &ArchivedSpan,
    path: &[u8],
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let span = routes.start.to_native()..routes.end.to_native();
    span.map(|at| (at, &table.routes[at as usize])).find(|(_, row)| match &row.path {
        ArchivedPathRow::Exact(exact) => exact.as_bytes() == path,
        ArchivedPathRow::Prefix(prefix) => {
            path.strip_prefix(prefix.as_bytes())
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
                || prefix.is_empty()
        }
    })
}

fn decide(
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

#[cfg(test)]
mod tests;
