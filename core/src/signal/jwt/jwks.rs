//! JWKS documents (RFC 7517): the public keys of an issuer.
//!
//! Owns which keys of a document are served and the form they are passed on in. Does not fetch documents and does not
//! verify by keys ([`super::token`] does).
//!
//! Invariants:
//! - keys that are for something else, or of a kind that is not served, are left out and counted; a document without any
//!   that is served is refused;
//! - a document that has a private key is refused: whoever read it can sign, and its owner has to be told;
//! - what is served is public keys only: there is nothing secret to be shown.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::limits::{JWKS_BYTES_MAX, JWT_KEYS_MAX, JWT_NAME_BYTES_MAX, RSA_BITS_MAX, RSA_BITS_MIN};

/// Why a text is no document of keys.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JwksError {
    /// It is longer than any.
    #[error("it has {found} bytes, expected at most {JWKS_BYTES_MAX}")]
    Size {
        /// How many it has.
        found: usize,
    },
    /// It is not JSON.
    #[error("expected a JWKS document (RFC 7517): {0}")]
    Json(String),
    /// It has no list of keys.
    #[error("expected a JWKS document (RFC 7517): an object with a list \"keys\"")]
    Form,
    /// It has a secret.
    #[error(
        "key {key} is a private key: whoever read this document can sign; renew the key and publish its public half"
    )]
    Private {
        /// Its id, or its place from 0.
        key: String,
    },
    /// Nothing in it is served.
    #[error(
        "none of its {found} keys is served; served are RSA of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, EC P-256 and OKP Ed25519 that verify signatures"
    )]
    NoKey {
        /// How many it has.
        found: usize,
    },
    /// More than any rotation needs.
    #[error("it has {found} keys, expected at most {JWT_KEYS_MAX}")]
    TooMany {
        /// How many it has.
        found: usize,
    },
}

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1). Not among them: `none`, and what shares a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 using SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS using SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA using P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Returns the algorithm of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The one algorithm it is for; without one, each that its kind can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<Algorithm>,
    /// What it verifies by.
    pub material: Material,
}

/// What a key verifies by. Numbers are big-endian, in base64url without padding, as JWKS documents have them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kty", deny_unknown_fields)]
pub enum Material {
    /// An RSA public key.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus, of [`RSA_BITS_MIN`] to [`RSA_BITS_MAX`] bits.
        n: String,
        /// The exponent, odd, of 2 to 32 bits.
        e: String,
    },
    /// A point on P-256.
    #[serde(rename = "EC")]
    P256 {
        /// 32 bytes.
        x: String,
        /// 32 bytes.
        y: String,
    },
    /// An Ed25519 public key.
    #[serde(rename = "OKP")]
    Ed25519 {
        /// 32 bytes.
        x: String,
    },
}

impl Material {
    /// Returns whether a key of this kind can be used by `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
            Self::P256 { .. } => algorithm == Algorithm::Es256,
            Self::Ed25519 { .. } => algorithm == Algorithm::EdDsa,
        }
    }

    /// Returns the numbers of the key: `n` and `e`, the point uncompressed (SEC 1 §2.3.3), or the key itself; nothing when
    /// they are out of their ranges.
    #[must_use]
    pub fn decoded(&self) -> Option<Decoded> {
        match self {
            Self::Rsa { n, e } => {
                let (n, e) = (number(n)?, number(e)?);
                let bits = bits(&n);
                let is_fit = (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits)
                    && (2..=32).contains(&self::bits(&e))
                    && n.last().is_some_and(|byte| byte % 2 == 1)
                    && e.last().is_some_and(|byte| byte % 2 == 1);
                is_fit.then_some(Decoded::Rsa { n, e })
            }
            Self::P256 { x, y } => {
                let (x, y) = (bytes_32(x)?, bytes_32(y)?);
                Some(Decoded::P256([&[4], x.as_slice(), y.as_slice()].concat()))
            }
            Self::Ed25519 { x } => bytes_32(x).map(Decoded::Ed25519),
        }
    }
}

