//! What one decision has read of attributes so far.
//!
//! Owns where that is kept: in the arena of the request, for as long as the decision is taken. An attribute that several
//! targets ask for is looked for once; what its text stands for is found out once.
//!
//! Invariants:
//! - it belongs to one decision and one tenant's rules: what is read does not change meanwhile;
//! - bounded: attributes that share a place are read again, whenever the other was in between.

use std::cell::Cell;

use super::value::Evaluated;
use crate::table::NONE;

/// Attributes that are kept: those of one tenant's rules are neighbours, so that they share no places unless there are more.
const PLACES: usize = 8;

/// What is known of attributes, by the rows they have.
#[derive(Debug)]
pub(super) struct Memo<'a>([Place<'a>; PLACES]);

/// What is known of one; parts of their own, so that nobody copies what it does not ask for.
#[derive(Debug)]
struct Place<'a> {
    /// [`NONE`] when it is nobody's.
    row: Cell<u32>,
    /// What the request says.
    present: Cell<Option<&'a [u8]>>,
    /// What that stands for, or the default does; nothing as long as nobody asked.
    value: Cell<Option<Evaluated<'a>>>,
}

impl Default for Memo<'_> {
    fn default() -> Self {
        Self(
            [const { Place { row: Cell::new(NONE), present: Cell::new(None), value: Cell::new(None) } };
                PLACES],
        )
    }
}

impl<'a> Memo<'a> {
    /// Returns what the request says of the attribute in `row`; the first time it is what `read` finds.
    #[inline]
    pub(super) fn present(
        &self,
        row: u32,
        read: impl FnOnce() -> Option<&'a [u8]>,
    ) -> Option<&'a [u8]> {
        let place = self.place(row);
        if place.row.get() == row {
            return place.present.get();
        }
        let present = read();
        place.present.set(present);
        place.value.set(None);
        place.row.set(row);
        present
    }

    /// Returns the value of the attribute in `row`, if it was found out.
    #[inline(always)]
    pub(super) fn value(&self, row: u32) -> Option<Evaluated<'a>> {
        let place = self.place(row);
        if place.row.get() == row { place.value.get() } else { None }
    }

    /// Keeps the value of the attribute in `row`. Finding it out asked for what the request says, which took the place.
    pub(super) fn keep(&self, row: u32, value: Evaluated<'a>) {
        let place = self.place(row);
        if place.row.get() == row {
            place.value.set(Some(value));
        }
    }

    fn place(&self, row: u32) -> &Place<'a> {
        &self.0[row as usize % PLACES]
    }
}

#[cfg(test)]
mod tests;
