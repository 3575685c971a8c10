//! The canonical form of a bundle, and its digest.
//!
//! Owns the one text that two bundles share exactly when they ask for the same thing: JSON with
//! sorted keys, defaults written out, comments and spelling gone. It is kept in runs of a few releases or
//! routes, so that what a change leaves alone is neither written out nor stored again.
//!
//! Invariants: the canonical form reads back as a bundle that is served alike; its canonical form is
//! itself; what cannot be told apart when served is not told apart here: salts, what happens without
//! a healthy instance, the case of header names, labels by their text. Runs follow from the bundle alone: equal
//! bundles have equal runs, however they came about.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    Attribute, Bundle, Collection, Label, OnNoHealthy, Release, Route, STABLE, Upstream,
    ValueMatch, difference::common,
};

mod hashed;
mod runs;

use hashed::{Hashed, digest_of};
pub use runs::{Fragment, Run, RunDigest};
use runs::{List, runs_after};

/// Returns the digest that names `bundle`: `sha256:` and 64 hexadecimal digits of its canonical form.
#[must_use]
pub fn digest(bundle: &Bundle) -> String {
    Canonical::of(bundle).digest().to_owned()
}

/// Returns the canonical form of a validated bundle, as it is shown.
#[must_use]
pub fn canonical_text(bundle: &Bundle) -> String {
    Canonical::of(bundle).text()
}

/// Returns the digest that names a text: `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn text_digest(text: &str) -> String {
    digest_of(Sha256::new_with_prefix(text))
}

/// The canonical form of a validated bundle, in runs.
#[derive(Clone, Debug)]
pub struct Canonical {
    head: Run,
    releases: Vec<Run>,
    routes: Vec<Run>,
    tail: Run,
    /// Made by whoever first asks for it: it takes as long as the rest of a judgement.
    digest: OnceLock<Hashed>,
    /// From where on it has to be made.
    known: Hashed,
    bytes: usize,
}

impl PartialEq for Canonical {
    fn eq(&self, other: &Self) -> bool {
        // Runs follow from the text: equal texts have equal runs, and only these.
        self.head == other.head
            && self.releases == other.releases
            && self.routes == other.routes
            && self.tail == other.tail
    }
}

impl Eq for Canonical {}

impl Canonical {
    /// Writes out a bundle.
    #[must_use]
    pub fn of(bundle: &Bundle) -> Self {
        let (routes, releases) = (routes(&[], 0, bundle, (0, 0)), releases(&[], 0, bundle, (0, 0)));
        Self::made(head(bundle), releases, routes, tail(bundle))
    }

    /// Writes out what `after` has and `before`, whose form this is, does not share with it.
    #[must_use]
    pub fn after(&self, before: &Bundle, after: &Bundle) -> Self {
        let shared = common(&before.routes, &after.routes, Arc::ptr_eq);
        let routes = routes(&self.routes, before.routes.len(), after, shared);
        // What is written out of a release depends on the variants there are.
        let same_upstreams = before.upstreams == after.upstreams;
        let shared = if same_upstreams { common_releases(before, after) } else { (0, 0) };
        let releases = releases(&self.releases, before.releases.len(), after, shared);
        let same_head = before.api_version == after.api_version
            && before.kind == after.kind
            && before.metadata == after.metadata
            && before.attributes == after.attributes;
        let head = if same_head { self.head.clone() } else { head(after) };
        let same_tail = same_upstreams && before.segments == after.segments;
        let tail = if same_tail { self.tail.clone() } else { tail(after) };
        let mut next = Self::made(head, releases, routes, tail);
        if let Some(hashed) = self.digest.get() {
            next.known = hashed.until(same_fragments(self, &next));
        }
        next
    }

    fn made(head: Run, releases: Vec<Run>, routes: Vec<Run>, tail: Run) -> Self {
        let digest = OnceLock::new();
        let known = Hashed::default();
        let mut canonical = Self { head, releases, routes, tail, digest, known, bytes: 0 };
        canonical.bytes = canonical.fragments().map(|fragment| fragment.text().len()).sum();
        canonical
    }

