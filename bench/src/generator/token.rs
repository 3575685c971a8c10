//! What an epoll event is about: the kind and the index of a socket in one word.
//!
//! Owns the packing only. Invariant: what was packed comes out as it went in.

/// Names a socket of the event loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// A listening socket of the backend.
    Listener(usize),
    /// A connection from the contender to the backend.
    Backend(usize),
    /// A connection from the generator to the contender.
    Client(usize),
}

const KIND_SHIFT: u32 = 32;

impl Token {
    /// Packs the token: the kind above the index, which stays below 2^32 as descriptors do.
    pub(crate) fn encode(self) -> u64 {
        match self {
            Self::Client(index) => index as u64,
            Self::Backend(index) => (1 << KIND_SHIFT) | index as u64,
            Self::Listener(index) => (2 << KIND_SHIFT) | index as u64,
        }
    }

    /// Unpacks what [`Token::encode`] packed.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the index")]
    pub(crate) fn decode(word: u64) -> Self {
        let index = word as u32 as usize;
        match word >> KIND_SHIFT {
            0 => Self::Client(index),
            1 => Self::Backend(index),
            _ => Self::Listener(index),
        }
    }
}

#[cfg(test)]
mod tests;
