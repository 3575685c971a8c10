//! The check of one token: a JWS in compact form (RFC 7515 §7.1) that says JWT claims (RFC 7519).
//!
//! Owns the order of the checks, cheap ones first, and the signatures. Does not know where a token comes from.
//!
//! Invariants:
//! - the head of a token chooses among the keys that are there; what it brings or points to (`jwk`, `jku`, `x5c`, `x5u`)
//!   is never used;
//! - one spelling is one token: base64 has no padding and no bits to spare;
//! - a claim is read after the signature but for `iss`, by which the key is found.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};

use super::{
    Claims, Rejected,
    issuers::{Issuers, Known},
    jwks::{Algorithm, Decoded},
};
use crate::limits::{JWT_BYTES_MAX, JWT_LEEWAY_S};

/// A token whose signature, issuer and audience are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// Who has issued it.
    pub issuer: String,
    /// The id of the key it was signed with.
    pub kid: Option<String>,
    /// What it was verified by ([`Issuers::has`]).
    pub mark: u128,
    /// From when on it is none, in seconds since 1970.
    pub expires_unix_s: u64,
    /// From when on it is one.
    pub not_before_unix_s: u64,
}

impl Verified {
    /// Checks its time, with [`JWT_LEEWAY_S`] for clocks that differ.
    ///
    /// # Errors
    /// [`Rejected::Expired`], [`Rejected::NotYetValid`].
    pub fn is_current(&self, now_unix_s: u64) -> Result<(), Rejected> {
        if now_unix_s >= self.expires_unix_s.saturating_add(JWT_LEEWAY_S) {
            Err(Rejected::Expired)
        } else if now_unix_s.saturating_add(JWT_LEEWAY_S) < self.not_before_unix_s {
            Err(Rejected::NotYetValid)
        } else {
            Ok(())
        }
    }

    /// Returns the text of a claim, if `issuer` has issued the token or none is named.
    #[must_use]
    pub fn claim(&self, name: &str, issuer: Option<&str>) -> Option<&str> {
        let is_asked = issuer.is_none_or(|issuer| issuer == self.issuer);
        is_asked.then(|| self.claims.text(name))?
    }
}

/// A token that has the form of one.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'t> {
    /// Head and claims, as they were signed.
    signed: &'t [u8],
    head: &'t [u8],
    claims: &'t [u8],
    signature: &'t [u8],
}

impl<'t> Bearer<'t> {
    /// Takes a token apart; nothing of it is decoded yet.
    ///
    /// # Errors
    /// [`Rejected::Malformed`].
    pub fn split(token: &'t [u8]) -> Result<Self, Rejected> {
        if token.len() > JWT_BYTES_MAX {
            return Err(Rejected::Malformed);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(head), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejected::Malformed);
        };
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_part = |part: &[u8]| !part.is_empty() && part.iter().all(is_base64);
        if !is_part(head) || !is_part(claims) || !is_part(signature) {
            return Err(Rejected::Malformed);
        }
        let signed = &token[..head.len() + 1 + claims.len()];
        Ok(Self { signed, head, claims, signature })
    }

    /// Verifies all but its time.
    ///
    /// # Errors
    /// [`Rejected`]: the first that is wrong.
    pub fn verify(&self, issuers: &Issuers) -> Result<Verified, Rejected> {
        let head = object(self.head)?;
        // `crit` names what must be understood (RFC 7515 §4.1.11), `cty` says that there is another token inside.
        let typ = text_of(&head, "typ")?;
        if head.contains_key("crit") || head.contains_key("cty") || !is_a_callers(typ) {
            return Err(Rejected::Unsupported);
        }
        let algorithm = text_of(&head, "alg")?.and_then(Algorithm::named);
        let algorithm = algorithm.ok_or(Rejected::Algorithm)?;
        let claims = object(self.claims)?;
        let issuer = claims.get("iss").and_then(Value::as_str);
        let known = issuers.known(issuer.unwrap_or_default()).ok_or(Rejected::UnknownIssuer)?;
        let (jwk, key) = known.key(text_of(&head, "kid")?, algorithm)?;
        let signature = decode(self.signature)?;
        if !is_signed(algorithm, &key.numbers, self.signed, &signature) {
            return Err(Rejected::WrongSignature);
        }
        is_meant(known, &claims)?;
        let expires = claims.get("exp").ok_or(Rejected::Expired)?;
        let not_before = claims.get("nbf").map_or(Ok(0), moment)?;
        Ok(Verified {
            issuer: known.told.issuer.clone(),
            kid: jwk.kid.clone(),
            mark: key.mark,
            expires_unix_s: moment(expires)?,
            not_before_unix_s: not_before,
            claims: Claims::of(claims),
        })
    }
}

