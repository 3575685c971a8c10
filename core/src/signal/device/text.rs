//! Short texts of a device, kept in place.
//!
//! Owns what a version and a model may be. Invariant: ASCII without control characters, within their bounds.

use std::fmt;

/// Longest version, bytes: four numbers of a browser.
const VERSION_BYTES: usize = 24;
/// Longest model, bytes.
const MODEL_BYTES: usize = 48;
/// Most numbers of a version.
const NUMBERS_MAX: usize = 4;
/// Most digits of a number.
const DIGITS_MAX: usize = 9;

/// A text of `N` bytes at most; empty when it is not known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Short<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

/// A version: numbers and dots.
pub(super) type Version = Short<VERSION_BYTES>;
/// The name of a model.
pub(super) type Model = Short<MODEL_BYTES>;

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> Short<N> {
    fn of(text: &[u8]) -> Option<Self> {
        let length = u8::try_from(text.len()).ok()?;
        let mut short = Self { length, ..Self::default() };
        short.bytes.get_mut(..text.len())?.copy_from_slice(text);
        text.iter().all(|byte| matches!(byte, b' '..=b'~')).then_some(short)
    }

    /// Returns the text.
    pub(super) fn as_str(&self) -> &str {
        // It is ASCII: this cannot fail.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }

    /// Returns this, or what is given when this is empty.
    pub(super) fn or(self, other: Self) -> Self {
        if self.length == 0 { other } else { self }
    }
}

impl<const N: usize> fmt::Debug for Short<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Version {
    /// Reads the version at the front of `text`: numbers between dots or underscores, four at most. Zeros at its end
    /// say nothing: `124.0.0.0` is `124`.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let end = text.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'_'));
        let text = &text[..end.unwrap_or(text.len())];
        let mut version = Self::default();
        let (mut length, mut kept) = (0, 0);
        for (at, number) in text.split(|byte| matches!(byte, b'.' | b'_')).enumerate() {
            let dot = usize::from(at > 0);
            let fits = length + dot + number.len() <= VERSION_BYTES;
            if number.is_empty() || number.len() > DIGITS_MAX || at >= NUMBERS_MAX || !fits {
                break;
            }
            if dot > 0 {
                version.bytes[length] = b'.';
            }
            version.bytes[length + dot..][..number.len()].copy_from_slice(number);
            length += dot + number.len();
            if at == 0 || number.iter().any(|digit| *digit != b'0') {
                kept = length;
            }
        }
        version.bytes[kept..].fill(0);
        version.length = u8::try_from(kept).ok()?;
        (kept > 0).then_some(version)
    }

    /// Returns the first number.
    pub(super) fn major(&self) -> &str {
        self.as_str().split('.').next().unwrap_or_default()
    }
}

impl Model {
    /// Reads the name of a model; nothing when it is too long for one, or not ASCII.
    pub(super) fn read(text: &[u8]) -> Self {
        Self::of(text.trim_ascii()).unwrap_or_default()
    }
}
