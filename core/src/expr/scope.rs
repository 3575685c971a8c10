//! Scopes: what the names in the expressions of one tenant mean.
//!
//! Owns the tables of names, and the order in which segments that name each other are compiled. Does
//! not know where names come from.

use std::collections::{BTreeMap, BTreeSet};

use super::{Names, Segment, Type, Use, uses};
use crate::table::{
    RegexRow, Rows,
    regex::{self, RegexError},
};

/// Names, and the regular expressions that are met on the way.
#[derive(Debug, Default)]
pub struct Scope<'a> {
    attributes: BTreeMap<&'a str, (u32, Type)>,
    segments: BTreeMap<&'a str, Segment>,
    /// Regular expressions: those that were there, and behind them those that were met.
    pub regexes: Rows<RegexRow>,
}

impl<'a> Scope<'a> {
    /// Adds an attribute, or an alias of one.
    pub fn add_attribute(&mut self, name: &'a str, row: u32, kind: Type) {
        self.attributes.insert(name, (row, kind));
    }

    /// Returns every attribute and alias with its row and type.
    pub fn known_attributes(&self) -> impl Iterator<Item = (&'a str, (u32, Type))> {
        self.attributes.iter().map(|(name, meaning)| (*name, *meaning))
    }

    /// Returns every segment.
    pub fn known_segments(&self) -> impl Iterator<Item = (&'a str, Segment)> {
        self.segments.iter().map(|(name, segment)| (*name, *segment))
    }

    /// Adds a segment.
    pub fn add_segment(&mut self, name: &'a str, segment: Segment) {
        self.segments.insert(name, segment);
    }
}

impl Names for Scope<'_> {
    fn attribute(&self, name: &str) -> Option<(u32, Type)> {
        self.attributes.get(name).copied()
    }

    fn segment(&self, name: &str) -> Option<Segment> {
        self.segments.get(name).copied()
    }

    fn attributes(&self) -> Vec<&str> {
        self.attributes.keys().copied().collect()
    }

    fn segments(&self) -> Vec<&str> {
        self.segments.keys().copied().collect()
    }

    fn search(&mut self, pattern: &str) -> Result<u32, RegexError> {
        let same = |row: &RegexRow| row.search && row.pattern == pattern;
        let known = self.regexes.iter().position(same);
        let at = match known {
            Some(at) => at,
            None => {
                self.regexes.push(regex::compile_search(pattern)?);
                self.regexes.len() - 1
            }
        };
        Ok(u32::try_from(at).unwrap_or(u32::MAX))
    }
}

/// Puts segments, given by name and expression, into an order in which each lies behind those it
/// names. Names that are not there are left to whoever compiles.
///
/// # Errors
/// The names of a circle, in its order, when segments name each other in one.
pub fn order<'a>(segments: &BTreeMap<&'a str, &str>) -> Result<Vec<&'a str>, Vec<&'a str>> {
    let spelled: BTreeMap<String, &str> =
        segments.keys().map(|name| (spelled(name), *name)).collect();
    let named = segments.iter().map(|(name, text)| {
        let called = uses(text).into_iter().filter_map(|used| {
            let Use::Segment(called) = used else { return None };
            let exact = segments.get_key_value(called.as_str()).map(|(name, _)| *name);
            exact.or_else(|| spelled.get(&called).copied())
        });
        (*name, called.collect::<Vec<&str>>())
    });
    let named: BTreeMap<&str, Vec<&str>> = named.collect();
    let (mut ordered, mut done) = (Vec::with_capacity(segments.len()), BTreeSet::new());
    // An explicit stack: a chain of ten thousand segments is no reason for a deep one.
    for start in segments.keys().copied() {
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = path.last_mut() {
            let name = *name;
            let below = if done.contains(name) { None } else { named[name].get(*next).copied() };
            *next += 1;
            let Some(below) = below else {
                if done.insert(name) {
                    ordered.push(name);
                }
                path.pop();
                continue;
            };
            if let Some(at) = path.iter().position(|(above, _)| *above == below) {
                return Err(path[at..].iter().map(|(name, _)| *name).collect());
            }
            path.push((below, 0));
        }
    }
    Ok(ordered)
}

/// Returns how a call spells the name of a segment: names may have characters that calls have not.
#[must_use]
pub fn spelled(name: &str) -> String {
    name.replace(['-', '.'], "_")
}

/// Returns whether a call of `called` spells the name of a segment so, as [`spelled`] does.
#[must_use]
pub fn is_spelled(name: &str, called: &str) -> bool {
    let as_called = |byte: u8| if matches!(byte, b'-' | b'.') { b'_' } else { byte };
    name.len() == called.len() && name.bytes().map(as_called).eq(called.bytes())
}
