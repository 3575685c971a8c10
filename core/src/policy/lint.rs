//! Lint: what a bundle may say but probably should not.
//!
//! Owns a rule of chains (decision 0024): releases that share a key have the variants that any of them may decide for. And
//! one of POLICY "Trust": a variant that is granted on something any client can write, as a
//! condition or by way of an expression, the segments it names and the attributes these read.
//! Path, method and host name say what is asked for, not by whom, and the address is the peer's or a
//! trusted peer's word: they are no such thing; nor is the device, which says by what (decision 0019). Does not refuse ([`super::validate`] does).
//!
//! Invariants: total, also for what validation refuses; every warning has the path of what it is about.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Attribute, Bundle, Cell, Diagnostic, GEO_LATITUDE, GEO_LONGITUDE, Release, Requires, STABLE,
    Segment, Source, Split, Target, TargetMatch, USER_ID,
};
use crate::expr::{self, Use};

/// Returns every warning about `bundle`.
#[must_use]
pub fn lint(bundle: &Bundle) -> Vec<Diagnostic> {
    let releases = bundle.releases.iter();
    releases
        .flat_map(|(name, release)| lint_release(&format!("releases.{name}"), release, bundle))
        .chain(lint_chains(bundle))
        .collect()
}

/// Returns a warning for each release that cannot follow another of its chain.
pub(super) fn lint_chains(bundle: &Bundle) -> Vec<Diagnostic> {
    let releases = bundle.releases.iter().filter_map(|(name, release)| {
        Some((name, &**release, release.propagate.as_ref()?.baggage.as_str()))
    });
    // By key, each canary with a release that may decide for it.
    let mut canaries: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (name, release, key) in releases.clone() {
        canaries.entry(key).or_default().entry(&release.canary).or_insert(name);
    }
    let warning = |(name, release, key): (&String, &Release, &str)| {
        let own = &bundle.upstreams.get(&release.upstream)?.variants;
        // That a release has its own canary is for validation to say.
        let mut others = canaries.get(key)?.iter().filter(|(_, other)| **other != name.as_str());
        let missing = others.find(|(canary, _)| !own.contains_key(**canary));
        let (canary, other) = missing?;
        let message = format!(
            "{:?} has no variant {canary:?}, which release {other:?} of the same chain may decide for: such requests go to stable",
            release.upstream
        );
        Some(Diagnostic::new(format!("releases.{name}.propagate.baggage"), message))
    };
    releases.filter_map(warning).collect()
}

pub(super) fn lint_release(path: &str, release: &Release, bundle: &Bundle) -> Vec<Diagnostic> {
    let open =
        release.overrides.iter().enumerate().filter(|(_, one)| one.requires == Requires::Any);
    let overrides = open.map(|(at, one)| {
        let path = format!("{path}.overrides[{at}].requires");
        let granted = format!("any client may take any variant by the header {:?}", one.header);
        Diagnostic::new(path, format!("{granted}; expected \"trusted\""))
    });
    let targets = release.targets.iter().enumerate();
    let targets = targets.filter_map(|(at, target)| {
        let path = format!("{path}.targets[{at}]");
        let when = || lint_when(&path, target, bundle);
        lint_target(&path, target).or_else(when).or_else(|| lint_nested(&path, target, bundle))
    });
    overrides.chain(targets).collect()
}

fn lint_when(path: &str, target: &Target, bundle: &Bundle) -> Option<Diagnostic> {
    let granted = granted(target)?;
    let written = client_written_values(target.when.as_ref()?, bundle);
    if written.is_empty() {
        return None;
    }
    let written: Vec<String> = written.into_iter().collect();
    let message = format!(
        "any client may take {granted} by sending {}; use a value that is trusted or verified, or accept it",
        written.join(" or ")
    );
    Some(Diagnostic::new(format!("{path}.when"), message))
}

fn lint_nested(path: &str, target: &Target, bundle: &Bundle) -> Option<Diagnostic> {
    let (levels, table) = (target.nested.as_ref()?, target.table.as_ref()?);
    let gives = |cell: &Cell| {
        let variant = cell.variant.as_ref().is_some_and(|variant| variant != STABLE);
        variant || cell.split(STABLE).is_some_and(|split| gives_weight(&split))
    };
    table.cells().iter().find(|(_, cell)| gives(cell))?;
    let levels = levels.iter().filter_map(|level| bundle.attributes.get(level));
    let written: BTreeSet<String> =
        levels.flat_map(|attribute| written_by_clients(attribute, bundle)).collect();
    if written.is_empty() {
        return None;
    }
    let written: Vec<String> = written.into_iter().collect();
    let message = format!(
        "any client may choose its cell by sending {}; use values that are trusted or verified, or accept it",
        written.join(" or ")
    );
    Some(Diagnostic::new(format!("{path}.nested"), message))
}

/// Returns whether a split gives anything to another variant than stable.
fn gives_weight(split: &Split) -> bool {
    match split {
        Split::Named(_) => true,
        Split::Weights(weights) => weights.values().any(|weight| weight.ppm() > 0),
    }
}

/// Returns what an expression reads that any client can write at will, also through segments.
fn client_written_values(text: &str, bundle: &Bundle) -> BTreeSet<String> {
    written_through(vec![text], bundle)
}

