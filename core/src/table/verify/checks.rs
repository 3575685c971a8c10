//! What every check is made of: bounds, order, indices, and the forms of names.
//!
//! Owns how each is told as a [`VerifyError`]. Knows no row of a table but spans. Invariant: nothing here indexes or adds what a
//! peer has sent.

use rkyv::{rend::u32_le, string::ArchivedString};

use super::VerifyError;
use crate::{
    limits::{HOST_BYTES_MAX, NAME_BYTES_MAX, TIMEOUT_MS_MAX},
    table::{ArchivedSpan, NONE},
};

pub(super) fn bounded(what: &'static str, found: usize, limit: usize) -> Result<(), VerifyError> {
    if found <= limit { Ok(()) } else { Err(VerifyError::TooMany { what, found, limit }) }
}

pub(super) fn check(what: &'static str, row: usize, good: bool) -> Result<(), VerifyError> {
    if good { Ok(()) } else { Err(VerifyError::Value { what, row }) }
}

pub(super) fn ordered(what: &'static str, row: usize, good: bool) -> Result<(), VerifyError> {
    if good { Ok(()) } else { Err(VerifyError::Order { what, row }) }
}

pub(super) fn index(
    what: &'static str,
    row: usize,
    index: u32_le,
    len: usize,
) -> Result<(), VerifyError> {
    let index = index.to_native();
    if (index as usize) < len { Ok(()) } else { Err(VerifyError::Index { what, row, index }) }
}

pub(super) fn inside(
    what: &'static str,
    row: usize,
    at: u32_le,
    range: &std::ops::Range<u32>,
) -> Result<(), VerifyError> {
    let index = at.to_native();
    if range.contains(&index) { Ok(()) } else { Err(VerifyError::Index { what, row, index }) }
}

pub(super) fn span(
    what: &'static str,
    row: usize,
    span: &ArchivedSpan,
    len: usize,
) -> Result<(), VerifyError> {
    let (start, end) = (span.start.to_native(), span.end.to_native());
    if start <= end && end as usize <= len {
        Ok(())
    } else {
        Err(VerifyError::Index { what, row, index: end })
    }
}

pub(super) fn is_timeout(ms: u32_le) -> bool {
    ms.to_native() == NONE || u64::from(ms.to_native()) <= TIMEOUT_MS_MAX
}

pub(super) fn is_short(text: &ArchivedString) -> bool {
    text.len() <= NAME_BYTES_MAX
}

pub(super) fn is_lower_case(text: &ArchivedString) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

pub(super) fn is_host_name(name: &ArchivedString) -> bool {
    let name = name.as_bytes();
    !name.is_empty() && name.len() <= HOST_BYTES_MAX && !name.iter().any(u8::is_ascii_uppercase)
}

pub(super) fn is_field_name(name: &ArchivedString) -> bool {
    !name.is_empty() && is_short(name) && is_lower_case(name)
}
