//! The key ring: what a gateway signs with and verifies by.
//!
//! Owns the text of a key file and the ring that is made of it. Does not read files, draw secrets or sign
//! ([`super::signature`] does). Sits beside the tables of a worker: they say what has to be signed, never by what.
//!
//! Invariants:
//! - the first key signs, all verify: a key is added before it signs, and signs no more before it is removed;
//! - a secret is shown by nobody: `Debug` and errors name keys by their ids.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use thiserror::Error;

use crate::limits::{KEY_BYTES_MAX, KEY_BYTES_MIN, KEY_ID_BYTES_MAX, KEYS_MAX};

/// What a key file begins with when it is written here.
const HEAD: &str = "# Keys of gateways: an id and a secret in base64 on each line.\n\
                    # The first signs, all verify. Whoever reads this file can sign.\n";

/// Why a text is no key file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeysError {
    /// A line is not an id and a secret.
    #[error("line {line}: expected an id and a secret in base64, with a space between them")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// An id could not be part of a token.
    #[error(
        "line {line}: expected an id of 1 to {KEY_ID_BYTES_MAX} letters, digits, '-' and '_', got {found:?}"
    )]
    Id {
        /// The line, from 1.
        line: usize,
        /// The id.
        found: String,
    },
    /// A secret can be guessed, or is longer than any that makes sense.
    #[error(
        "line {line}: the secret of key {id:?} has {found} bytes, expected {KEY_BYTES_MIN} to {KEY_BYTES_MAX}"
    )]
    Length {
        /// The line, from 1.
        line: usize,
        /// Whose.
        id: String,
        /// How many it has.
        found: usize,
    },
    /// Two keys have one id.
    #[error("line {line}: {id:?} is the id of another key already")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// The id.
        id: String,
    },
    /// No line has a key.
    #[error("there is no key in it")]
    Empty,
    /// More keys than any rotation needs.
    #[error("expected at most {KEYS_MAX} keys, got {found}")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// A key as it is written down.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its id.
    pub id: String,
    /// The secret, [`KEY_BYTES_MIN`] to [`KEY_BYTES_MAX`] bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Reads a key file: a key per line, `#` begins a comment.
///
/// # Errors
/// [`KeysError`]: the first that is wrong.
pub fn parse_keys(text: &str) -> Result<Vec<Secret>, KeysError> {
    let (mut keys, mut ids) = (Vec::new(), BTreeSet::new());
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.split('#').next().unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let Some(id) = words.next() else { continue };
        let (Some(secret), None) = (words.next(), words.next()) else {
            return Err(KeysError::Line { line });
        };
        if !is_key_id(id) {
            return Err(KeysError::Id { line, found: id.to_owned() });
        }
        let bytes = STANDARD.decode(secret).map_err(|_| KeysError::Line { line })?;
        if !(KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&bytes.len()) {
            return Err(KeysError::Length { line, id: id.to_owned(), found: bytes.len() });
        }
        if !ids.insert(id) {
            return Err(KeysError::Twice { line, id: id.to_owned() });
        }
        keys.push(Secret { id: id.to_owned(), bytes });
    }
    match keys.len() {
        0 => Err(KeysError::Empty),
        1..=KEYS_MAX => Ok(keys),
        found => Err(KeysError::TooMany { found }),
    }
}

/// Writes a key file.
#[must_use]
pub fn keys_text(keys: &[Secret]) -> String {
    let lines = keys.iter().map(|key| format!("{} {}\n", key.id, STANDARD.encode(&key.bytes)));
    HEAD.to_owned() + &lines.collect::<String>()
}

/// Returns whether `id` can name a key: it is a part of tokens, between dots.
#[must_use]
pub fn is_key_id(id: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=KEY_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_part)
}

/// A key, ready to be used.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    /// HMAC-SHA-256 (RFC 2104) that has taken the secret.
    pub(super) mac: Hmac<Sha256>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// The keys of a gateway; without any, nothing is signed and nothing verified.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    pub(super) keys: Vec<Key>,
}

impl KeyRing {
    /// Makes keys ready.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        let keys = secrets.iter().filter_map(|secret| {
            // Any length is taken, so that none is left out.
            let mac = Hmac::new_from_slice(&secret.bytes).ok()?;
            Some(Key { id: secret.id.clone(), mac })
        });
        Self { keys: keys.collect() }
    }

    /// Returns whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the ids of the keys; the first signs.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
