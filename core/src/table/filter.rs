//! Filters: which ids cannot have tags, told without asking.
//!
//! Owns a blocked Bloom filter (Putze, Sanders, Singler 2007, "Cache-, hash- and space-efficient Bloom filters"): an id
//! has its bits in one cache line. It travels as a table of its own, and is replaced as one.
//!
//! Invariants:
//! - an id that was inserted may have tags: there are no false negatives;
//! - of ids that were not, 1 % at most pass, as long as there are no more than there is room for (tested);
//! - a lookup costs a hash and one line of memory, whatever the number of ids.

use rkyv::{Archive, Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Table, TableKind, VerifyError};
use crate::limits::{TAG_FILTER_BITS, TAG_FILTER_WORDS_MAX};

/// Words of one block: a cache line.
const BLOCK_WORDS: usize = 8;
/// Bits of an id in its block.
const PROBES: u32 = 7;

/// The ids of a tenant that have tags, and some that have none.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct TagFilter {
    /// Whose ids.
    pub tenant: String,
    /// The bits, block by block.
    pub words: Vec<u64>,
}

impl TagFilter {
    /// Returns a filter with room for so many ids.
    #[must_use]
    pub fn with_room(tenant: &str, ids: u64) -> Self {
        let blocks = (ids * TAG_FILTER_BITS).div_ceil(64 * BLOCK_WORDS as u64).max(1);
        let words = usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(BLOCK_WORDS);
        Self { tenant: tenant.to_owned(), words: vec![0; words.min(TAG_FILTER_WORDS_MAX)] }
    }

    /// Adds an id.
    pub fn insert(&mut self, id: &str) {
        let hash = xxh3_64(id.as_bytes());
        let start = start(hash, self.words.len());
        for (word, mask) in probes(hash) {
            self.words[start + word] |= mask;
        }
    }
}

impl ArchivedTagFilter {
    /// Returns whether `id` may have tags; when not, it has none.
    #[must_use]
    #[inline]
    pub fn may_have(&self, id: &str) -> bool {
        let hash = xxh3_64(id.as_bytes());
        let start = start(hash, self.words.len());
        probes(hash).all(|(word, mask)| self.words[start + word].to_native() & mask != 0)
    }

    /// Checks that every id has a block.
    pub(super) fn is_good(&self) -> bool {
        let words = self.words.len();
        (BLOCK_WORDS..=TAG_FILTER_WORDS_MAX).contains(&words) && words.is_multiple_of(BLOCK_WORDS)
    }
}

/// Returns the first word of the block of `hash`.
fn start(hash: u64, words: usize) -> usize {
    let blocks = (words / BLOCK_WORDS) as u128;
    // The upper half of the product is below `blocks`.
    let block = (u128::from(hash) * blocks) >> 64;
    usize::try_from(block).unwrap_or(0) * BLOCK_WORDS
}

/// Returns the bits of `hash` in its block: words, and masks in them.
fn probes(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    let mixed = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..PROBES).map(move |probe| {
        let bit = mixed >> (9 * probe + 1);
        (usize::try_from(bit >> 6 & 7).unwrap_or(0), 1 << (bit & 63))
    })
}

impl Table for TagFilter {
    const KIND: TableKind = TableKind::Tags;
    type Decoded = ();

    fn decode(_: &ArchivedTagFilter) -> Result<(), VerifyError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
