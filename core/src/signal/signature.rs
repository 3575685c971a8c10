//! Signatures: values that only holders of a key can have written.
//!
//! Owns the one token there is: `<value>.<expires>.<key id>.<signature>`, read from its end, so that a value may
//! have dots. `expires` is in seconds since 1970, 0 for never; the signature is HMAC-SHA-256 (RFC 2104) in base64url
//! without padding (RFC 4648 §5) of `halftone/v1`, the use, its scope, the value and `expires`, a line feed between each
//! two. `docs/signatures.md` says the same to people. Does not know where tokens are carried.
//!
//! Invariants:
//! - a token is good for one use and one scope: one of another tenant, release, cookie or host is none;
//! - signatures are compared in constant time;
//! - total: no bytes make it panic, and no two spellings are one token.

use std::{fmt, io::Write as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::keys::KeyRing;
use crate::limits::TOKEN_BYTES_MAX;

/// Bytes of a signature.
const MAC_BYTES: usize = 32;
/// Characters of one.
const MAC_TEXT_BYTES: usize = 43;
/// Most digits of a moment: far beyond any clock.
const EXPIRES_DIGITS_MAX: usize = 12;

/// What a token is for, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use<'a> {
    /// The value is the variant that a header asks for.
    Override {
        /// The tenant.
        tenant: &'a str,
        /// The release.
        release: &'a str,
    },
    /// The value is a cookie's.
    Cookie {
        /// The tenant.
        tenant: &'a str,
        /// The cookie.
        name: &'a str,
    },
    /// The value is a generation and a variant.
    Pin {
        /// The tenant.
        tenant: &'a str,
        /// The release.
        release: &'a str,
    },
    /// The value is a host name, whose decisions may be shown.
    Explain,
}

/// The uses, by [`Use::index`], as counters and people call them.
pub const USES: [&str; 4] = ["override", "cookie", "pin", "explain"];

impl<'a> Use<'a> {
    /// Returns its place in [`USES`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Override { .. } => 0,
            Self::Cookie { .. } => 1,
            Self::Pin { .. } => 2,
            Self::Explain => 3,
        }
    }

    /// Returns whether a token may be good for ever: what names a user may, what grants something may not.
    fn may_last(self) -> bool {
        matches!(self, Self::Cookie { .. } | Self::Pin { .. })
    }

    /// Returns the two parts of its scope; neither can have a slash.
    #[must_use]
    pub fn scope(self) -> Option<(&'a str, &'a str)> {
        match self {
            Self::Override { tenant, release } | Self::Pin { tenant, release } => {
                Some((tenant, release))
            }
            Self::Cookie { tenant, name } => Some((tenant, name)),
            Self::Explain => None,
        }
    }
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rejected {
    /// It has not the form of one.
    Malformed,
    /// No key of the ring has its id.
    UnknownKey,
    /// It was signed by another key, for something else, or changed.
    WrongSignature,
    /// Its time is over, or it has none where it needs one.
    Expired,
    /// The gateway has no keys.
    NoKeys,
}

/// What becomes of tokens, as counters call it: good ones, and then as [`Rejected`] has them.
pub const RESULTS: [&str; 6] =
    ["valid", "malformed", "unknown_key", "wrong_signature", "expired", "no_keys"];

impl Rejected {
    /// Returns its place in [`RESULTS`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Malformed => 1,
            Self::UnknownKey => 2,
            Self::WrongSignature => 3,
            Self::Expired => 4,
            Self::NoKeys => 5,
        }
    }
}

/// A token that is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'t> {
    /// Its value.
    pub value: &'t [u8],
    /// When it ends, in seconds since 1970; 0 is never.
    pub expires_unix_s: u64,
    /// Whether the key that signs now has signed it.
    pub is_newest: bool,
}

/// Verifies tokens for one decision.
pub trait Signatures: fmt::Debug {
    /// Verifies a token.
    ///
    /// # Errors
    /// [`Rejected`].
    fn verify<'t>(&self, used: Use<'_>, token: &'t [u8]) -> Result<Verified<'t>, Rejected>;

    /// Returns whether something can be signed, too.
    fn can_sign(&self) -> bool;
}

/// Verifies by a ring alone, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct At<'k> {
    /// The ring.
    pub keys: &'k KeyRing,
    /// The time, in seconds since 1970.
    pub now_unix_s: u64,
}

impl Signatures for At<'_> {
    fn verify<'t>(&self, used: Use<'_>, token: &'t [u8]) -> Result<Verified<'t>, Rejected> {
        self.keys.verify(used, token, self.now_unix_s)
    }

    fn can_sign(&self) -> bool {
        !self.keys.is_empty()
    }
}

/// Has no keys: believes nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoKeys;

