//! Callers who show bad tokens.
//!
//! Owns how many each has shown in this tick, so that one caller who sends ever new ones uses up only a part of what the
//! worker verifies for all. Does not verify, and does not remember anybody for longer than a tick.
//!
//! Invariants:
//! - the memory is fixed: callers share places by a hash that nobody can foresee;
//! - whoever has a whole network of IPv6 addresses (RFC 4291 §2.5.1: 64 bits of interface) is one caller;
//! - while nobody shows bad tokens, this costs one branch.

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
};

use ahash::RandomState;
use halftone_core::limits::JWT_BAD_PER_CALLER;

/// Places that callers share: one who shows good tokens shares that of a bad one in one case of so many.
const PLACES: usize = 1024;

/// What callers have shown in this tick.
#[derive(Debug)]
pub(super) struct Callers {
    hasher: RandomState,
    bad: RefCell<Box<[u8; PLACES]>>,
    /// Whether anybody has.
    any: Cell<bool>,
}

impl Default for Callers {
    fn default() -> Self {
        let bad = RefCell::new(Box::new([0; PLACES]));
        Self { hasher: RandomState::new(), bad, any: Cell::new(false) }
    }
}

impl Callers {
    /// Begins another tick.
    pub(super) fn turn(&self) {
        if self.any.replace(false) {
            self.bad.borrow_mut().fill(0);
        }
    }

    /// Returns whether the caller has shown as many bad tokens as one may.
    pub(super) fn is_over(&self, client_ip: &str) -> bool {
        self.any.get() && self.bad.borrow()[self.place(client_ip)] >= JWT_BAD_PER_CALLER
    }

    /// Counts a bad token that the caller has shown.
    pub(super) fn blame(&self, client_ip: &str) {
        self.any.set(true);
        let bad = &mut self.bad.borrow_mut()[self.place(client_ip)];
        *bad = bad.saturating_add(1);
    }

    fn place(&self, client_ip: &str) -> usize {
        let hash = match client_ip.parse() {
            Ok(IpAddr::V4(address)) => self.hasher.hash_one(address),
            Ok(IpAddr::V6(address)) => self.hasher.hash_one(u128::from(address) >> 64),
            Err(_) => self.hasher.hash_one(client_ip),
        };
        // Below a number that is a usize.
        usize::try_from(hash % PLACES as u64).unwrap_or_default()
    }
}
