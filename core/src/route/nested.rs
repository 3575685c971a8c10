//! Looking up a combination in a nested table.
//!
//! Owns the walk: the exact value, then `*`, level by level; where a value leads nowhere, `*` of the same
//! level is tried. An attribute is read once, and only when a level asks for it.

use smallvec::SmallVec;

use super::{
    asked::Asked,
    evaluate::attribute_read,
    trace::{NESTED, Recorder, Seen},
    value::position,
};
use crate::{
    limits::NESTED_LEVELS_MAX,
    table::{ArchivedNestedRow, NONE, Rules},
};

/// Returns the cell of the combination that the request has.
pub(super) fn cell<'a, R: Recorder>(
    table: Rules<'a>,
    nested: &'a ArchivedNestedRow,
    request: &Asked<'a>,
    recorder: &mut R,
) -> Option<u32> {
    let mut lookup = Lookup { table, nested, request, recorder, values: SmallVec::new() };
    lookup.below(0, 0)
}

/// Tells what was found.
pub(super) fn seen(nested: &ArchivedNestedRow, cell: Option<u32>) -> Seen {
    let found = cell.map(|cell| nested.cells[cell as usize].to_string());
    let (part, wanted) = (NESTED.to_owned(), String::new());
    Seen { part, wanted, holds: found.is_some(), found, reads: Vec::new() }
}

struct Lookup<'e, 'a, R> {
    table: Rules<'a>,
    nested: &'a ArchivedNestedRow,
    request: &'e Asked<'a>,
    recorder: &'e mut R,
    /// By level: the value, as far as levels were asked for.
    values: SmallVec<[Option<&'a [u8]>; NESTED_LEVELS_MAX]>,
}

impl<'a, R: Recorder> Lookup<'_, 'a, R> {
    fn below(&mut self, node: u32, level: usize) -> Option<u32> {
        let row = &self.nested.nodes[node as usize];
        if let Some(at) = self.value(level).and_then(|value| position(value, &row.values)) {
            let found = self.step(row.below[at].to_native(), level);
            if found.is_some() {
                return found;
            }
        }
        match row.any.to_native() {
            NONE => None,
            any => self.step(any, level),
        }
    }

    /// Goes on with what lies below a value of a level.
    fn step(&mut self, below: u32, level: usize) -> Option<u32> {
        let is_last = level + 1 == self.nested.attributes.len();
        if is_last { Some(below) } else { self.below(below, level + 1) }
    }

    fn value(&mut self, level: usize) -> Option<&'a [u8]> {
        if let Some(value) = self.values.get(level) {
            return *value;
        }
        let row = self.nested.attributes[level];
        let value = self.request.text(row);
        self.recorder.read(|| {
            let attribute = &self.table.table.attributes[row.to_native() as usize];
            attribute_read(attribute, self.request, value)
        });
        self.values.push(value);
        value
    }
}
