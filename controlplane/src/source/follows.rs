//! Problems that only follow from what could not be read.
//!
//! Owns the search for what a problem lacks among what was left out for its shape. Invariant: what is lacking and was never
//! written is a problem of its own.

use halftone_core::{
    expr::is_spelled,
    policy::{Diagnostic, Lack},
};

use super::{
    shape::{Shape, id},
    tree::{Entry, Node, Value},
};

impl<T> Shape<T> {
    /// Returns whether `problem` may only follow from what was left out: what it lacks is written
    /// in `root`, and was refused.
    pub(super) fn explains(&self, problem: &Diagnostic, root: &Node) -> bool {
        problem.lacks.iter().any(|lack| match lack {
            Lack::Key(path, key) => self.lacks_at(root.trail(path, Some(key))),
            Lack::Anything(path) => self.lacks_at(root.trail(path, None)),
            Lack::Attribute(name) => self.lacks_among(root, "attributes", |entry| {
                entry.key == *name || entry.node.text(&["alias"]) == Some(name)
            }),
            Lack::Segment(name) => self.lacks_among(root, "segments", |entry| {
                entry.key == *name || is_spelled(&entry.key, name)
            }),
        })
    }

    /// Returns whether the end of a trail, anything in it or anything around it was left out.
    fn lacks_at(&self, trail: Option<Vec<&Node>>) -> bool {
        let is_out = |node: &Node| self.is_out(node);
        trail.is_some_and(|trail| {
            trail.iter().any(|node| is_out(node))
                || trail.last().is_some_and(|node| node.any(&is_out))
        })
    }

    /// Returns whether the map with this key was left out, or anything of those of its entries that are `meant`.
    fn lacks_among(&self, root: &Node, map: &str, meant: impl Fn(&Entry) -> bool) -> bool {
        let trail = root.trail(map, None).unwrap_or_default();
        let Some(map) = trail.last().filter(|_| trail.len() > 1) else { return false };
        let Value::Map(entries) = &map.value else { return self.is_out(map) };
        let mut entries = entries.iter().filter(|entry| meant(entry));
        entries.any(|entry| entry.node.any(&|node| self.is_out(node)))
    }

    fn is_out(&self, node: &Node) -> bool {
        self.left_out.contains(&id(node))
    }
}