    /// Returns its digest: `sha256:` and 64 hexadecimal digits. When it is asked for first, this reads the text from
    /// where it differs from the one before (10 ms for 18 MB).
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest.get_or_init(|| self.known.go_on(self.fragments())).digest
    }

    /// Returns how long its text is, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns its text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes);
        self.fragments().for_each(|fragment| text.push_str(fragment.text()));
        text
    }

    /// Returns what its text consists of, in order.
    pub fn fragments(&self) -> impl Iterator<Item = Fragment<'_>> {
        let list = |open: &'static str, runs, close: &'static str| {
            let runs: &[Run] = runs;
            let ends = if runs.is_empty() { ["", ""] } else { [open, close] };
            let runs = runs.iter().enumerate().flat_map(|(at, run)| {
                let comma = if at == 0 { "" } else { "," };
                [Fragment::Literal(comma), Fragment::Run(run)]
            });
            let [open, close] = ends.map(|end| [Fragment::Literal(end)]);
            open.into_iter().chain(runs).chain(close)
        };
        let releases = list(",\"releases\":{", &self.releases, "}");
        let routes = list(",\"routes\":[", &self.routes, "]");
        let all = [Fragment::Run(&self.head)].into_iter().chain(releases).chain(routes);
        let all = all.chain([Fragment::Run(&self.tail)]);
        all.filter(|fragment| !fragment.text().is_empty())
    }
}

/// Returns how many parts two texts have in common at their starts.
fn same_fragments(before: &Canonical, after: &Canonical) -> usize {
    let mut both = before.fragments().zip(after.fragments());
    let same = |(a, b)| match (a, b) {
        (Fragment::Literal(a), Fragment::Literal(b)) => a == b,
        (Fragment::Run(a), Fragment::Run(b)) => a.digest() == b.digest(),
        _ => false,
    };
    both.position(|pair| !same(pair)).unwrap_or_else(|| before.fragments().count())
}

/// Runs of routes have 128 of them on average: some 12 KiB, and few of the largest bundle.
const ROUTES_MASK: u64 = 127;
/// Runs of releases have 8 of them on average: each may have thousands of targets.
const RELEASES_MASK: u64 = 7;

fn routes(before: &[Run], len: usize, after: &Bundle, shared: (usize, usize)) -> Vec<Run> {
    let routes = &after.routes;
    let list = List {
        len: routes.len(),
        name: |at: usize| routes[at].name.as_str(),
        text: |at: usize| canonical_route(&routes[at]),
        mask: ROUTES_MASK,
    };
    runs_after(before, len, &list, shared)
}

fn releases(before: &[Run], len: usize, after: &Bundle, shared: (usize, usize)) -> Vec<Run> {
    let all: Vec<_> = after.releases.iter().collect();
    let text = |at: usize| {
        let (name, release) = all[at];
        let text = canonical_release(name, release, after.upstreams.get(&release.upstream));
        format!("{}:{text}", sorted(name))
    };
    let name = |at: usize| all[at].0.as_str();
    let list = List { len: all.len(), name, text, mask: RELEASES_MASK };
    runs_after(before, len, &list, shared)
}

fn common_releases(before: &Bundle, after: &Bundle) -> (usize, usize) {
    let [before, after] = [before, after].map(|one| one.releases.iter().collect::<Vec<_>>());
    common(&before, &after, |a, b| a.0 == b.0 && Arc::ptr_eq(a.1, b.1))
}

/// Returns everything up to where releases stand.
fn head(bundle: &Bundle) -> Run {
    let mut attributes = bundle.attributes.clone();
    attributes.values_mut().for_each(write_out_attribute);
    let head = Bundle {
        api_version: bundle.api_version.clone(),
        kind: bundle.kind.clone(),
        metadata: bundle.metadata.clone(),
        attributes,
        segments: Default::default(),
        upstreams: Default::default(),
        routes: Vec::new(),
        releases: Default::default(),
    };
    let text = sorted(&head);
    Run::new(1, text.strip_suffix('}').unwrap_or(&text))
}

