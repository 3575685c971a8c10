//! Phrases: what lines say of a decision and its tables, put together once for all requests that were decided alike.
//!
//! Owns a worker's phrases of the newest tables it has met. Invariants: a phrase that is kept is found by numbers, without an
//! allocation; together they take at most [`PHRASE_BYTES_MAX`], and what finds no room is put together for each line.

use std::{fmt, ops::Range};

use ahash::AHashMap;
use halftone_core::limits::PHRASE_BYTES_MAX;

use super::json::{number, text};

/// The names of what was decided; an empty one is not told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// The route.
    pub route: &'a str,
    /// The tenant.
    pub tenant: &'a str,
    /// The release.
    pub release: &'a str,
    /// The variant that served.
    pub variant: &'a str,
    /// The variant that was decided, when another served because it had no instance.
    pub fallback_from: &'a str,
    /// Why it was chosen.
    pub reason: &'a str,
    /// The id of the target that took it.
    pub target_id: &'a str,
    /// The cell of its nested table.
    pub cell: &'a str,
    /// The instance the request was sent to.
    pub upstream: &'a str,
}

impl Names<'_> {
    /// Appends them as members of a JSON object, each behind a comma.
    fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in [
            (",\"route\":", self.route),
            (",\"tenant\":", self.tenant),
            (",\"release\":", self.release),
            (",\"variant\":", self.variant),
            (",\"fallback_from\":", self.fallback_from),
            (",\"reason\":", self.reason),
            (",\"target_id\":", self.target_id),
            (",\"cell\":", self.cell),
            (",\"upstream\":", self.upstream),
        ] {
            if !value.is_empty() {
                text(out, name, value.as_bytes());
            }
        }
    }
}

/// Appends the epochs of tables, which are zero before the first.
pub(super) fn epochs((rules, instances): (u64, u64), out: &mut Vec<u8>) {
    number(out, ",\"rules_epoch\":", rules);
    number(out, ",\"instances_epoch\":", instances);
}

/// What was decided of a request.
#[derive(Clone, Copy)]
pub struct Decided<'a> {
    /// The epochs of the tables it was decided with.
    pub epochs: (u64, u64),
    /// The rows of all that is named, in those tables: what has the same ones has the same names.
    pub rows: Rows,
    /// Looks the names up.
    pub names: &'a dyn Fn() -> Names<'a>,
}

/// Rows that make a combination.
pub type Rows = [u32; 8];

impl fmt::Debug for Decided<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epochs, rows, .. } = self;
        f.debug_struct("Decided")
            .field("epochs", epochs)
            .field("rows", rows)
            .finish_non_exhaustive()
    }
}

/// The phrases of one worker.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    epochs: (u64, u64),
    places: AHashMap<Rows, Range<usize>>,
    text: Vec<u8>,
}

impl Phrases {
    /// Appends the names of what was decided.
    pub(super) fn write(&mut self, decided: &Decided<'_>, out: &mut Vec<u8>) {
        let (rules, instances) = decided.epochs;
        if rules > self.epochs.0 || instances > self.epochs.1 {
            self.places.clear();
            self.text.clear();
            self.epochs = decided.epochs;
        }
        let is_kept = decided.epochs == self.epochs;
        let place = if is_kept { self.places.get(&decided.rows) } else { None };
        if let Some(phrase) = place.and_then(|place| self.text.get(place.clone())) {
            out.extend_from_slice(phrase);
            return;
        }
        let start = out.len();
        (decided.names)().write(out);
        epochs(decided.epochs, out);
        let phrase = &out[start..];
        if is_kept && self.text.len() + phrase.len() <= PHRASE_BYTES_MAX {
            let place = self.text.len()..self.text.len() + phrase.len();
            self.text.extend_from_slice(phrase);
            self.places.insert(decided.rows, place);
        }
    }
}

#[cfg(test)]
mod tests;
