//! The cookie that carries a device's id.
//!
//! Owns its value, `<id>~<period>~<sketch>`, and whether a device that comes again keeps its id. The value is that of a
//! token ([`crate::signal::signature`]) of the use `cookie`, so that it is good for one tenant and cannot be written by
//! anybody without a key.
//!
//! Invariants:
//! - the id is kept by a device that is like the one that was given it ([`SAME_PPM`]), and by no other;
//! - it ends with the period after the one it was made in, whatever is done with it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Features,
    sketch::{SAME_PPM, SKETCH_BYTES, Salt, Sketch, fuse, period},
};
use crate::{
    limits::FINGERPRINT_PERIOD_S,
    signal::{keys::KeyRing, signature::Use},
};

/// The cookie.
pub const DEVICE_COOKIE: &str = "__Host-halftone-device";
/// Between the parts of its value: none of them has it.
const SEPARATOR: u8 = b'~';
/// Characters of an id: 128 bits in base64url.
const ID_BYTES: usize = 22;

/// Returns the id in the value of a cookie whose signature was verified.
#[must_use]
pub fn device_id(value: &[u8]) -> Option<&[u8]> {
    let (id, rest) = value.split_at_checked(ID_BYTES)?;
    let is_text = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (rest.first() == Some(&SEPARATOR) && id.iter().all(is_text)).then_some(id)
}

/// What became of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the first of its browser, or that one's last is over.
    Made,
    /// It stays.
    Kept,
    /// It takes the place of one that another device had.
    Replaced,
}

/// A token for [`DEVICE_COOKIE`], and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: Vec<u8>,
    /// Seconds since 1970.
    pub expires_unix_s: u64,
    /// What became of the id.
    pub outcome: Outcome,
}

/// Issues the cookie of the device that has these features, and sends `token` with them if it has one; nothing without a
/// key to sign with.
///
/// Costs a hash and two rounds of 64 multiplications per word, twice where there is a cookie to compare with.
#[must_use]
pub fn issue(
    keys: &KeyRing,
    tenant: &str,
    features: &Features,
    token: Option<&[u8]>,
    now_unix_s: u64,
) -> Option<Issued> {
    let known = token.and_then(|token| Carried::of(keys, tenant, token, now_unix_s));
    let same = known.as_ref().filter(|known| known.is_of(features));
    let since = same.map_or_else(|| period(now_unix_s), |known| known.period);
    let salt = Salt::derive(keys, 0, tenant, since)?;
    let id = match same {
        Some(known) => known.id.to_vec(),
        None => URL_SAFE_NO_PAD.encode(salt.hash(features)?).into_bytes(),
    };
    let outcome = match (&known, same) {
        (_, Some(_)) => Outcome::Kept,
        // Another device may well have the same id by its features: then nothing was replaced.
        (Some(known), None) if known.id != id => Outcome::Replaced,
        _ => Outcome::Made,
    };
    let sketch = URL_SAFE_NO_PAD.encode(Sketch::of(features, &salt).0);
    let value = [&id, since.to_string().as_bytes(), sketch.as_bytes()].join(&SEPARATOR);
    let expires_unix_s = since.checked_add(2)?.checked_mul(FINGERPRINT_PERIOD_S)?;
    let mut token = Vec::new();
    let used = Use::Cookie { tenant, name: DEVICE_COOKIE };
    let signed = keys.sign(used, &value, expires_unix_s, &mut token);
    signed.then_some(Issued { token, expires_unix_s, outcome })
}

/// What a cookie carries that is believed.
struct Carried<'t> {
    id: &'t [u8],
    period: u64,
    sketch: Sketch,
    salt: Salt,
}

impl<'t> Carried<'t> {
    fn of(keys: &KeyRing, tenant: &str, token: &'t [u8], now_unix_s: u64) -> Option<Self> {
        let used = Use::Cookie { tenant, name: DEVICE_COOKIE };
        let value = keys.verify(used, token, now_unix_s).ok()?.value;
        let id = device_id(value)?;
        let mut parts = value.get(ID_BYTES + 1..)?.splitn(2, |byte| *byte == SEPARATOR);
        let since: u64 = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        // A gateway whose clock is ahead may have begun the next one.
        let now = period(now_unix_s);
        if since > now + 1 || since + 1 < now {
            return None;
        }
        let sketch = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let sketch: [u8; SKETCH_BYTES] = sketch.try_into().ok()?;
        let salt = Salt::derive(keys, keys.signer(token)?, tenant, since)?;
        Some(Self { id, period: since, sketch: Sketch(sketch), salt })
    }

    fn is_of(&self, features: &Features) -> bool {
        fuse(self.sketch.likeness(&Sketch::of(features, &self.salt))) >= SAME_PPM
    }
}

#[cfg(test)]
mod tests;
