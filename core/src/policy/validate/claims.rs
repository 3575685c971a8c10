//! Attributes that come from claims of tokens.
//!
//! Owns what sources with `jwt` and `issuer` may say. Whether anybody issues such a claim is not known here.

use super::Found;
use crate::{
    limits::{JWT_NAME_BYTES_MAX, NAME_BYTES_MAX},
    policy::Source,
    signal::jwt::issuers::is_name,
};

/// Checks one source.
pub(super) fn check(found: &mut Found, path: &str, source: &Source) {
    if let Some(claim) = &source.jwt
        && (!(1..=NAME_BYTES_MAX).contains(&claim.len()) || claim.chars().any(char::is_control))
    {
        let message = format!("expected a claim of 1 to {NAME_BYTES_MAX} bytes, got {claim:?}");
        found.add(&format!("{path}.jwt"), message);
    }
    let Some(issuer) = &source.issuer else { return };
    let path = format!("{path}.issuer");
    if source.jwt.is_none() {
        found.add(&path, "only claims have an issuer: name one by jwt");
    }
    if !is_name(issuer) {
        let message =
            format!("expected an issuer of 1 to {JWT_NAME_BYTES_MAX} bytes, got {issuer:?}");
        found.add(&path, message);
    }
}
