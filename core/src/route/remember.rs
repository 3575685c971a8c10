//! What a caller is to remember of a decision, so that the next one is the same.
//!
//! Owns the names and values of the cookies, and where a browser keeps them. Does not sign or write them: whoever
//! answers does. Invariant: nothing that a caller could write itself is remembered; every value is signed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The cookie of a unit that was minted.
pub const UNIT_COOKIE: &str = "__Host-halftone-unit";
/// What the name of a release follows in the name of the cookie of its pin.
const PIN_COOKIE: &str = "__Host-halftone-pin-";
/// Between generation and variant in the value of a pin: no name has it.
const PIN_SEPARATOR: char = '~';

/// A minted bucketing key: 128 bits in base64url.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitId([u8; 22]);

impl UnitId {
    /// Makes one of 16 bytes that nobody can predict.
    #[must_use]
    pub fn of(random: [u8; 16]) -> Self {
        let mut text = [0; 22];
        // The room is that of 16 bytes.
        let _ = URL_SAFE_NO_PAD.encode_slice(random, &mut text);
        Self(text)
    }

    /// Returns the one that a cookie holds, if it is as long as those that are minted here.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        value.try_into().ok().map(Self)
    }

    /// Returns it as text.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

/// What a caller is to remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remember {
    /// The unit that was minted for it, or that an older key has signed.
    pub unit: Option<UnitId>,
    /// The variant.
    pub pin: bool,
}

/// Returns the name of the cookie that pins callers to a variant of `release`.
#[must_use]
pub fn pin_cookie(release: &str) -> String {
    format!("{PIN_COOKIE}{release}")
}

/// Returns the value of a pin.
#[must_use]
pub fn pin_value(generation: u32, variant: &str) -> String {
    format!("{generation}{PIN_SEPARATOR}{variant}")
}

/// Returns the value of the pin to `release` in a Cookie field, without an allocation.
pub(super) fn read_pin<'a>(
    headers: &'a [crate::http::Header<'a>],
    release: &str,
) -> Option<&'a [u8]> {
    super::values::cookie_of(headers, &[PIN_COOKIE, release])
}

/// Reads generation and variant of a pin.
pub(super) fn parse_pin(value: &[u8]) -> Option<(u32, &str)> {
    let (generation, variant) = std::str::from_utf8(value).ok()?.split_once(PIN_SEPARATOR)?;
    Some((generation.parse().ok()?, variant))
}

/// Returns whether a browser keeps a `Secure` cookie of such a request: over https, and from this very host (W3C
/// Secure Contexts, "potentially trustworthy").
#[must_use]
pub fn is_kept(scheme: &str, host: &[u8]) -> bool {
    scheme == "https"
        || matches!(host, b"localhost" | b"127.0.0.1" | b"[::1]")
        || host.ends_with(b".localhost")
}
