//! Where requests end: the ends of heads in a stream that arrives in pieces.
//!
//! Owns the counting only. Invariant: any cut of the stream gives the same count.

use memchr::memmem::Finder;

/// What ends a head.
pub(super) const HEAD_END: &[u8] = b"\r\n\r\n";

/// Counts the ends of heads in a stream that arrives in pieces.
#[derive(Debug, Default)]
pub(super) struct HeadCounter {
    /// How many bytes of the terminator the stream ended with.
    matched: usize,
}

impl HeadCounter {
    /// Returns how many heads end in `bytes`, which follow what was counted before.
    pub(super) fn count(&mut self, head_end: &Finder<'_>, bytes: &[u8]) -> u64 {
        let mut heads = 0;
        let mut rest = bytes;
        while self.matched > 0 {
            let Some((&byte, tail)) = rest.split_first() else { return heads };
            rest = tail;
            self.step(byte);
            if self.matched == HEAD_END.len() {
                self.matched = 0;
                heads += 1;
            }
        }
        while let Some(at) = head_end.find(rest) {
            rest = &rest[at + HEAD_END.len()..];
            heads += 1;
        }
        self.matched = (1..HEAD_END.len())
            .rev()
            .find(|&length| rest.ends_with(&HEAD_END[..length]))
            .unwrap_or(0);
        heads
    }

    fn step(&mut self, byte: u8) {
        self.matched = if byte == HEAD_END[self.matched] {
            self.matched + 1
        } else {
            usize::from(byte == b'\r')
        };
    }
}

#[cfg(test)]
mod tests;
