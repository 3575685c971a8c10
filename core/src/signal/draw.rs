//! Numbers that nobody can predict, drawn from a seed that nobody knows.
//!
//! Owns a generator with fast key erasure (Bernstein 2017) over SHA-256: what was drawn cannot be found again in the
//! memory of a gateway. Does not draw the seed: whoever starts a worker asks the system once, so that no request does.

use sha2::{Digest as _, Sha256};

/// A source of unpredictable bytes.
#[derive(Clone)]
pub struct Draw {
    seed: [u8; 32],
}

impl std::fmt::Debug for Draw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Draw")
    }
}

impl Draw {
    /// Starts from a seed that is used nowhere else.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// Draws 16 bytes.
    pub fn bytes(&mut self) -> [u8; 16] {
        let drawn: [u8; 32] =
            Sha256::new().chain_update(self.seed).chain_update([1]).finalize().into();
        self.seed = Sha256::new().chain_update(self.seed).chain_update([0]).finalize().into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&drawn[..16]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nothing_is_drawn_twice() {
        let (mut one, mut other) = (Draw::new([1; 32]), Draw::new([2; 32]));
        let drawn: BTreeSet<_> = (0..1_000).flat_map(|_| [one.bytes(), other.bytes()]).collect();
        assert_eq!(drawn.len(), 2_000);
        assert_eq!(Draw::new([1; 32]).bytes(), Draw::new([1; 32]).bytes());
    }
}
