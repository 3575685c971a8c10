//! What was changed between two bundles of one tenant.
//!
//! Owns the comparison and the sharing that makes it cheap: objects that both bundles have in common are the
//! same in memory, so that what costs time looks at the others only. Does not judge.
//!
//! Invariants:
//! - objects that are told as unchanged are equal; those told as changed may be equal, too;
//! - the order of routes is told apart: precedence decides, and does not know it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{Bundle, Release, Route};

/// A release before and after a change; nothing where it is not there.
pub type ReleaseChange<'a> = (Option<&'a Arc<Release>>, Option<&'a Arc<Release>>);

/// The difference between two bundles.
#[derive(Debug, Default)]
pub struct Difference<'a> {
    /// Routes that only the earlier one has.
    pub routes_before: Vec<&'a Arc<Route>>,
    /// Routes that only the later one has.
    pub routes_after: Vec<&'a Arc<Route>>,
    /// Whether routes that both have stand in another order.
    pub reordered: bool,
    /// Releases that differ, by name.
    pub releases: BTreeMap<&'a str, ReleaseChange<'a>>,
    /// Whether segments differ.
    pub segments: bool,
    /// Whether anything else differs: attributes, upstreams, the head.
    pub others: bool,
}

impl<'a> Difference<'a> {
    /// Compares two bundles; costs a look at each pointer, and at what is not shared.
    #[must_use]
    pub fn between(before: &'a Bundle, after: &'a Bundle) -> Self {
        let Routes { routes_before, routes_after, reordered } =
            Routes::between(&before.routes, &after.routes);
        let mut releases = BTreeMap::new();
        for (name, release) in &after.releases {
            let known = before.releases.get(name);
            if !known.is_some_and(|known| Arc::ptr_eq(known, release)) {
                releases.insert(name.as_str(), (known, Some(release)));
            }
        }
        for (name, release) in &before.releases {
            if !after.releases.contains_key(name) {
                releases.insert(name.as_str(), (Some(release), None));
            }
        }
        let same = before.api_version == after.api_version
            && before.kind == after.kind
            && before.metadata == after.metadata
            && before.attributes == after.attributes
            && before.upstreams == after.upstreams;
        let segments = before.segments != after.segments;
        Self { routes_before, routes_after, reordered, releases, segments, others: !same }
    }

    /// Returns whether releases came or went.
    #[must_use]
    pub fn has_other_releases(&self) -> bool {
        self.releases.values().any(|(before, after)| before.is_some() != after.is_some())
    }

    /// Returns whether nothing differs but, perhaps, the order of routes.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.routes_before.is_empty()
            && self.routes_after.is_empty()
            && self.releases.is_empty()
            && !self.segments
            && !self.others
    }
}

/// How two lists of routes differ.
struct Routes<'a> {
    routes_before: Vec<&'a Arc<Route>>,
    routes_after: Vec<&'a Arc<Route>>,
    reordered: bool,
}

impl<'a> Routes<'a> {
    fn between(before: &'a [Arc<Route>], after: &'a [Arc<Route>]) -> Self {
        let (start, end) = common(before, after, Arc::ptr_eq);
        let before = &before[start..before.len() - end];
        let after = &after[start..after.len() - end];
        let places = |list: &[Arc<Route>]| -> HashSet<*const Route> {
            list.iter().map(Arc::as_ptr).collect()
        };
        let (in_before, in_after) = (places(before), places(after));
        let split = |list: &'a [Arc<Route>], other: &HashSet<*const Route>| {
            list.iter().partition::<Vec<_>, _>(|route| !other.contains(&Arc::as_ptr(route)))
        };
        let (routes_before, shared_before) = split(before, &in_after);
        let (routes_after, shared_after) = split(after, &in_before);
        let mut pairs = shared_before.iter().zip(&shared_after);
        let reordered = !pairs.all(|(a, b)| Arc::ptr_eq(a, b));
        Self { routes_before, routes_after, reordered }
    }
}

/// Returns how many items two lists have in common at their starts, and how many of the others at their ends.
pub(super) fn common<T>(
    before: &[T],
    after: &[T],
    same: impl Fn(&T, &T) -> bool,
) -> (usize, usize) {
    let start = before.iter().zip(after).take_while(|(a, b)| same(a, b)).count();
    let ends = before[start..].iter().rev().zip(after[start..].iter().rev());
    (start, ends.take_while(|(a, b)| same(a, b)).count())
}

/// Makes `after` share with `before` whatever is equal in both.
pub fn share(before: &Bundle, after: &mut Bundle) {
    let mut places: Option<HashMap<&str, usize>> = None;
    for (at, route) in after.routes.iter_mut().enumerate() {
        let there = before.routes.get(at);
        if there.is_some_and(|known| Arc::ptr_eq(known, route)) {
            continue;
        }
        let there = there.filter(|known| known.name == route.name);
        let known = there.or_else(|| {
            let places = places.get_or_insert_with(|| {
                let named = before.routes.iter().enumerate();
                named.map(|(at, route)| (route.name.as_str(), at)).collect()
            });
            places.get(route.name.as_str()).map(|at| &before.routes[*at])
        });
        if let Some(known) = known.filter(|known| *known == route) {
            *route = Arc::clone(known);
        }
    }
    for (name, release) in &mut after.releases {
        if let Some(known) = before.releases.get(name).filter(|known| *known == release) {
            *release = Arc::clone(known);
        }
    }
}

#[cfg(test)]
mod tests;
