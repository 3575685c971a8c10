//! Bounds on a request head that one gateway sets for itself.
//!
//! Owns the comparison with what was parsed. The bounds of [`crate::limits`] hold all the same: a
//! gateway can be stricter, never laxer.

use memchr::memchr;

use super::{HeadError, HeaderSlots, RequestHead, parse_request};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX, URI_BYTES_MAX};

/// How large a request head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadBounds {
    /// All of it, bytes.
    pub head_bytes: usize,
    /// Its fields.
    pub headers: usize,
    /// Its target, bytes.
    pub uri_bytes: usize,
}

impl Default for HeadBounds {
    fn default() -> Self {
        Self { head_bytes: HEAD_BYTES_MAX, headers: HEADERS_MAX, uri_bytes: URI_BYTES_MAX }
    }
}

/// Parses a request head as [`parse_request`] does, within `bounds`.
///
/// # Errors
/// [`HeadError`]; the connection must be closed after it is answered.
pub fn parse_request_within<'s, 'b>(
    bytes: &'b [u8],
    slots: &'s mut HeaderSlots<'b>,
    bounds: &HeadBounds,
) -> Result<Option<RequestHead<'s, 'b>>, HeadError> {
    let parsed = parse_request(bytes, slots)?;
    let Some(head) = &parsed else {
        let line = memchr(b'\n', bytes).unwrap_or(bytes.len());
        // Method and version take less than 64 bytes beside the target.
        return if line > bounds.uri_bytes + 64 {
            Err(HeadError::TargetTooLong)
        } else if bytes.len() >= bounds.head_bytes {
            Err(HeadError::TooLarge)
        } else {
            Ok(None)
        };
    };
    if head.target.len() > bounds.uri_bytes {
        Err(HeadError::TargetTooLong)
    } else if head.bytes > bounds.head_bytes {
        Err(HeadError::TooLarge)
    } else if head.headers.len() > bounds.headers {
        Err(HeadError::TooManyFields)
    } else {
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests;
