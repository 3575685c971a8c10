//! JSON Web Tokens (RFC 7519) that callers show as bearers: who is believed, and what is read of them.
//!
//! Owns the names of what becomes of a token, where a request has it, and the reader that decisions ask for claims. What
//! issuers and their keys are is [`issuers`]', on a disk [`kept`]'s, the form of a JWKS document [`jwks`]', the check of a token [`token`]'s, what
//! it says [`claims`]'. Does not remember tokens or count them: workers do.
//!
//! Life of a token: a decision asks for a claim → the one token of the request → its form, its issuer, its key, its
//! signature, its audience, its time → the claim's text. Nothing of this happens for a decision that asks for none.
//!
//! Invariants:
//! - what is not verified is not there: no claim of a token is believed before its signature and its time;
//! - the key says which algorithm is served, never the token (RFC 8725 §3.1); `none` and shared secrets are no algorithms;
//! - total: no bytes make it panic.

pub mod claims;
pub mod issuers;
pub mod jwks;
pub mod kept;
pub mod token;

use serde::{Deserialize, Serialize};

use crate::{http::Header, limits::JWT_BYTES_MAX};

pub use claims::Claims;
pub use issuers::{Issuer, IssuerState, Issuers, IssuersError};
pub use jwks::{Algorithm, Jwk, JwksError, Material};
pub use token::{Bearer, Verified};

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rejected {
    /// The gateway knows no issuer.
    NoIssuers,
    /// The request shows more than one.
    Repeated,
    /// It has not the form of one, or is too long.
    Malformed,
    /// It is signed by an algorithm that is not served, or by another than its key is for.
    Algorithm,
    /// It has to be understood in a way that is not served: `crit`, or a `typ` that is no caller's.
    Unsupported,
    /// Nobody who is believed has issued it.
    UnknownIssuer,
    /// Its issuer has no such key.
    UnknownKey,
    /// It was signed by another key, or changed.
    WrongSignature,
    /// It is meant for somebody else.
    WrongAudience,
    /// Its time is over, or it has none.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// More tokens came than this worker verifies in a moment.
    Busy,
}

/// What becomes of tokens, as counters call it: good ones, and then as [`Rejected`] has them.
pub const RESULTS: [&str; 13] = [
    "valid",
    "no_issuers",
    "repeated",
    "malformed",
    "algorithm",
    "unsupported",
    "unknown_issuer",
    "unknown_key",
    "wrong_signature",
    "wrong_audience",
    "expired",
    "not_yet_valid",
    "busy",
];

impl Rejected {
    /// Returns its place in [`RESULTS`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::NoIssuers => 1,
            Self::Repeated => 2,
            Self::Malformed => 3,
            Self::Algorithm => 4,
            Self::Unsupported => 5,
            Self::UnknownIssuer => 6,
            Self::UnknownKey => 7,
            Self::WrongSignature => 8,
            Self::WrongAudience => 9,
            Self::Expired => 10,
            Self::NotYetValid => 11,
            Self::Busy => 12,
        }
    }

    /// Returns the words that explanations use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoIssuers => "the gateway knows no issuer of tokens",
            Self::Repeated => "the request has Authorization more than once",
            Self::Malformed => "it has not the form of a token",
            Self::Algorithm => "it is signed by an algorithm that its key is not for",
            Self::Unsupported => "its crit or its typ asks for what is not served",
            Self::UnknownIssuer => "nobody who is believed has issued it",
            Self::UnknownKey => "its issuer has no such key",
            Self::WrongSignature => "its signature is wrong",
            Self::WrongAudience => "it is meant for somebody else",
            Self::Expired => "its time is over, or it has none",
            Self::NotYetValid => "its time has not come",
            Self::Busy => "too many tokens came at once",
        }
    }
}

/// Reads claims for one decision.
pub trait ClaimReader: std::fmt::Debug {
    /// Returns the text of a claim of the request's token, which `issuer` has issued if one is named; nothing when there is
    /// no such claim, or no token that is believed.
    fn claim(&self, name: &str, issuer: Option<&str>) -> Option<&str>;
}

/// Believes nobody.
#[derive(Clone, Copy, Debug)]
pub struct NoClaims;

impl ClaimReader for NoClaims {
    fn claim(&self, _: &str, _: Option<&str>) -> Option<&str> {
        None
    }
}

/// Returns the token that a request shows: `Authorization: Bearer` (RFC 6750 §2.1); nothing when it shows none.
///
/// # Errors
/// [`Rejected::Repeated`]: who reads the first believes another than who reads the last. [`Rejected::Malformed`] for one
/// that is longer than [`JWT_BYTES_MAX`].
pub fn bearer<'h>(headers: &[Header<'h>]) -> Result<Option<&'h [u8]>, Rejected> {
    let mut fields =
        headers.iter().filter(|header| header.name.eq_ignore_ascii_case("authorization"));
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(Rejected::Repeated);
    }
    let Some((scheme, rest)) = field.value.split_at_checked(BEARER.len()) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(BEARER) || rest.first() != Some(&b' ') {
        return Ok(None);
    }
    let token = rest.trim_ascii();
    if token.len() > JWT_BYTES_MAX { Err(Rejected::Malformed) } else { Ok(Some(token)) }
}

const BEARER: &[u8] = b"bearer";

#[cfg(test)]
mod tests;