/// Returns whether whoever names segments reads the same of what any client can write in both bundles, which differ in
/// nothing but segments, releases and routes.
pub(super) fn segments_read_alike(before: &Bundle, after: &Bundle) -> bool {
    let written = |segment: &Segment, bundle: &Bundle| {
        let mut written = written_through(segment.when.as_deref().into_iter().collect(), bundle);
        written.extend(written_by_members(segment, bundle));
        written
    };
    // What names a segment reads what that reads: if those that differ read the same, so does everything.
    let mut both = before.segments.iter().zip(&after.segments);
    before.segments.len() == after.segments.len()
        && both.all(|((a, old), (b, new))| {
            a == b && (old == new || written(old, before) == written(new, after))
        })
}

/// Returns what any client can write at will of what decides who is a member of a segment that is a list.
fn written_by_members(segment: &Segment, bundle: &Bundle) -> Vec<String> {
    let id = segment.members.as_ref().and(bundle.attributes.get(USER_ID));
    id.map(|id| written_by_clients(id, bundle)).unwrap_or_default()
}

/// Returns what expressions read that any client can write at will, also through segments.
fn written_through<'a>(mut texts: Vec<&'a str>, bundle: &'a Bundle) -> BTreeSet<String> {
    let attributes = bundle.attributes.iter().flat_map(|(name, attribute)| {
        let names = [Some(name), attribute.alias.as_ref()].into_iter().flatten();
        names.map(move |name| (name.as_str(), attribute))
    });
    let attributes: BTreeMap<&str, _> = attributes.collect();
    let mut written = BTreeSet::new();
    let mut seen = BTreeSet::new();
    while let Some(text) = texts.pop() {
        for used in expr::uses(text) {
            match used {
                Use::Name(name) => {
                    // `geo` is what `within` is asked of.
                    let named: &[&str] = match name.as_str() {
                        "geo" | "geohash" => &[GEO_LATITUDE, GEO_LONGITUDE],
                        name => &[name],
                    };
                    let named = named.iter().filter_map(|name| attributes.get(name));
                    written.extend(named.flat_map(|one| written_by_clients(one, bundle)));
                }
                Use::Header(name) => drop(written.insert(format!("the header {name:?}"))),
                Use::Cookie(name) => drop(written.insert(format!("the cookie {name:?}"))),
                Use::Query(name) => drop(written.insert(format!("the query parameter {name:?}"))),
                Use::Segment(called) => {
                    let mut named = bundle.segments.iter();
                    let named =
                        named.find(|(name, _)| **name == called || expr::is_spelled(name, &called));
                    if let Some((name, segment)) = named
                        && seen.insert(name)
                    {
                        texts.extend(segment.when.as_deref());
                        written.extend(written_by_members(segment, bundle));
                    }
                }
            }
        }
    }
    written
}

/// Returns how any client can choose the value of an attribute. A tag is as good as the id it is looked up by, a geohash
/// as what says where the caller is.
fn written_by_clients(attribute: &Attribute, bundle: &Bundle) -> Vec<String> {
    let of = |name: &str| bundle.attributes.get(name).map(|one| one.from.as_slice());
    let mut written = Vec::new();
    for source in &attribute.from {
        let behind =
            if source.geohash.is_some() { &[GEO_LATITUDE, GEO_LONGITUDE][..] } else { &[] };
        let behind = behind.iter().filter_map(|name| of(name)).flatten();
        for source in behind.chain([source]) {
            let sources = match &source.tags {
                Some(_) => of(USER_ID).unwrap_or_default(),
                None => std::slice::from_ref(source),
            };
            written.extend(sources.iter().filter_map(Source::client_written));
        }
    }
    written
}

fn lint_target(path: &str, target: &Target) -> Option<Diagnostic> {
    let matched = target.matched.as_ref().filter(|matched| matched.source_ranges.is_empty())?;
    let granted = granted(target)?;
    let (field, written) = client_written(matched)?;
    let message = format!(
        "any client may take {granted} by sending {written}; add sourceRanges, or accept it"
    );
    let warning = Diagnostic::new(format!("{path}.match.{field}"), message);
    Some(warning.for_lack_of(&format!("{path}.match"), &["sourceRanges"]))
}

/// Says what a target gives away; nothing when that is stable alone.
fn granted(target: &Target) -> Option<String> {
    if let Some(variant) = target.variant.as_ref().filter(|variant| *variant != STABLE) {
        return Some(format!("variant {variant:?}"));
    }
    let gives = target.split.as_ref().is_some_and(gives_weight);
    gives.then(|| "a part of this target's variants".to_owned())
}

/// Returns the first field whose conditions a client can meet at will, and what it has to send.
fn client_written(matched: &TargetMatch) -> Option<(&'static str, String)> {
    let kinds = [
        ("headers", "header", &matched.headers),
        ("cookies", "cookie", &matched.cookies),
        ("queryParams", "query parameter", &matched.query_params),
    ];
    let sent = kinds.iter().flat_map(|(_, kind, values)| {
        values.iter().map(move |value| format!("the {kind} {:?}", value.name))
    });
    let sent: Vec<String> = sent.collect();
    let (field, ..) = kinds.iter().find(|(_, _, values)| !values.is_empty())?;
    Some((field, sent.join(" and ")))
}

#[cfg(test)]
mod tests;
