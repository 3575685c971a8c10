//! The chunked transfer coding (RFC 9112 §7.1), scanned without copying.
//!
//! Owns finding the data and the end of a chunked body in whatever pieces it arrives. Does not
//! buffer: callers forward the very bytes, or only the data of them.
//!
//! Invariants: lines end in CRLF, sizes are plain hexadecimal of at most 15 digits, size lines and
//! trailers are bounded ([`crate::limits`]); anything else is refused, since a lenient neighbour
//! might end the body elsewhere.

use thiserror::Error;

use crate::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};

/// Why a chunked body is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ChunkError {
    /// The size is missing, too large or not hexadecimal.
    #[error("a chunk size is not a plain hexadecimal number below 2^60")]
    Size,
    /// A size line or its extensions are too long.
    #[error("a chunk size line is longer than {CHUNK_LINE_BYTES_MAX} bytes")]
    Line,
    /// A control character, or a line end that is not CRLF.
    #[error("a line of the chunked framing does not end in CRLF, or has a control character")]
    LineEnd,
    /// A line of the trailer section is no field.
    #[error("a line of the trailer section does not begin with a name and a colon")]
    TrailerField,
    /// The trailer section is too long.
    #[error("the trailer section is longer than {TRAILER_BYTES_MAX} bytes")]
    Trailer,
    /// More data than is taken.
    #[error("the body is larger than is served here")]
    TooLarge,
}

/// The next piece of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes of framing.
    Framing(usize),
    /// So many bytes of data.
    Data(usize),
    /// So many bytes of trailer fields, line ends included.
    Trailer(usize),
    /// So many bytes of framing, after which the body has ended.
    End(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    Trailer,
    TrailerLineFeed,
    EndLineFeed,
    Ended,
}

/// Finds chunks in a stream of bytes.
#[derive(Clone, Debug)]
pub struct ChunkScanner {
    state: State,
    /// Bytes of data left, or the size read so far.
    remaining: u64,
    digits: u8,
    line_bytes: usize,
    trailer_bytes: usize,
    /// Bytes of data that may still be announced.
    allowed: u64,
}

impl Default for ChunkScanner {
    fn default() -> Self {
        Self {
            state: State::Size,
            remaining: 0,
            digits: 0,
            line_bytes: 0,
            trailer_bytes: 0,
            allowed: u64::MAX,
        }
    }
}

impl ChunkScanner {
    /// Returns the same scanner, which refuses the chunk that takes the data beyond `bytes`.
    #[must_use]
    pub fn at_most(self, bytes: u64) -> Self {
        Self { allowed: bytes, ..self }
    }

