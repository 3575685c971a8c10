//! Bodies on their way through: where each ends, in whatever pieces it comes.
//!
//! Owns the position inside one body. Does not read, write or hold bytes. Invariant: bytes beyond the
//! end are never counted as body, so they are never forwarded.

use halftone_core::{
    http::{ChunkError, ChunkScanner, Framing, Piece},
    limits::SPLICE_BYTES_MIN,
};

/// A body being relayed.
#[derive(Clone, Debug)]
pub enum Body {
    /// Over.
    Ended,
    /// So many bytes are left.
    Length(u64),
    /// Forwarded with its chunks.
    Chunked(ChunkScanner),
    /// Forwarded with its chunks, without the fields behind them.
    Untrailed(ChunkScanner),
    /// Forwarded without them: the caller speaks HTTP/1.0.
    Dechunked(ChunkScanner),
    /// Until the connection ends.
    Close,
}

impl Body {
    /// Returns the body that `framing` announces.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Empty => Self::Ended,
            Framing::Length(bytes) => Self::Length(bytes),
            Framing::Chunked => Self::Chunked(ChunkScanner::default()),
            Framing::Close => Self::Close,
        }
    }

    /// Returns the same body, whose chunks are refused beyond so many bytes; a length was compared
    /// before.
    #[must_use]
    pub fn at_most(self, bytes: u64) -> Self {
        match self {
            Self::Chunked(scanner) => Self::Chunked(scanner.at_most(bytes)),
            other => other,
        }
    }

    /// Returns the same body, to be forwarded without trailer fields.
    ///
    /// Those of a request are dropped, as nginx and Envoy do: they come when it was routed, stripped and
    /// authorised already, and a service that merges them into its head would be told what its caller may
    /// not say (RFC 9110 §6.5.1).
    #[must_use]
    pub fn without_trailers(self) -> Self {
        match self {
            Self::Chunked(scanner) => Self::Untrailed(scanner),
            other => other,
        }
    }

    /// Returns the same body, to be forwarded without chunks.
    #[must_use]
    pub fn without_chunks(self) -> Self {
        match self {
            Self::Chunked(scanner) => Self::Dechunked(scanner),
            other => other,
        }
    }

    /// Returns whether nothing more belongs to the body.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Returns whether the end of the connection is the end of the body.
    #[must_use]
    pub fn ends_with_connection(&self) -> bool {
        matches!(self, Self::Close)
    }

    /// Returns how many bytes are left, if that is known and they are worth moving without a copy.
    #[must_use]
    pub fn to_be_spliced(&self) -> Option<u64> {
        match self {
            Self::Length(left) if *left >= SPLICE_BYTES_MIN => Some(*left),
            _ => None,
        }
    }

    /// Takes `buffer[start..]`, which has just arrived.
    ///
    /// Returns the end of what is to be forwarded, and the end of what belonged to the body; they
    /// differ only where chunks are taken out, which moves the data together in place.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn advance(
        &mut self,
        buffer: &mut [u8],
        start: usize,
    ) -> Result<(usize, usize), ChunkError> {
        let arrived = buffer.len() - start;
        match self {
            Self::Ended => Ok((start, start)),
            Self::Close => Ok((buffer.len(), buffer.len())),
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(arrived);
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::Ended;
                }
                Ok((start + taken, start + taken))
            }
            Self::Chunked(scanner) => {
                let end = start + scanner.scan(&buffer[start..])?;
                if scanner.is_ended() {
                    *self = Self::Ended;
                }
                Ok((end, end))
            }
            Self::Untrailed(scanner) => {
                let ends = cut(scanner, buffer, start, Keep::Chunks)?;
                if scanner.is_ended() {
                    *self = Self::Ended;
                }
                Ok(ends)
            }
            Self::Dechunked(scanner) => {
                let ends = cut(scanner, buffer, start, Keep::Data)?;
                if scanner.is_ended() {
                    *self = Self::Ended;
                }
                Ok(ends)
            }
        }
    }
}

/// What is kept of a chunked body.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    /// The data alone.
    Data,
    /// Data and chunks, but no trailer field.
    Chunks,
}

/// Moves what is kept together; returns its end, and the end of what belonged to the body.
fn cut(
    scanner: &mut ChunkScanner,
    buffer: &mut [u8],
    start: usize,
    keep: Keep,
) -> Result<(usize, usize), ChunkError> {
    let (mut kept, mut at) = (start, start);
    while at < buffer.len() {
        let piece = scanner.next(&buffer[at..])?;
        let (bytes, stays) = match piece {
            Piece::Data(bytes) => (bytes, true),
            Piece::Trailer(bytes) => (bytes, false),
            Piece::Framing(bytes) | Piece::End(bytes) => (bytes, keep == Keep::Chunks),
        };
        if stays {
            if kept < at {
                buffer.copy_within(at..at + bytes, kept);
            }
            kept += bytes;
        }
        at += bytes;
        if matches!(piece, Piece::End(_)) {
            break;
        }
    }
    Ok((kept, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(mut body: Body, input: &[u8], step: usize) -> (Vec<u8>, usize, bool) {
        let (mut out, mut used) = (Vec::new(), 0);
        for piece in input.chunks(step) {
            let mut buffer = [b"###", piece].concat();
            let (forward, taken) = body.advance(&mut buffer, 3).expect("well-formed");
            out.extend_from_slice(&buffer[3..forward]);
            used += taken - 3;
        }
        (out, used, body.is_ended())
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        let chunked = b"5\r\nhello\r\n2;x\r\n!!\r\n0\r\n\r\nGET /";
        let whole = &chunked[..chunked.len() - 5];
        for step in 1..=chunked.len() {
            let body = Body::new(Framing::Chunked);
            assert_eq!(relay(body.clone(), chunked, step), (whole.to_vec(), whole.len(), true));
            assert_eq!(
                relay(body.without_chunks(), chunked, step),
                (b"hello!!".to_vec(), whole.len(), true)
            );
            let trailed = b"5\r\nhello\r\n0\r\nX-A: 1\r\nHost: b\r\n\r\nGET /";
            let (whole, bare) = (&trailed[..trailed.len() - 5], b"5\r\nhello\r\n0\r\n\r\n");
            let body = Body::new(Framing::Chunked);
            assert_eq!(relay(body.clone(), trailed, step), (whole.to_vec(), whole.len(), true));
            assert_eq!(
                relay(body.without_trailers(), trailed, step),
                (bare.to_vec(), whole.len(), true)
            );
            let body = Body::new(Framing::Length(7));
            assert_eq!(relay(body, b"1234567GET /", step), (b"1234567".to_vec(), 7, true));
            assert_eq!(relay(Body::new(Framing::Close), b"all", step), (b"all".to_vec(), 3, false));
            assert_eq!(relay(Body::new(Framing::Empty), b"GET /", step), (Vec::new(), 0, true));
        }
    }
}
