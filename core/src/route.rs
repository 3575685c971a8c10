//! The decision: which release and which variant a request takes.
//!
//! Owns stages 2 to 8 of POLICY "One request, in this order". It is the only decision code: workers,
//! replay and simulation call [`route`], explain
//! the same code with a recorder ([`trace`]). Does not choose an instance and knows no health.
//!
//! What requests do not say themselves is asked of readers: tags of a [`TagReader`], regions of a [`GeoReader`], members of
//! lists of a [`ListReader`], claims of their tokens of a [`ClaimReader`]; what their clients are, of a [`DeviceReader`].
//!
//! Invariants: total (every request and every verified table give an answer), no allocation but in the arena (what was
//! read, repeated headers, geohashes); randomness is an argument.

use bumpalo::Bump;

use crate::{
    http::{Header, Mask, is_like},
    signal::{
        device::DeviceReader, geo::GeoReader, jwt::ClaimReader, lists::ListReader,
        signature::Signatures,
    },
    table::{ArchivedOnNoHealthyRow, ArchivedRuleTable, NONE, Rules},
};

mod asked;
#[cfg(test)]
pub(crate) mod bare;
mod chain;
mod conditions;
mod decide;
mod evaluate;
mod find;
mod memo;
mod nested;
mod overrides;
mod parts;
mod pins;
mod recorded;
mod remember;
pub mod trace;
mod units;
mod user;
mod value;
mod values;
mod witness;

use asked::Asked;
pub use chain::{Chain, baggage};
use decide::{Choice, decide};
use find::find_route;
pub use find::tenant_of_host;
use memo::Memo;
pub use recorded::{Recorded, Replay, Unreplayable};
pub use remember::{Remember, UNIT_COOKIE, UnitId, is_kept, pin_cookie, pin_value};
use trace::{Recorder, Silent, Step};
pub use user::user;
pub use value::Fault;
use values::Joins;
pub use values::{HostScratch, cookie, host_name};
pub use witness::{Input, Witness};

/// What a decision may read of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The method.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'a str,
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
    /// What is known of users beside their requests.
    pub tags: &'a dyn TagReader,
    /// Who is told what is read.
    pub witness: Option<&'a dyn Witness>,
    /// What is known of the caller's address.
    pub geo: &'a dyn GeoReader,
    /// Who is a member of what.
    pub lists: &'a dyn ListReader,
    /// Who verifies what is signed.
    pub signatures: &'a dyn Signatures,
    /// A bucketing key that nobody can predict and that no other request is given.
    pub fresh_unit: UnitId,
    /// What the client is.
    pub devices: &'a dyn DeviceReader,
    /// What the caller's token says, if it is good.
    pub claims: &'a dyn ClaimReader,
    /// Where values that have to be put together are kept while the decision is taken.
    pub arena: &'a Bump,
}

/// What is known of users, as far as a decision asks for it.
///
/// A decision does not wait. A reader that does not know an id yet says so to whoever asked for the decision, who may
/// take it again once more is known; what is not known then is not there.
pub trait TagReader: std::fmt::Debug {
    /// Returns the tag `name` of `id`, a user of `tenant`; nothing when it has none, or none is known now.
    fn tag(&self, tenant: &str, id: &str, name: &str) -> Option<&str>;
}

/// Knows no user.
#[derive(Clone, Copy, Debug)]
pub struct NoTags;

impl TagReader for NoTags {
    fn tag(&self, _: &str, _: &str, _: &str) -> Option<&str> {
        None
    }
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
    /// A pin that an earlier decision set, or an earlier hop of the same chain, named it.
    Cached,
    /// The request is in an audience.
    TargetingMatch,
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
            Self::Cached => "CACHED",
            Self::TargetingMatch => "TARGETING_MATCH",
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
    /// The target that took it: its place in the release's `targets`.
    pub target: Option<u32>,
    /// The cell of its nested table: its place among the target's `choices`.
    pub cell: Option<u32>,
    /// The bucket, where one was looked at.
    pub bucket: Option<u32>,
    /// What the caller is to remember of it.
    pub remember: Remember,
    /// What the request said of the chain it is part of, where that was asked.
    pub chain: Option<Chain>,
}

/// Decides; nothing when no route matches.
///
/// `random` is a number nobody can predict or repeat: it stands in for a bucketing key where the
/// release asks for that. `now_unix_s` is the time in seconds since 1970, for what expires.
#[must_use]
pub fn route<'a>(
    table: Rules<'a>,
    request: &'a RequestView<'a>,
    random: u32,
    now_unix_s: u64,
) -> Option<Decision> {
    route_told(table, request, random, now_unix_s, &mut Silent)
}

/// Decides as [`route`] does (which is this, told to nobody), and tells `recorder` each step.
#[must_use]
pub fn route_told<'a, R: Recorder>(
    table: Rules<'a>,
    request: &'a RequestView<'a>,
    random: u32,
    now_unix_s: u64,
    recorder: &mut R,
) -> Option<Decision> {
    let joins = Joins::default();
    let (at, found) = find_route(table, request, &joins, recorder)?;
    let release = found.release.to_native();
    if release == NONE {
        let variant = found.variant.to_native();
        recorder
            .step(|| Step::Static { variant: table.variants[variant as usize].name.to_string() });
        return Some(Decision {
            route: at,
            release: None,
            variant,
            reason: Reason::Static,
            target: None,
            cell: None,
            bucket: None,
            remember: Remember::default(),
            chain: None,
        });
    }
    let row = &table.table.releases[release as usize];
    let memo = request.arena.alloc_with(Memo::default);
    let asked = Asked::of_tenant(request, &joins, table.table, found.tenant).with(memo);
    let Choice { variant, reason, target, cell, bucket, remember, chain } =
        decide(table, row, &asked, random, now_unix_s, recorder);
    let release = Some(release);
    Some(Decision { route: at, release, variant, reason, target, cell, bucket, remember, chain })
}

/// Returns the variant that takes the request when the decided one has no healthy instance (POLICY
/// stage 9); nothing when it is to be refused. The decision and its reason stay.
#[must_use]
pub fn fallback(table: &ArchivedRuleTable, decision: &Decision) -> Option<u32> {
    let release = &table.releases[decision.release? as usize];
    let stable = release.variants.start.to_native();
    let at = decision.variant.checked_sub(stable)? as usize;
    match release.on_no_healthy.get(at)? {
        ArchivedOnNoHealthyRow::FallbackStable => Some(stable),
        ArchivedOnNoHealthyRow::Fail => None,
    }
}

/// Returns the fields that an untrusted peer may not send on along the row `route`: those that the
/// route's tenant chooses variants by. Another tenant's are a header like any other.
#[must_use]
pub fn reserved(table: &ArchivedRuleTable, route: u32, headers: &[Header<'_>]) -> Mask {
    let tenant = table.routes[route as usize].tenant.to_native();
    let reserved = &table.tenants[tenant as usize].reserved;
    let mut mask = Mask::default();
    for (index, header) in headers.iter().enumerate() {
        if reserved.iter().any(|name| is_like(header.name, name)) {
            mask.insert(index);
        }
    }
    mask
}

#[cfg(test)]
mod tests;
