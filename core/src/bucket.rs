//! Buckets: where a user stands on the line from 0 to one million.
//!
//! Owns the hash and its projection, exactly as POLICY "Buckets and allocation" states them, so that
//! any SDK can reproduce a cohort (OpenFeature flagd uses the same projection). Does not decide what
//! lies at a bucket: ranges do ([`crate::rollout::allocation`]).
//!
//! Invariants:
//! - integers only, little-endian block order on every machine;
//! - the published vectors hold (see the tests);
//! - the key is hashed piecewise: `salt ":" unit` is never concatenated on the heap.

use crate::limits::BUCKETS;

/// Returns MurmurHash3_x86_32 of the concatenation of `parts` (Austin Appleby, 2011).
///
/// Cost: about one nanosecond for four bytes; allocates nothing.
#[must_use]
pub fn murmur3(parts: &[&[u8]], seed: u32) -> u32 {
    let mut state = Murmur { hash: seed, pending: 0, filled: 0, length: 0 };
    for part in parts {
        state.write(part);
    }
    state.finish()
}

/// Returns the bucket of `unit` under `salt`, in `0..1_000_000`.
#[must_use]
pub fn bucket(salt: &[u8], unit: &[u8]) -> u32 {
    project(hash(salt, unit))
}

/// Returns the hash of `unit` under `salt`, which [`project`] makes a bucket.
#[must_use]
pub fn hash(salt: &[u8], unit: &[u8]) -> u32 {
    murmur3(&[salt, b":", unit], 0)
}

/// Projects a 32-bit hash onto the bucket space without division or floating point.
#[must_use]
pub fn project(hash: u32) -> u32 {
    ((u64::from(hash) * u64::from(BUCKETS)) >> 32) as u32
}

struct Murmur {
    hash: u32,
    pending: u32,
    filled: u32,
    length: u32,
}

impl Murmur {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;

    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.filled != 0 {
            let Some((&byte, tail)) = rest.split_first() else { return };
            self.push(byte);
            rest = tail;
        }
        let (blocks, tail) = rest.as_chunks::<4>();
        for block in blocks {
            self.mix(u32::from_le_bytes(*block));
        }
        self.length = self
            .length
            .wrapping_add(4u32.wrapping_mul(u32::try_from(blocks.len()).unwrap_or(u32::MAX)));
        for &byte in tail {
            self.push(byte);
        }
    }

    fn push(&mut self, byte: u8) {
        self.pending |= u32::from(byte) << (8 * self.filled);
        self.filled += 1;
        self.length = self.length.wrapping_add(1);
        if self.filled == 4 {
            self.mix(self.pending);
            self.pending = 0;
            self.filled = 0;
        }
    }

    fn mix(&mut self, block: u32) {
        self.hash ^= block.wrapping_mul(Self::C1).rotate_left(15).wrapping_mul(Self::C2);
        self.hash = self.hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }

    fn finish(mut self) -> u32 {
        self.hash ^= self.pending.wrapping_mul(Self::C1).rotate_left(15).wrapping_mul(Self::C2);
        let mut h = self.hash ^ self.length;
        h ^= h >> 16;
        h = h.wrapping_mul(0x85eb_ca6b);
        h ^= h >> 13;
        h = h.wrapping_mul(0xc2b2_ae35);
        h ^ (h >> 16)
    }
}

#[cfg(test)]
mod tests;
