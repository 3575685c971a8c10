//! The digest of a text in parts, gone on with where a later text begins to differ.
//!
//! Owns the states of the hash that are kept on the way. Invariant: a digest is that of the whole text, wherever it was
//! gone on from.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Fragment;

/// A state is kept before each so many parts: a hundred states for the largest text.
const PARTS: usize = 16;

/// A digest, and how it came about.
#[derive(Clone, Debug, Default)]
pub(super) struct Hashed {
    /// `sha256:` and 64 hexadecimal digits; empty where only the start of a text is known.
    pub(super) digest: String,
    /// By number of [`PARTS`], from the first: the state behind so many.
    states: Vec<Sha256>,
}

impl Hashed {
    /// Returns what is known of a text that has so many of its first parts in common with this one.
    pub(super) fn until(&self, parts: usize) -> Self {
        let states = self.states.iter().take(parts / PARTS).cloned().collect();
        Self { digest: String::new(), states }
    }

    /// Goes on to the end of a text that begins with what is known; `fragments` are all of its parts.
    pub(super) fn go_on<'a>(&self, fragments: impl Iterator<Item = Fragment<'a>>) -> Self {
        let mut states = self.states.clone();
        let mut hash = states.last().cloned().unwrap_or_default();
        for (at, fragment) in (1..).zip(fragments).skip(states.len() * PARTS) {
            hash.update(fragment.text());
            if at % PARTS == 0 {
                states.push(hash.clone());
            }
        }
        Self { digest: digest_of(hash), states }
    }
}

/// Returns the digest a hash ends with: `sha256:` and 64 hexadecimal digits.
pub(super) fn digest_of(hash: Sha256) -> String {
    let mut digest = String::from("sha256:");
    for byte in hash.finalize() {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_whole_wherever_it_is_gone_on_from() {
        let words = ["a", "bc", "", "def", "g"];
        let text = |len: usize, other: usize| -> Vec<&'static str> {
            (0..len).map(|at| if at == other { "other" } else { words[at % 5] }).collect()
        };
        let parts = |text: &[&'static str]| text.iter().map(|one| Fragment::Literal(one)).collect();
        for len in [0, 1, PARTS - 1, PARTS, PARTS + 1, 5 * PARTS, 5 * PARTS + 3] {
            let first: Vec<_> = parts(&text(len, len));
            let hashed = Hashed::default().go_on(first.iter().copied());
            assert_eq!(hashed.states.len(), len / PARTS);
            for other in 0..=len {
                let second = text(len, other);
                let made: Vec<_> = parts(&second);
                let next = hashed.until(other).go_on(made.iter().copied());
                let whole = digest_of(Sha256::new_with_prefix(second.concat()));
                assert_eq!(next.digest, whole, "{len}, {other}");
                assert_eq!(next.states.len(), len / PARTS);
            }
        }
    }
}