/// The numbers of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// An uncompressed point, 65 bytes.
    P256(Vec<u8>),
    /// A key, 32 bytes.
    Ed25519(Vec<u8>),
}

/// Reads a document; returns the keys that are served and how many are not.
///
/// # Errors
/// [`JwksError`].
pub fn parse_jwks(text: &[u8]) -> Result<(Vec<Jwk>, usize), JwksError> {
    if text.len() > JWKS_BYTES_MAX {
        return Err(JwksError::Size { found: text.len() });
    }
    let document: Value =
        serde_json::from_slice(text).map_err(|error| JwksError::Json(error.to_string()))?;
    let Some(listed) = document.get("keys").and_then(Value::as_array) else {
        return Err(JwksError::Form);
    };
    for (at, key) in listed.iter().enumerate() {
        // What all private keys and shared secrets have (RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2).
        let is_private = key.get("d").is_some() || key.get("k").is_some();
        if is_private {
            let kid = key.get("kid").and_then(Value::as_str);
            let key = kid.map_or_else(|| at.to_string(), |kid| format!("{kid:?}"));
            return Err(JwksError::Private { key });
        }
    }
    let keys: Vec<Jwk> = listed.iter().filter_map(served).collect();
    match keys.len() {
        0 => Err(JwksError::NoKey { found: listed.len() }),
        1..=JWT_KEYS_MAX => {
            let left_out = listed.len() - keys.len();
            Ok((keys, left_out))
        }
        found => Err(JwksError::TooMany { found }),
    }
}

/// Returns a key of a document, if it is served.
fn served(key: &Value) -> Option<Jwk> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let owned = |name: &str| text(name).map(str::to_owned);
    if key.get("use").is_some() && text("use") != Some("sig") {
        return None;
    }
    if let Some(operations) = key.get("key_ops") {
        let mut operations = operations.as_array()?.iter();
        operations.find(|operation| operation.as_str() == Some("verify"))?;
    }
    let material = match text("kty")? {
        "RSA" => Material::Rsa { n: owned("n")?, e: owned("e")? },
        "EC" if text("crv") == Some("P-256") => Material::P256 { x: owned("x")?, y: owned("y")? },
        "OKP" if text("crv") == Some("Ed25519") => Material::Ed25519 { x: owned("x")? },
        _ => return None,
    };
    let alg = match key.get("alg") {
        None => None,
        // RFC 9864 calls it by its curve.
        Some(name) if name.as_str() == Some("Ed25519") => Some(Algorithm::EdDsa),
        Some(name) => Some(Algorithm::named(name.as_str()?)?),
    };
    let kid = match key.get("kid") {
        None => None,
        Some(kid) => Some(kid.as_str()?.to_owned()),
    };
    let jwk = Jwk { kid, alg, material };
    jwk.is_served().then_some(jwk)
}

impl Jwk {
    /// Returns whether its numbers, its algorithm and its id are what they may be.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.alg.is_none_or(|alg| self.material.serves(alg))
            && self.kid.as_ref().is_none_or(|kid| kid.len() <= JWT_NAME_BYTES_MAX)
            && self.material.decoded().is_some()
    }

    /// Returns whether a token that is signed by `algorithm` can have been signed with it.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.alg.is_none_or(|own| own == algorithm) && self.material.serves(algorithm)
    }
}

/// Reads a big-endian number without the zeros some write in front.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = decode(text)?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}

fn bytes_32(text: &str) -> Option<Vec<u8>> {
    decode(text).filter(|bytes| bytes.len() == 32)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    // Room for more than the largest number that is served.
    (text.len() <= RSA_BITS_MAX / 4).then(|| URL_SAFE_NO_PAD.decode(text).ok())?
}

/// Returns how many bits a number without leading zeros has.
fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    number.len().saturating_sub(1) * 8 + first
}

#[cfg(test)]
mod tests;
