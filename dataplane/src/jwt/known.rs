//! Tokens that were judged before.
//!
//! Owns what a worker remembers of them, good and bad, by hash in pairs of places of fixed number. Whole tokens are
//! compared: a hash that somebody could aim at decides nothing. Does not look at the time.
//!
//! Invariants:
//! - what is remembered is bounded in number and in bytes, and what makes room for it is paid for by what comes;
//! - bad tokens take no place of good ones;
//! - a good token outlives other keys of its issuer, and other issuers; a bad one is judged anew when they change.

use std::{cell::Cell, fmt, rc::Rc};

use ahash::RandomState;
use halftone_core::{
    limits::{JWT_REMEMBERED, JWT_REMEMBERED_BYTES_MAX},
    signal::jwt::{Bearer, Issuers, Rejected, Verified},
    table::epoch::Pinned,
};

/// Places that one hash chooses among.
const WAYS: usize = 2;
/// Places of bad tokens: an expression that reads one again and again, and callers who send one again and again.
const BAD: usize = 256;

/// A token that was judged. `Debug` shows nothing of it.
pub(super) struct Entry {
    token: Box<[u8]>,
    judged: Result<Verified, Rejected>,
    /// The issuers it was judged by last.
    generation: Cell<u64>,
}

impl Entry {
    pub(super) fn judged(&self) -> Result<&Verified, Rejected> {
        self.judged.as_ref().map_err(|why| *why)
    }

    pub(super) fn verified(&self) -> Option<&Verified> {
        self.judged.as_ref().ok()
    }

    fn bytes(&self) -> usize {
        let verified = self.verified();
        let claims = verified.map_or(0, |found| found.claims.bytes() + found.issuer.len());
        size_of::<Self>() + self.token.len() + claims
    }

    /// Returns whether what was judged still is so.
    fn holds(&self, issuers: &Issuers, generation: u64) -> bool {
        if self.generation.get() == generation {
            return true;
        }
        let holds = self.verified().is_some_and(|verified| issuers.has(verified.mark));
        if holds {
            self.generation.set(generation);
        }
        holds
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

/// Tokens that were judged.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The issuers they were judged by, and how many there were before.
    issuers: Option<Rc<Pinned<Issuers>>>,
    generation: u64,
    hasher: RandomState,
    /// Places of good tokens and then those of bad ones; none before the first.
    places: Vec<Option<Rc<Entry>>>,
    bytes: usize,
    /// Where room is made next.
    hand: usize,
}

impl Known {
    /// Judges a token by what is remembered, or else by `issuers`, which takes one of those that are `left`.
    pub(super) fn judge(
        &mut self,
        issuers: &Rc<Pinned<Issuers>>,
        token: &[u8],
        left: &Cell<u32>,
    ) -> Result<Rc<Entry>, Rejected> {
        if !self.issuers.as_ref().is_some_and(|known| Rc::ptr_eq(known, issuers)) {
            self.issuers = Some(Rc::clone(issuers));
            self.generation += 1;
        }
        let (good, bad) = self.places_of(token);
        let mut known = good.chain([bad]).filter_map(|place| self.places.get(place)?.as_ref());
        let known =
            known.find(|entry| *entry.token == *token && entry.holds(issuers, self.generation));
        if let Some(entry) = known {
            return Ok(Rc::clone(entry));
        }
        // Whatever it is: to find out that it is none costs less, but nobody has to be told how much less.
        let Some(rest) = left.get().checked_sub(1) else { return Err(Rejected::Busy) };
        left.set(rest);
        let judged = Bearer::split(token).and_then(|bearer| bearer.verify(issuers));
        let place = if judged.is_ok() { self.place_for(token) } else { bad };
        let generation = Cell::new(self.generation);
        let entry = Rc::new(Entry { token: token.into(), judged, generation });
        self.remember(place, Rc::clone(&entry));
        Ok(entry)
    }

    /// Returns the places where a token is, if it is good, and if it is bad.
    fn places_of(&self, token: &[u8]) -> (std::ops::Range<usize>, usize) {
        let hash = self.hasher.hash_one(token);
        let below = |hash: u64, bound: usize| {
            // Below a number that is a usize.
            usize::try_from(hash % bound as u64).unwrap_or_default()
        };
        let first = below(hash, JWT_REMEMBERED / WAYS) * WAYS;
        (first..first + WAYS, JWT_REMEMBERED + below(hash >> 32, BAD))
    }

    /// Returns the place that a good token is given: its own, a free one, or the one whose token ends first.
    fn place_for(&self, token: &[u8]) -> usize {
        let (places, _) = self.places_of(token);
        let worth = |place: &usize| {
            let entry = self.places.get(*place).and_then(Option::as_ref);
            let verified =
                entry.filter(|entry| *entry.token != *token).map(|entry| entry.verified());
            verified.flatten().map_or(0, |verified| verified.expires_unix_s)
        };
        places.clone().min_by_key(worth).unwrap_or(places.start)
    }

    fn remember(&mut self, place: usize, entry: Rc<Entry>) {
        if self.places.is_empty() {
            self.places.resize(JWT_REMEMBERED + BAD, None);
        }
        self.bytes += entry.bytes();
        if let Some(replaced) = self.places[place].replace(entry) {
            self.bytes -= replaced.bytes();
        }
        while self.bytes > JWT_REMEMBERED_BYTES_MAX {
            self.hand = (self.hand + 1) % self.places.len();
            if let Some(gone) = self.places[self.hand].take_if(|_| self.hand != place) {
                self.bytes -= gone.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests;
