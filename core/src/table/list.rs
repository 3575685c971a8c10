//! Lists of ids: who is a member, told in place.
//!
//! Owns the fingerprints of a list and how one is found among millions. A list travels as a table of its own, and is
//! replaced as one (decision 0028). Ids themselves are nowhere in it.
//!
//! Invariants:
//! - an id of the list is a member: there are no false negatives;
//! - of ids that are not, one in 2^64 divided by the length of the list passes: 5 in 10^13 for ten million;
//! - a lookup costs a hash, a place of the directory, and the few fingerprints that begin alike; of any list whatever, a
//!   binary search.

use rkyv::{Archive, Deserialize, Serialize, rend::u64_le};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Table, TableKind, VerifyError};

/// Bits of fingerprints, on average eight of which share a place of the directory: a cache line.
const SHARED_BITS: u32 = 3;

/// A list of ids.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct IdList {
    /// Whose list it is.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// What fingerprints are made with: who does not know it cannot make an id that passes.
    pub key: u64,
    /// The fingerprints of its ids, sorted, each once.
    pub prints: Vec<u64>,
}

/// Returns the fingerprint of `id` in a list with this key.
#[must_use]
#[inline]
pub fn fingerprint_of_id(key: u64, id: &str) -> u64 {
    xxh3_64_with_seed(id.as_bytes(), key)
}

/// Where fingerprints begin that have their first bits in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// How many bits are not looked at.
    shift: u32,
    /// By first bits: the place of the first fingerprint that has them, or is greater; and the end.
    starts: Vec<u32>,
}

impl Directory {
    fn of(prints: &[u64_le]) -> Self {
        let bits = prints.len().checked_ilog2().unwrap_or(0).saturating_sub(SHARED_BITS);
        let shift = u64::BITS - bits;
        let mut starts = Vec::with_capacity((1 << bits) + 1);
        for (at, print) in (0u32..).zip(prints) {
            let place = place(print.to_native(), shift);
            if starts.len() <= place {
                starts.resize(place + 1, at);
            }
        }
        starts.resize((1 << bits) + 1, u32::try_from(prints.len()).unwrap_or(u32::MAX));
        Self { shift, starts }
    }

    /// Returns whether `print` is among `prints`, which this is the directory of.
    #[inline]
    fn finds(&self, prints: &[u64_le], print: u64) -> bool {
        let place = place(print, self.shift);
        let (start, end) = (self.starts[place] as usize, self.starts[place + 1] as usize);
        prints[start..end].binary_search_by_key(&print, |other| other.to_native()).is_ok()
    }
}

/// Returns the first bits of a fingerprint, without the last `shift`.
fn place(print: u64, shift: u32) -> usize {
    usize::try_from(print.checked_shr(shift).unwrap_or(0)).unwrap_or(0)
}

impl super::archive::Archive<IdList> {
    /// Returns whether `id` is a member.
    #[must_use]
    #[inline]
    pub fn has(&self, id: &str) -> bool {
        let list = self.table();
        self.decoded().finds(&list.prints, fingerprint_of_id(list.key.to_native(), id))
    }
}

impl Table for IdList {
    const KIND: TableKind = TableKind::List;
    type Decoded = Directory;

    fn decode(list: &ArchivedIdList) -> Result<Directory, VerifyError> {
        Ok(Directory::of(&list.prints))
    }
}

#[cfg(test)]
mod tests;