/// Returns whether a token of this type is one that callers show: not one that says that somebody has logged out, and not
/// one that only its issuer reads (RFC 8725 §3.11).
fn is_a_callers(typ: Option<&str>) -> bool {
    let Some(typ) = typ else { return true };
    let short = match typ.split_at_checked(APPLICATION.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(APPLICATION) => rest,
        _ => typ,
    };
    // RFC 7519 §5.1, RFC 9068 §2.1.
    ["jwt", "at+jwt"].iter().any(|one| short.eq_ignore_ascii_case(one))
}

const APPLICATION: &str = "application/";

fn is_signed(algorithm: Algorithm, key: &Decoded, signed: &[u8], signature: &[u8]) -> bool {
    let verified = match (algorithm, key) {
        (Algorithm::Rs256, Decoded::Rsa { n, e }) => {
            RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
        }
        (Algorithm::Ps256, Decoded::Rsa { n, e }) => {
            RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, signed, signature)
        }
        (Algorithm::Es256, Decoded::P256(point)) => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
        }
        (Algorithm::EdDsa, Decoded::Ed25519(key)) => {
            UnparsedPublicKey::new(&ED25519, key).verify(signed, signature)
        }
        _ => return false,
    };
    verified.is_ok()
}

/// Checks `aud`: one text or a list of them (RFC 7519 §4.1.3).
fn is_meant(known: &Known, claims: &Map<String, Value>) -> Result<(), Rejected> {
    let meant = match claims.get("aud") {
        Some(Value::String(audience)) => known.is_meant([audience.as_str()].into_iter()),
        Some(Value::Array(audiences)) => known.is_meant(audiences.iter().filter_map(Value::as_str)),
        None => known.is_meant(std::iter::empty()),
        Some(_) => return Err(Rejected::Malformed),
    };
    if meant { Ok(()) } else { Err(Rejected::WrongAudience) }
}

/// Reads a NumericDate (RFC 7519 §2), whose parts of a second are let go.
fn moment(value: &Value) -> Result<u64, Rejected> {
    if let Some(moment) = value.as_u64() {
        return Ok(moment);
    }
    let moment = value.as_f64().filter(|moment| (0.0..MOMENT_MAX).contains(moment));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 2^53"
    )]
    moment.map(|moment| moment as u64).ok_or(Rejected::Malformed)
}

/// Up to here a double tells seconds apart.
const MOMENT_MAX: f64 = 9_007_199_254_740_992.0;

/// Decodes a part that is a JSON object; of members with one name the last counts (RFC 7515 §4, RFC 7519 §4).
fn object(part: &[u8]) -> Result<Map<String, Value>, Rejected> {
    serde_json::from_slice(&decode(part)?).map_err(|_| Rejected::Malformed)
}

/// Returns a member of a head that has to be text.
fn text_of<'h>(head: &'h Map<String, Value>, name: &str) -> Result<Option<&'h str>, Rejected> {
    match head.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Rejected::Malformed),
    }
}

fn decode(part: &[u8]) -> Result<Vec<u8>, Rejected> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejected::Malformed)
}

#[cfg(test)]
mod tests;
