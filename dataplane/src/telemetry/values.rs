//! The values that a decision read, for the line of its request: with them it can be decided again.
//!
//! Owns their form in a line, and what is not written: what [`Input::is_secret`] says, what is long, what is not text, and
//! what comes when there are many already. Invariants: no allocation where the buffer has room; a value is written once.

use std::cell::RefCell;

use ahash::RandomState;
use halftone_core::{
    limits::{LOGGED_VALUE_BYTES_MAX, LOGGED_VALUES_BYTES_MAX, LOGGED_VALUES_MAX},
    policy::DEVICE_ID,
    route::{Input, Witness},
};
use smallvec::SmallVec;

use super::log::json::{escape_into, text};

/// Writes what it sees.
pub struct Values<'h> {
    hasher: &'h RandomState,
    kept: RefCell<Kept>,
}

struct Kept {
    out: Vec<u8>,
    /// Hashes of the names that are written.
    seen: SmallVec<[u64; LOGGED_VALUES_MAX]>,
}

impl<'h> Values<'h> {
    /// Writes to `out`, an empty buffer.
    #[must_use]
    pub fn new(out: Vec<u8>, hasher: &'h RandomState) -> Self {
        Self { hasher, kept: RefCell::new(Kept { out, seen: SmallVec::new() }) }
    }

    /// Returns the members of a JSON object, or what is left of the buffer.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.kept.into_inner().out
    }
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").finish_non_exhaustive()
    }
}

impl Witness for Values<'_> {
    fn saw(&self, input: Input<'_>, value: Option<&[u8]>) {
        let hash = hash(self.hasher, input);
        let mut kept = self.kept.borrow_mut();
        let Kept { out, seen } = &mut *kept;
        if seen.len() == LOGGED_VALUES_MAX || seen.contains(&hash) {
            return;
        }
        seen.push(hash);
        let is_writable = |value: &[u8]| {
            value.len() <= LOGGED_VALUE_BYTES_MAX && std::str::from_utf8(value).is_ok()
        };
        if input.is_secret() || value.is_some_and(|value| !is_writable(value)) {
            return;
        }
        let before = out.len();
        if before > 0 {
            out.push(b',');
        }
        out.push(b'"');
        name(input, out);
        match value {
            Some(value) => text(out, "\":", value),
            None => out.extend_from_slice(b"\":null"),
        }
        // One that finds no room is not there, as if it had not been read.
        if out.len() > LOGGED_VALUES_BYTES_MAX {
            out.truncate(before);
        }
    }
}

/// Writes the name as [`Input`] displays it.
fn name(input: Input<'_>, out: &mut Vec<u8>) {
    match input {
        Input::Header(name) => escape_into(out, &["header ", name]),
        Input::Cookie(name) => escape_into(out, &["cookie ", name]),
        Input::Tag { tenant, id, name } => {
            escape_into(out, &["tag ", name, " of ", tenant, "/", id]);
        }
        Input::Device(property) => escape_into(out, &["device ", property]),
        Input::Geo { field, lang } => escape_into(out, &["geoip ", field, " in ", lang]),
        Input::Claim { name, issuer: None } => escape_into(out, &["claim ", name]),
        Input::Claim { name, issuer: Some(issuer) } => {
            escape_into(out, &["claim ", name, " of ", issuer]);
        }
        Input::Position => escape_into(out, &["geoip position"]),
        Input::Signed { used, tenant, name } => {
            escape_into(out, &["signed ", used, " ", name, " of ", tenant]);
        }
        Input::DeviceId { tenant } => escape_into(out, &[DEVICE_ID, " of ", tenant]),
        Input::CanSign => escape_into(out, &["key to sign with"]),
        Input::FreshUnit => escape_into(out, &["fresh unit"]),
        Input::Baggage(key) => escape_into(out, &["baggage ", key]),
        Input::Member { tenant, id, list } => {
            escape_into(out, &["member of ", list, ": ", tenant, "/", id]);
        }
        Input::Random => escape_into(out, &["random"]),
        Input::Other(name) => escape_into(out, &[name]),
    }
}

fn hash(hasher: &RandomState, input: Input<'_>) -> u64 {
    match input {
        Input::Header(name) => hasher.hash_one((0, name)),
        Input::Cookie(name) => hasher.hash_one((1, name)),
        Input::Tag { tenant, id, name } => hasher.hash_one((2, tenant, id, name)),
        Input::Device(property) => hasher.hash_one((3, property)),
        Input::Geo { field, lang } => hasher.hash_one((5, field, lang)),
        Input::Baggage(key) => hasher.hash_one((7, key)),
        Input::Member { tenant, id, list } => hasher.hash_one((8, tenant, id, list)),
        Input::Random => 0,
        Input::Claim { name, issuer } => hasher.hash_one((9, name, issuer)),
        Input::Position => 1,
        Input::CanSign => 2,
        Input::FreshUnit => 3,
        Input::Signed { used, tenant, name } => hasher.hash_one((6, used, tenant, name)),
        Input::DeviceId { tenant } => hasher.hash_one((10, tenant)),
        Input::Other(name) => hasher.hash_one((4, name)),
    }
}

#[cfg(test)]
mod tests;