/// Returns everything behind the routes.
fn tail(bundle: &Bundle) -> Run {
    let mut text = String::new();
    if !bundle.segments.is_empty() {
        let _ = write!(text, ",\"segments\":{}", sorted(&bundle.segments));
    }
    if !bundle.upstreams.is_empty() {
        let mut upstreams = bundle.upstreams.clone();
        upstreams.values_mut().for_each(write_out_upstream);
        let _ = write!(text, ",\"upstreams\":{}", sorted(&upstreams));
    }
    text.push('}');
    Run::new(1, &text)
}

/// Returns the canonical form of one route.
#[must_use]
pub fn canonical_route(route: &Route) -> String {
    let mut route = route.clone();
    for rule in &mut route.rules {
        // Nothing in it is nothing.
        rule.timeouts = rule.timeouts.filter(|timeouts| *timeouts != Default::default());
        rule.limits = rule.limits.filter(|limits| *limits != Default::default());
        rule.matches.iter_mut().for_each(|matched| lower_case(&mut matched.headers));
    }
    sorted(&route)
}

/// Returns the canonical form of one release, given its upstream.
#[must_use]
pub fn canonical_release(name: &str, release: &Release, upstream: Option<&Upstream>) -> String {
    let mut release = release.clone();
    write_out_release(name, &mut release, upstream);
    sorted(&release)
}

/// Returns the canonical form of one object of a bundle; nothing when it is not there.
pub(super) fn canonical_object(
    bundle: &Bundle,
    collection: Collection,
    name: &str,
) -> Option<String> {
    Some(match collection {
        Collection::Attributes => {
            let mut attribute = bundle.attributes.get(name)?.clone();
            write_out_attribute(&mut attribute);
            sorted(&attribute)
        }
        Collection::Segments => sorted(bundle.segments.get(name)?),
        Collection::Upstreams => {
            let mut upstream = bundle.upstreams.get(name)?.clone();
            write_out_upstream(&mut upstream);
            sorted(&upstream)
        }
        Collection::Releases => {
            let release = bundle.releases.get(name)?;
            canonical_release(name, release, bundle.upstreams.get(&release.upstream))
        }
        Collection::Routes => {
            canonical_route(bundle.routes.iter().find(|route| route.name == name)?)
        }
    })
}

/// Returns JSON with sorted keys: a value tree sorts them. The types written (text, numbers, maps with text keys)
/// cannot fail to serialise.
fn sorted(value: &impl Serialize) -> String {
    serde_json::to_value(value).map(|value| value.to_string()).unwrap_or_default()
}

fn write_out_attribute(attribute: &mut Attribute) {
    attribute.default.iter_mut().for_each(|label| *label = Label::Text(label.to_string()));
    for source in &mut attribute.from {
        source.header.iter_mut().for_each(|name| name.make_ascii_lowercase());
    }
}

fn write_out_upstream(upstream: &mut Upstream) {
    upstream.timeouts = upstream.timeouts.filter(|timeouts| *timeouts != Default::default());
    for variant in upstream.variants.values_mut() {
        for label in variant.select.values_mut() {
            *label = Label::Text(label.to_string());
        }
    }
}

fn write_out_release(name: &str, release: &mut Release, upstream: Option<&Upstream>) {
    release.salt.get_or_insert_with(|| name.to_owned());
    for variant in upstream.into_iter().flat_map(|upstream| upstream.variants.keys()) {
        let default =
            if variant == STABLE { OnNoHealthy::Fail } else { OnNoHealthy::FallbackStable };
        release.on_no_healthy.entry(variant.clone()).or_insert(default);
    }
    for rule in &mut release.overrides {
        rule.header.make_ascii_lowercase();
    }
    for matched in release.targets.iter_mut().filter_map(|target| target.matched.as_mut()) {
        lower_case(&mut matched.headers);
    }
}

fn lower_case(headers: &mut [ValueMatch]) {
    for matched in headers {
        matched.name.make_ascii_lowercase();
    }
}

#[cfg(test)]
mod tests;
