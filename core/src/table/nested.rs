//! Nested tables as they are archived: choices by combination of values.
//!
//! Owns the rows only. Invariant (checked by the verifier): every way down ends at a choice, and is as long as there
//! are levels.

use std::borrow::Cow;

use rkyv::{Archive, Deserialize, Serialize};

/// A nested table: choices by combination of values.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct NestedRow {
    /// By level: a row of `attributes`.
    pub attributes: Vec<u32>,
    /// Nodes; the first is the root.
    pub nodes: Vec<NestedNodeRow>,
    /// By choice: the name of its cell.
    pub cells: Vec<String>,
}

/// The values of one level below the values of those before.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct NestedNodeRow {
    /// Values, sorted.
    pub values: Vec<Box<str>>,
    /// By value: the node of the next level, or at the last the choice.
    pub below: Vec<u32>,
    /// The same for any other value and for none, or [`NONE`].
    pub any: u32,
}

/// Returns the name of the split of a target's choice, by its place among `cells`, if there are any.
#[must_use]
pub fn split_name<'a>(target: &'a str, cells: &[String], choice: usize) -> Cow<'a, str> {
    match cells.get(choice) {
        Some(cell) => Cow::Owned(format!("{target}/{cell}")),
        None => Cow::Borrowed(target),
    }
}