impl Signatures for NoKeys {
    fn verify<'t>(&self, _: Use<'_>, _: &'t [u8]) -> Result<Verified<'t>, Rejected> {
        Err(Rejected::NoKeys)
    }

    fn can_sign(&self) -> bool {
        false
    }
}

impl KeyRing {
    /// Appends the token for `value` to `out`; returns whether there is a key to sign with.
    ///
    /// `expires_unix_s` is 0 for what does not end.
    pub fn sign(
        &self,
        used: Use<'_>,
        value: &[u8],
        expires_unix_s: u64,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(key) = self.keys.first() else { return false };
        let start = out.len();
        out.extend_from_slice(value);
        // Writing to a vector cannot fail.
        let _ = write!(out, ".{expires_unix_s}");
        let signed = &out[start..];
        let expires = &signed[value.len() + 1..];
        let mac = message(&key.mac, used, value, expires).finalize().into_bytes();
        out.push(b'.');
        out.extend_from_slice(key.id.as_bytes());
        out.push(b'.');
        let mut text = [0; MAC_TEXT_BYTES];
        // The room is that of 32 bytes.
        let written = URL_SAFE_NO_PAD.encode_slice(mac, &mut text).unwrap_or_default();
        out.extend_from_slice(&text[..written]);
        true
    }

    /// Verifies a token at `now_unix_s`.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn verify<'t>(
        &self,
        used: Use<'_>,
        token: &'t [u8],
        now_unix_s: u64,
    ) -> Result<Verified<'t>, Rejected> {
        if self.keys.is_empty() {
            return Err(Rejected::NoKeys);
        }
        let Parts { value, expires, key, mac } = split(token).ok_or(Rejected::Malformed)?;
        let expires_unix_s = moment(expires).ok_or(Rejected::Malformed)?;
        let place = self.keys.iter().position(|one| one.id.as_bytes() == key);
        let place = place.ok_or(Rejected::UnknownKey)?;
        let mut signed = [0; MAC_BYTES + 1];
        let decoded = URL_SAFE_NO_PAD.decode_slice(mac, &mut signed);
        if decoded != Ok(MAC_BYTES) {
            return Err(Rejected::Malformed);
        }
        message(&self.keys[place].mac, used, value, expires)
            .verify_slice(&signed[..MAC_BYTES])
            .map_err(|_| Rejected::WrongSignature)?;
        is_current(used, expires_unix_s, now_unix_s)?;
        Ok(Verified { value, expires_unix_s, is_newest: place == 0 })
    }
}

impl KeyRing {
    /// Returns the place of the key that a token says it was signed by.
    pub(super) fn signer(&self, token: &[u8]) -> Option<usize> {
        let key = split(token)?.key;
        self.keys.iter().position(|one| one.id.as_bytes() == key)
    }
}

/// Checks the time of a token whose signature is good.
///
/// # Errors
/// [`Rejected::Expired`].
pub fn is_current(used: Use<'_>, expires_unix_s: u64, now_unix_s: u64) -> Result<(), Rejected> {
    let lasts = expires_unix_s == 0 && used.may_last();
    if lasts || now_unix_s < expires_unix_s { Ok(()) } else { Err(Rejected::Expired) }
}

/// Returns the part of a token that may be shown: its value, whoever signed it.
#[must_use]
pub fn shown(token: &[u8]) -> &[u8] {
    split(token).map_or(token, |parts| parts.value)
}

struct Parts<'t> {
    value: &'t [u8],
    expires: &'t [u8],
    key: &'t [u8],
    mac: &'t [u8],
}

fn split(token: &[u8]) -> Option<Parts<'_>> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let mut parts = token.rsplitn(4, |byte| *byte == b'.');
    let (mac, key, expires, value) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (mac.len() == MAC_TEXT_BYTES && !value.is_empty()).then_some(Parts { value, expires, key, mac })
}

/// Reads a moment; one has one spelling.
fn moment(text: &[u8]) -> Option<u64> {
    let plain = text == b"0" || !text.starts_with(b"0");
    let digits = (1..=EXPIRES_DIGITS_MAX).contains(&text.len());
    if !plain || !digits || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn message(mac: &Hmac<Sha256>, used: Use<'_>, value: &[u8], expires: &[u8]) -> Hmac<Sha256> {
    let mut mac = mac.clone();
    mac.update(b"halftone/v1\n");
    mac.update(USES[used.index()].as_bytes());
    mac.update(b"\n");
    if let Some((tenant, name)) = used.scope() {
        mac.update(tenant.as_bytes());
        mac.update(b"/");
        mac.update(name.as_bytes());
    }
    for part in [value, expires] {
        mac.update(b"\n");
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests;
