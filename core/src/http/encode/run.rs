//! Fields that pass as they are: those that stand one behind another are copied at once.
//!
//! Owns what is copied of a head. Invariant: the bytes are those that writing each field by itself would give.

use std::ops::Range;

use super::write_field;
use crate::http::Header;

/// Fields of one head on their way into another, in order.
pub(super) struct Run<'b> {
    received: &'b [u8],
    /// What of it is to be copied next: lines without the end of the last.
    lines: Range<usize>,
}

impl<'b> Run<'b> {
    /// Begins with nothing of the head `received`.
    pub(super) fn of(received: &'b [u8]) -> Self {
        Self { received, lines: 0..0 }
    }

    /// Takes a field, which goes to `out` now or with those behind it.
    #[inline]
    pub(super) fn take(&mut self, field: &Header<'_>, out: &mut Vec<u8>) {
        let place = |part: &[u8]| part.as_ptr().addr().wrapping_sub(self.received.as_ptr().addr());
        let (start, value) = (place(field.name.as_bytes()), place(field.value));
        let end = value.wrapping_add(field.value.len());
        // Behind the name and its colon stands the one space that would be written.
        let is_tidy = value == start.wrapping_add(field.name.len() + 2)
            && start < end
            && end <= self.received.len()
            && self.received[value - 1] == b' ';
        if !is_tidy {
            self.end(out);
            write_field(out, field.name, field.value);
            return;
        }
        // No two bytes can stand between two fields but CRLF: a head with a bare LF is refused.
        if start != self.lines.end + 2 {
            self.end(out);
            self.lines.start = start;
        }
        self.lines.end = end;
    }

    /// Appends what was taken last.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        let lines = std::mem::take(&mut self.lines);
        if !lines.is_empty() {
            out.extend_from_slice(&self.received[lines]);
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests;
