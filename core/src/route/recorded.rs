//! A request as far as it was recorded, decided again.
//!
//! Owns the way from what a witness saw back to something that [`super::route`] reads. Does not read lines or files.
//!
//! Invariants:
//! - nothing is guessed: a decision that reads what was not recorded is none;
//! - the decision is the same code on a head that is parsed as a live one is.

use std::{cell::RefCell, collections::BTreeMap};

use bumpalo::Bump;

use super::{
    Decision, HostScratch, Input, NoTags, RequestView, UnitId, Witness, host_name, route, user,
};
use crate::{
    http::{HeadLimits, PathScratch, empty_slots, normalise, parse_request},
    signal::{device::Unremembered, geo::NoGeo, jwt::NoClaims, lists::NoLists, signature::NoKeys},
    table::Rules,
};

/// What was recorded of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The host, as received.
    pub host: String,
    /// The target, as received.
    pub target: String,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub protocol: String,
    /// Whether the caller spoke https.
    pub https: bool,
    /// The caller's address.
    pub client_ip: String,
    /// Whether the peer was trusted.
    pub trusted: bool,
    /// When it was decided, seconds since 1970.
    pub unix_s: u64,
    /// By [`Input`]: what was seen; nothing when it was not there.
    pub values: BTreeMap<String, Option<String>>,
}

/// Why it cannot be decided again: what is missing, or in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreplayable(pub String);

/// A request that can be decided by one table after the other.
#[derive(Debug)]
pub struct Replay<'a> {
    view: &'a RequestView<'a>,
    seen: &'a Seen<'a>,
    unix_s: u64,
}

impl Replay<'_> {
    /// Decides; nothing when no route matches.
    ///
    /// # Errors
    /// [`Unreplayable`] names the first value that is read and was not recorded.
    pub fn route(&self, rules: Rules<'_>) -> Result<Option<Decision>, Unreplayable> {
        let random = self.seen.recorded.values.get("random").and_then(Option::as_deref);
        let random = random.and_then(|text| u32::from_str_radix(text, 16).ok()).unwrap_or(0);
        self.seen.missing.take();
        let decision = route(rules, self.view, random, self.unix_s);
        self.seen.missing.take().map_or(Ok(decision), |missing| Err(Unreplayable(missing)))
    }

    /// Returns the bucketing key of a decision, if it was recorded.
    #[must_use]
    pub fn user<'t>(&'t self, rules: Rules<'t>, decision: &Decision) -> Option<Vec<u8>> {
        self.seen.missing.take();
        let unit = user(rules, decision, self.view).map(<[u8]>::to_vec);
        unit.filter(|_| self.seen.missing.take().is_none())
    }

    /// Returns the request.
    #[must_use]
    pub fn view(&self) -> &RequestView<'_> {
        self.view
    }
}

impl Recorded {
    /// Has `work` decide the request as often as it likes.
    ///
    /// # Errors
    /// [`Unreplayable`] when what was recorded is no request.
    pub fn replay<T>(&self, work: impl FnOnce(&Replay<'_>) -> T) -> Result<T, Unreplayable> {
        let head = self.head();
        let mut slots = empty_slots();
        let limits = HeadLimits::default();
        let parsed = parse_request(head.as_bytes(), &mut slots, &limits);
        let Ok(Some(head)) = parsed else { return Err(Unreplayable("the request itself".into())) };
        let (mut path_scratch, mut host_scratch) = (PathScratch::new(), HostScratch::new());
        let path = normalise(head.path.as_bytes(), &mut path_scratch);
        let path = path.ok_or_else(|| Unreplayable("the request's path".into()))?;
        let devices = Unremembered::default();
        let (arena, seen) = (Bump::new(), Seen { recorded: self, missing: RefCell::default() });
        let view = RequestView {
            method: head.method,
            scheme: if self.https { "https" } else { "http" },
            protocol: if head.http11 { "HTTP/1.1" } else { "HTTP/1.0" },
            host: host_name(head.host, &mut host_scratch),
            path,
            query: head.query.as_bytes(),
            headers: head.headers,
            client_ip: &self.client_ip,
            trusted: self.trusted,
            tags: &NoTags,
            devices: &devices,
            geo: &NoGeo,
            lists: &NoLists,
            claims: &NoClaims,
            signatures: &NoKeys,
            fresh_unit: UnitId::default(),
            witness: Some(&seen),
            arena: &arena,
        };
        Ok(work(&Replay { view: &view, seen: &seen, unix_s: self.unix_s }))
    }

    /// Writes the head; its fields are what the witness gives.
    fn head(&self) -> String {
        let Self { method, target, protocol, host, .. } = self;
        format!("{method} {target} {protocol}\r\nHost: {host}\r\n\r\n")
    }
}

/// Gives what was recorded, and notes what was not.
#[derive(Debug)]
struct Seen<'r> {
    recorded: &'r Recorded,
    /// The first that was read and not recorded.
    missing: RefCell<Option<String>>,
}

impl Witness for Seen<'_> {
    fn gives(&self, input: Input<'_>) -> Option<Option<&[u8]>> {
        let found = self.recorded.values.get(&input.to_string());
        if found.is_none() {
            let first = self.missing.take().unwrap_or_else(|| input.label());
            self.missing.replace(Some(first));
        }
        Some(found.and_then(Option::as_deref).map(str::as_bytes))
    }

    fn saw(&self, _: Input<'_>, _: Option<&[u8]>) {}
}

#[cfg(test)]
mod tests;
