//! What a worker signs with, and what it knows of signatures.
//!
//! Owns the worker's view of the keys, the tokens it has verified before ([`known`]), what became of those that
//! decisions looked at, and the units it mints. Does not decide: a decision verifies through [`Verifier`].
//!
//! Invariants:
//! - a token that was verified is not verified again while the keys stay: known ones cost a hash and a comparison;
//! - a token is counted once per decision, however often it is read;
//! - a request asks the system for nothing: units are drawn from a seed that the worker was started with.

mod known;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use halftone_core::{
    route::UnitId,
    signal::{
        draw::Draw,
        keys::KeyRing,
        signature::{RESULTS, Rejected, Signatures, USES, Use, Verified},
    },
    table::epoch::{EpochCell, Pinned, Reader as EpochReader},
};
use known::Known;

/// What became of tokens, by [`USES`] and [`RESULTS`].
pub type Judged = [[u64; RESULTS.len()]; USES.len()];

/// What a worker is given to sign with.
#[derive(Clone, Debug)]
pub struct Given {
    /// The keys of the gateway.
    pub keys: Arc<EpochCell<KeyRing>>,
    /// What units are drawn from: known to nobody, and no other worker's.
    pub seed: [u8; 32],
}

impl Given {
    /// Returns what a worker without keys is given.
    #[must_use]
    pub fn without_keys() -> Self {
        Self { keys: Arc::new(EpochCell::new(KeyRing::default())), seed: [0; 32] }
    }
}

/// What a worker signs with.
#[derive(Debug)]
pub struct Signing {
    keys: RefCell<EpochReader<KeyRing>>,
    known: RefCell<Known>,
    judged: Cell<Judged>,
    draw: RefCell<Draw>,
    /// The unit that the next request without one is given.
    unit: Cell<UnitId>,
}

impl Signing {
    /// Starts with what the worker was given.
    #[must_use]
    pub fn new(given: Given) -> Self {
        let mut draw = Draw::new(given.seed);
        let unit = Cell::new(UnitId::of(draw.bytes()));
        Self {
            keys: RefCell::new(EpochReader::new(given.keys)),
            known: RefCell::default(),
            judged: Cell::default(),
            draw: RefCell::new(draw),
            unit,
        }
    }

    /// Returns a verifier for one decision at `now_unix_s`, to be dropped before anything is waited for.
    #[must_use]
    pub fn verifier(&self, now_unix_s: u64) -> Verifier<'_> {
        let keys = Rc::clone(self.keys.borrow_mut().current());
        Verifier { keys, known: &self.known, now_unix_s, seen: Cell::new(0) }
    }

    /// Counts what became of the tokens of a decision that stands.
    pub fn count(&self, seen: Seen) {
        if seen.0 == 0 {
            return;
        }
        let mut judged = self.judged.get();
        for (used, results) in judged.iter_mut().enumerate() {
            for (result, count) in results.iter_mut().enumerate() {
                *count += u64::from(seen.0 >> place(used, result) & 1);
            }
        }
        self.judged.set(judged);
    }

    /// Returns what became of tokens.
    #[must_use]
    pub fn judged(&self) -> Judged {
        self.judged.get()
    }

    /// Returns the unit for a request without one.
    #[must_use]
    pub fn unit(&self) -> UnitId {
        self.unit.get()
    }

    /// Draws another one, since a request was given that.
    pub fn spend_unit(&self) {
        self.unit.set(UnitId::of(self.draw.borrow_mut().bytes()));
    }
}

fn place(used: usize, result: usize) -> usize {
    used * RESULTS.len() + result
}

/// What became of the tokens of one decision: a bit per use and result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(u32);

const _: () = assert!(USES.len() * RESULTS.len() <= 32);

/// Verifies the tokens of one decision.
pub struct Verifier<'w> {
    keys: Rc<Pinned<KeyRing>>,
    known: &'w RefCell<Known>,
    now_unix_s: u64,
    seen: Cell<u32>,
}

impl Verifier<'_> {
    /// Returns what became of its tokens.
    #[must_use]
    pub fn finish(&self) -> Seen {
        Seen(self.seen.get())
    }

    /// Returns the keys it verifies by.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }
}

impl std::fmt::Debug for Verifier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("keys", &**self.keys).finish_non_exhaustive()
    }
}

impl Signatures for Verifier<'_> {
    fn verify<'t>(&self, used: Use<'_>, token: &'t [u8]) -> Result<Verified<'t>, Rejected> {
        let verified = self.known.borrow_mut().verify(&self.keys, used, token, self.now_unix_s);
        let result = verified.as_ref().map_or_else(|why| why.index(), |_| 0);
        self.seen.set(self.seen.get() | 1 << place(used.index(), result));
        verified
    }

    fn can_sign(&self) -> bool {
        !self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests;
