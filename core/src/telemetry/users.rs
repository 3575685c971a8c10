//! How many users there are, without keeping who they are.
//!
//! Owns the sketch of distinct users: the least [`USERS_EXACT_MAX`] of their keyed hashes (k minimum values; Bar-Yossef
//! et al., RANDOM 2002). Does not hash: who counts holds the key.
//!
//! Invariants:
//! - exact as long as there are no more users than it keeps, two with one hash of 64 bits aside; beyond, an estimate
//!   whose standard error is one in √(k − 2), about 3 %;
//! - merging two gives what one would have kept that saw all;
//! - bounded, and without allocation once it is made.

use serde::{Deserialize, Serialize};

use crate::limits::USERS_EXACT_MAX;

/// Distinct users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// The least hashes, in order.
    hashes: Vec<u64>,
    /// Whether there were more.
    more: bool,
}

/// A number of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCount {
    /// How many.
    pub count: u64,
    /// Whether that is exact; else it is an estimate.
    pub exact: bool,
}

impl Default for Users {
    fn default() -> Self {
        Self { hashes: Vec::with_capacity(USERS_EXACT_MAX), more: false }
    }
}

impl Users {
    /// Counts a user, by a hash that is spread evenly; once, however often it comes.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        let is_full = self.hashes.len() >= USERS_EXACT_MAX;
        if is_full && self.hashes.last().is_some_and(|greatest| hash > *greatest) {
            self.more = true;
            return;
        }
        if let Err(at) = self.hashes.binary_search(&hash) {
            if is_full {
                self.hashes.pop();
                self.more = true;
            }
            self.hashes.insert(at, hash);
        }
    }

    /// Adds the users that another has counted, also when a peer says so.
    pub fn merge(&mut self, other: &Self) {
        other.hashes.iter().for_each(|hash| self.insert(*hash));
        self.more |= other.more;
    }

    /// Returns how many users there are.
    #[must_use]
    pub fn count(&self) -> UserCount {
        let kept = self.hashes.len() as u64;
        let (true, Some(greatest)) = (self.more, self.hashes.last()) else {
            return UserCount { count: kept, exact: !self.more };
        };
        // The k-th of n even hashes lies at k / n of the whole.
        let whole = u128::from(u64::MAX) + 1;
        let count = u128::from(kept - 1) * whole / (u128::from(*greatest) + 1);
        UserCount { count: u64::try_from(count).unwrap_or(u64::MAX).max(kept), exact: false }
    }
}

#[cfg(test)]
mod tests;
