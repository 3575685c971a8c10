//! Issuers as they are kept on a disk: the digest of a list, a line feed, and the list as JSON.
//!
//! Owns that form. Does no I/O. Invariant: what is read back is checked like anything that crossed a socket; a byte that has
//! changed is noticed.

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_128;

use super::{Issuer, Issuers, IssuersError};

/// Digits of the digest and the line feed.
const HEAD_BYTES: usize = 33;

/// Why what was kept is no list of issuers.
#[derive(Debug, Error)]
pub enum KeptError {
    /// It is not what was written.
    #[error("its content is not what its first line says: it is damaged")]
    Digest,
    /// It is not JSON.
    #[error("it is no list of issuers: {0}")]
    Json(#[from] serde_json::Error),
    /// Not one that is served.
    #[error(transparent)]
    Issuers(#[from] IssuersError),
}

/// Writes a list.
///
/// # Errors
/// None that a list of issuers causes: JSON has a form for all of it.
pub fn write(list: &[Issuer]) -> Result<Vec<u8>, serde_json::Error> {
    let list = serde_json::to_vec(list)?;
    let mut text = head(&list).into_bytes();
    text.extend_from_slice(&list);
    Ok(text)
}

/// Reads a list.
///
/// # Errors
/// [`KeptError`].
pub fn read(text: &[u8]) -> Result<Issuers, KeptError> {
    let (own, list) = text.split_at_checked(HEAD_BYTES).ok_or(KeptError::Digest)?;
    if own != head(list).as_bytes() {
        return Err(KeptError::Digest);
    }
    Ok(Issuers::open(serde_json::from_slice(list)?)?)
}

fn head(list: &[u8]) -> String {
    format!("{:032x}\n", xxh3_128(list))
}
