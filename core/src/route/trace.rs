//! What a decision looked at, told step by step.
//!
//! Owns the recorder that the decision code tells its [`steps`] to. The decision is written once, over any [`Recorder`]: on the
//! request path that is [`Silent`], whose methods are empty and never call what they are given.
//!
//! Invariants:
//! - a recorder changes nothing: whatever is decided is decided before it is told;
//! - values are cut to [`EXPLAIN_VALUE_BYTES_MAX`] and unmatched rows bounded by
//!   [`EXPLAIN_UNMATCHED_MAX`], so that an explanation fits a frame.

use crate::{
    limits::{EXPLAIN_READS_MAX, EXPLAIN_UNMATCHED_MAX, EXPLAIN_VALUE_BYTES_MAX},
    table::ArchivedReleaseRow,
};

mod steps;

pub use steps::{Keyed, Overridden, Pinned, Read, Seen, Step};

/// The part that an expression is told as: what it has to be is its text, what is found is its result.
pub const EXPRESSION: &str = "when";

/// The part that a nested table is told as: what is found is the name of the cell.
pub const NESTED: &str = "nested";

/// Takes what the decision looks at.
pub trait Recorder {
    /// Takes a condition that was compared; the next route or target is what it belongs to.
    fn condition(&mut self, seen: impl FnOnce() -> Seen);
    /// Takes a step.
    fn step(&mut self, step: impl FnOnce() -> Step);
    /// Takes a value that an expression looked at; the next condition is what it belongs to.
    fn read(&mut self, read: impl FnOnce() -> Read);
    /// Takes note that nobody can say whether a target (its place in the release) matches.
    fn fault(&mut self, release: &ArchivedReleaseRow, target: u32);
}

/// Takes nothing: the request path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Recorder for Silent {
    #[inline(always)]
    fn condition(&mut self, _: impl FnOnce() -> Seen) {}

    #[inline(always)]
    fn step(&mut self, _: impl FnOnce() -> Step) {}

    #[inline(always)]
    fn read(&mut self, _: impl FnOnce() -> Read) {}

    #[inline(always)]
    fn fault(&mut self, _: &ArchivedReleaseRow, _: u32) {}
}

/// Keeps every step, in the order they were taken.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The steps.
    pub steps: Vec<Step>,
    /// Routes and targets that did not match and are not among the steps: there were too many.
    pub not_shown: u64,
    unmatched: usize,
    pending: Vec<Seen>,
    reads: Vec<Read>,
}

impl Recorder for Trace {
    fn condition(&mut self, seen: impl FnOnce() -> Seen) {
        let reads = std::mem::take(&mut self.reads);
        self.pending.push(Seen { reads, ..seen() });
    }

    fn read(&mut self, read: impl FnOnce() -> Read) {
        if self.reads.len() < EXPLAIN_READS_MAX {
            let read = read();
            if !self.reads.contains(&read) {
                self.reads.push(read);
            }
        }
    }

    /// The condition that was told says so already.
    fn fault(&mut self, _: &ArchivedReleaseRow, _: u32) {}

    fn step(&mut self, step: impl FnOnce() -> Step) {
        let mut step = step();
        if let Step::Route { conditions, matched, .. } | Step::Target { conditions, matched, .. } =
            &mut step
        {
            *conditions = std::mem::take(&mut self.pending);
            self.unmatched += usize::from(!*matched);
            if !*matched && self.unmatched > EXPLAIN_UNMATCHED_MAX {
                self.not_shown += 1;
                return;
            }
        }
        self.steps.push(step);
    }
}

/// Returns `value` as text for people: cut where it is long, with U+FFFD for what is not UTF-8.
#[must_use]
pub fn text(value: &[u8]) -> String {
    let cut = &value[..value.len().min(EXPLAIN_VALUE_BYTES_MAX)];
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < value.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
