//! Validation once more, after a change.
//!
//! Owns what a change can make wrong: whatever it touched, and what depends on that. Everything else was found good
//! before.
//!
//! Invariant: what is told is exactly what [`validate`] tells.

use std::collections::HashSet;

use super::{Found, check_names, check_release, check_route, validate};
use crate::{
    expr::{Scope, Size},
    policy::{Bundle, Difference},
};

/// Returns every problem of `after`, where `before`, a bundle of the same tenant, has none. What both share is
/// looked at only where it depends on what they do not.
#[must_use]
pub fn validate_after(before: &Bundle, after: &Bundle) -> Vec<super::Diagnostic> {
    let difference = Difference::between(before, after);
    // What is wrong is told in its order, with what is wrong elsewhere.
    if stays_good(&difference, before, after) { Vec::new() } else { validate(after) }
}

fn stays_good(difference: &Difference<'_>, before: &Bundle, after: &Bundle) -> bool {
    if difference.others {
        return false;
    }
    let mut found = Found(Vec::new());
    if difference.segments || !difference.releases.is_empty() {
        let mut scope = check_names(&mut found, after);
        // What a segment costs, and whether it is there, matters to whatever names it.
        let every = difference.segments && !costs_the_same(before, &scope);
        for (name, release) in &after.releases {
            if every || difference.releases.contains_key(name.as_str()) {
                check_release(&mut found, "", (name, release), after, &mut scope);
            }
        }
    }
    let lost_releases = difference.releases.values().any(|(_, after)| after.is_none());
    if lost_releases {
        after.routes.iter().for_each(|route| check_route(&mut found, "", route, after));
    } else {
        difference.routes_after.iter().for_each(|route| check_route(&mut found, "", route, after));
    }
    found.0.is_empty() && has_unique_names(difference, after)
}

fn costs_the_same(before: &Bundle, after: &Scope<'_>) -> bool {
    let before = check_names(&mut Found(Vec::new()), before);
    let sizes = |scope: &Scope<'_>| -> Vec<(String, Size)> {
        scope.known_segments().map(|(name, segment)| (name.to_owned(), segment.size)).collect()
    };
    sizes(&before) == sizes(after)
}

/// Returns whether no route has the name of another.
fn has_unique_names(difference: &Difference<'_>, after: &Bundle) -> bool {
    let known: HashSet<&str> =
        difference.routes_before.iter().map(|route| route.name.as_str()).collect();
    let mut new = HashSet::new();
    let replaced = difference.routes_after.iter().all(|route| {
        let name = route.name.as_str();
        known.contains(name) && new.insert(name)
    });
    if replaced {
        return true;
    }
    let mut names = HashSet::with_capacity(after.routes.len());
    after.routes.iter().all(|route| names.insert(route.name.as_str()))
}
