//! Framing: how the end of a body is found (RFC 9112 §6.3).
//!
//! Owns the decision. Does not follow a body to its end: [`super::super::chunked`] and the data plane do.

use super::HeadError;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// By its chunks.
    Chunked,
    /// At the end of the connection (responses only).
    Close,
}

/// Decides the framing from the two fields that may state it.
pub(super) fn framing(
    transfer_encoding: Option<&[u8]>,
    length: Option<u64>,
) -> Result<Option<Framing>, HeadError> {
    match (transfer_encoding, length) {
        (Some(coding), _) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            Ok(Some(Framing::Chunked))
        }
        (Some(_), _) => Err(HeadError::TransferCoding),
        (None, Some(0)) => Ok(Some(Framing::Empty)),
        (None, Some(length)) => Ok(Some(Framing::Length(length))),
        (None, None) => Ok(None),
    }
}

/// Parses plain digits: no sign, no list, no white space inside (RFC 9110 §8.6).
pub(super) fn parse_length(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}
