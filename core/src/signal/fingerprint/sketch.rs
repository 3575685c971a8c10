//! How alike two devices are, told by sketches that say nothing else.
//!
//! Owns the salts, the sketches that are keyed by them, and the fusion of the likeness of each feature. A sketch is 64
//! minimal hashes of a set of words, 2 bits of each (b-bit minwise hashing, Li and König 2010): the share of equal ones
//! estimates the share of equal words (Jaccard), with a standard error of 8 % at worst. The hash is SipHash-2-4 under the
//! salt: without it, a sketch tells no word, and is like none of another salt.
//!
//! Invariants (property-tested): likeness is symmetric, whole for equal sets, and the fusion never falls when one of its
//! parts rises.

use std::hash::Hasher as _;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use siphasher::sip::SipHasher24;

use super::{FEATURES, Features};
use crate::{limits::FINGERPRINT_PERIOD_S, signal::keys::KeyRing};

/// What the likeness of each of [`FEATURES`] counts for, parts per million.
pub const WEIGHTS_PPM: [u32; FEATURES.len()] = [200_000, 300_000, 500_000];
/// The whole.
const WHOLE_PPM: u32 = 1_000_000;
const _: () = assert!(WEIGHTS_PPM[0] + WEIGHTS_PPM[1] + WEIGHTS_PPM[2] == WHOLE_PPM);
/// The likeness from which on two devices are one: what draws alike is one whatever it calls itself, and so is what
/// shows the same hardware and one thing more. The same agent and fonts alone are not.
pub const SAME_PPM: u32 = 700_000;

/// Hashes of a sketch.
const HASHES: u32 = 64;
/// Bits that are kept of each.
const BITS: u32 = 2;
/// Bytes of the sketch of one feature.
const SET_BYTES: usize = (HASHES * BITS / 8) as usize;
/// Bytes of a sketch.
pub const SKETCH_BYTES: usize = FEATURES.len() * SET_BYTES;

/// What a period's ids and sketches are keyed by. It is derived, never stored, and shown by nobody.
#[derive(Clone)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Derives the salt of a tenant's period from the key in a place of a ring; nothing when that has none.
    pub(super) fn derive(keys: &KeyRing, place: usize, tenant: &str, period: u64) -> Option<Self> {
        let mut mac = keys.keys.get(place)?.mac.clone();
        // No use of a token is called so.
        mac.update(b"halftone/v1\nfingerprint salt\n");
        mac.update(tenant.as_bytes());
        mac.update(b"\n");
        mac.update(&period.to_be_bytes());
        Some(Self(mac.finalize().into_bytes().into()))
    }

    /// Returns the first half of the hash (HMAC-SHA-256) of all words, which is the same for the same words alone.
    pub(super) fn hash(&self, features: &Features) -> Option<[u8; 16]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for words in &features.sets {
            mac.update(&(words.len() as u64).to_be_bytes());
            for word in words {
                mac.update(&(word.len() as u64).to_be_bytes());
                mac.update(word.as_bytes());
            }
        }
        let hash = mac.finalize().into_bytes();
        hash.first_chunk().copied()
    }
}

/// Returns the number of the period that a moment lies in.
#[must_use]
pub fn period(unix_s: u64) -> u64 {
    unix_s / FINGERPRINT_PERIOD_S
}

/// What is kept of features: enough to tell whether others are like them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch(pub(super) [u8; SKETCH_BYTES]);

impl Sketch {
    /// Sketches features under a salt.
    #[must_use]
    pub fn of(features: &Features, salt: &Salt) -> Self {
        let mut sketch = [0; SKETCH_BYTES];
        let sets = (0u8..).zip(&features.sets);
        for ((feature, words), bytes) in sets.zip(sketch.chunks_exact_mut(SET_BYTES)) {
            sketch_set(feature, words, salt, bytes);
        }
        Self(sketch)
    }

    /// Returns how alike each feature is, parts per million.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> [u32; FEATURES.len()] {
        let mut found = [0; FEATURES.len()];
        let sets = self.0.chunks_exact(SET_BYTES).zip(other.0.chunks_exact(SET_BYTES));
        for (likeness, (one, other)) in found.iter_mut().zip(sets) {
            *likeness = set_likeness(one, other);
        }
        found
    }
}

/// Fuses the likeness of each feature, parts per million, by [`WEIGHTS_PPM`].
#[must_use]
pub fn fuse(likeness_ppm: [u32; FEATURES.len()]) -> u32 {
    let parts = WEIGHTS_PPM.iter().zip(likeness_ppm);
    let sum: u64 = parts
        .map(|(weight, likeness)| u64::from(*weight) * u64::from(likeness.min(WHOLE_PPM)))
        .sum();
    // A mean of numbers that fit.
    u32::try_from(sum / u64::from(WHOLE_PPM)).unwrap_or(WHOLE_PPM)
}

/// Writes the sketch of one set. An empty one is the set of a word that nobody can send: like itself, and like no other.
fn sketch_set(feature: u8, words: &[String], salt: &Salt, bytes: &mut [u8]) {
    let mut least = [u64::MAX; HASHES as usize];
    let key: &[u8; 16] = salt.0.first_chunk().unwrap_or(&[0; 16]);
    let mut add = |word: &[u8]| {
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write_u8(feature);
        hasher.write(word);
        let hash = hasher.finish();
        for (at, least) in (1u64..).zip(&mut least) {
            *least = mix(hash ^ at.wrapping_mul(0x9E37_79B9_7F4A_7C15)).min(*least);
        }
    };
    if words.is_empty() {
        add(b"");
    }
    words.iter().for_each(|word| add(word.as_bytes()));
    for (byte, least) in bytes.iter_mut().zip(least.chunks_exact((8 / BITS) as usize)) {
        *byte = least.iter().fold(0, |byte, hash| byte << BITS | (hash & 0b11) as u8);
    }
}

/// Spreads every bit over all (the finish of SplitMix64, Steele et al. 2014): another permutation for each hash.
fn mix(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

/// Returns the share of equal words that two sketches tell of. A quarter of the hashes are equal by chance.
fn set_likeness(one: &[u8], other: &[u8]) -> u32 {
    let pairs = one.iter().zip(other);
    let equal: u32 = pairs
        .map(|(one, other)| {
            let differs = one ^ other;
            // A bit per hash.
            4 - ((differs | differs >> 1) & 0b0101_0101).count_ones()
        })
        .sum();
    let chance = HASHES >> BITS;
    equal.saturating_sub(chance) * WHOLE_PPM / (HASHES - chance)
}

#[cfg(test)]
mod tests;