    /// Returns whether the body has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Returns what `input` starts with. Input that is not empty yields at least one byte, unless the
    /// body has ended.
    ///
    /// # Errors
    /// [`ChunkError`]; the connection cannot be used any further then.
    pub fn next(&mut self, input: &[u8]) -> Result<Piece, ChunkError> {
        if self.is_ended() {
            return Ok(Piece::End(0));
        }
        if self.state == State::Data {
            let here = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len());
            self.remaining -= here as u64;
            if self.remaining == 0 {
                self.state = State::DataReturn;
            }
            return Ok(Piece::Data(here));
        }
        let trailer = input.first().is_some_and(|byte| self.is_trailer(*byte));
        let run = |bytes| if trailer { Piece::Trailer(bytes) } else { Piece::Framing(bytes) };
        for (at, byte) in input.iter().enumerate() {
            if self.is_trailer(*byte) != trailer {
                return Ok(run(at));
            }
            self.step(*byte)?;
            match self.state {
                State::Data => return Ok(Piece::Framing(at + 1)),
                State::Ended => return Ok(Piece::End(at + 1)),
                _ => {}
            }
        }
        Ok(run(input.len()))
    }

    /// Returns whether `byte`, which comes next, belongs to a trailer field.
    fn is_trailer(&self, byte: u8) -> bool {
        match self.state {
            State::TrailerName | State::Trailer | State::TrailerLineFeed => true,
            State::TrailerStart => byte != b'\r',
            _ => false,
        }
    }

    /// Scans `input` for the end of the body.
    ///
    /// Returns how many bytes belong to the body: all of them, unless it has ended.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn scan(&mut self, input: &[u8]) -> Result<usize, ChunkError> {
        let mut at = 0;
        while at < input.len() {
            match self.next(&input[at..])? {
                Piece::Framing(bytes) | Piece::Data(bytes) | Piece::Trailer(bytes) => at += bytes,
                Piece::End(bytes) => return Ok(at + bytes),
            }
        }
        Ok(at)
    }

    fn step(&mut self, byte: u8) -> Result<(), ChunkError> {
        match self.state {
            State::Size => return self.size(byte),
            State::Extension => {
                self.line_bytes += 1;
                match byte {
                    b'\r' => self.state = State::SizeLineFeed,
                    _ if self.line_bytes > CHUNK_LINE_BYTES_MAX => return Err(ChunkError::Line),
                    b'\t' | b' '..=b'~' | 0x80.. => {}
                    _ => return Err(ChunkError::LineEnd),
                }
            }
            State::SizeLineFeed => {
                expect(byte, b'\n')?;
                self.allowed =
                    self.allowed.checked_sub(self.remaining).ok_or(ChunkError::TooLarge)?;
                self.state = if self.remaining == 0 { State::TrailerStart } else { State::Data };
                self.digits = 0;
            }
            State::DataReturn => {
                expect(byte, b'\r')?;
                self.state = State::DataLineFeed;
            }
            State::DataLineFeed => {
                expect(byte, b'\n')?;
                self.state = State::Size;
            }
            State::TrailerStart | State::TrailerName | State::Trailer => {
                return self.trailer(byte);
            }
            State::TrailerLineFeed => {
                expect(byte, b'\n')?;
                self.state = State::TrailerStart;
            }
            State::EndLineFeed => {
                expect(byte, b'\n')?;
                self.state = State::Ended;
            }
            State::Data | State::Ended => {}
        }
        Ok(())
    }

    fn size(&mut self, byte: u8) -> Result<(), ChunkError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' | b';' if self.digits > 0 => {
                self.line_bytes = 0;
                self.state = if byte == b'\r' { State::SizeLineFeed } else { State::Extension };
                return Ok(());
            }
            _ => return Err(ChunkError::Size),
        };
        if self.digits == 0 {
            self.remaining = 0;
        }
        self.digits += 1;
        if self.digits > 15 {
            return Err(ChunkError::Size);
        }
        self.remaining = self.remaining << 4 | u64::from(digit);
        Ok(())
    }

    fn trailer(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.trailer_bytes += 1;
        self.state = match (self.state, byte) {
            (State::TrailerStart, b'\r') => State::EndLineFeed,
            _ if self.trailer_bytes > TRAILER_BYTES_MAX => return Err(ChunkError::Trailer),
            (State::TrailerStart | State::TrailerName, byte) if is_token(byte) => {
                State::TrailerName
            }
            (State::TrailerName, b':') => State::Trailer,
            // Obsolete folding (RFC 9112 §5.2) among them.
            (State::TrailerStart | State::TrailerName, _) => return Err(ChunkError::TrailerField),
            (_, b'\r') => State::TrailerLineFeed,
            (_, b'\t' | b' '..=b'~' | 0x80..) => State::Trailer,
            _ => return Err(ChunkError::LineEnd),
        };
        Ok(())
    }
}

/// Returns whether `byte` may be part of a field's name (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn expect(byte: u8, wanted: u8) -> Result<(), ChunkError> {
    if byte == wanted { Ok(()) } else { Err(ChunkError::LineEnd) }
}

#[cfg(test)]
mod tests;
