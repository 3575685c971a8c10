//! Durations and sizes as people write them.
//!
//! Owns two text forms: durations as Gateway API has them (GEP-2257: `500ms`, `1m30s`) and sizes with
//! binary units (`10MiB`). Invariant: what is written out reads back as the same value.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::limits::TIMEOUT_MS_MAX;

/// Units of time by their letters, largest first.
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Units of size by their letters, largest first.
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// What a duration is.
const DURATION: &str = "a duration of at most 24h such as \"500ms\", \"30s\" or \"1m30s\"";
/// What a size is.
const SIZE: &str = "a size such as \"512KiB\", \"10MiB\" or a number of bytes";

/// A text that is no duration or size.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("expected {expected}, got {found:?}")]
pub struct QuantityError {
    expected: &'static str,
    found: String,
}

impl QuantityError {
    fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(64).collect() }
    }
}

/// A timeout: whole milliseconds, at most a day; zero switches it off where that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    ms: u32,
}

impl Timeout {
    /// Returns the milliseconds.
    #[must_use]
    pub fn ms(self) -> u32 {
        self.ms
    }
}

impl FromStr for Timeout {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parse = || {
            let (mut rest, mut sum, mut parts) = (text, 0u64, 0);
            while !rest.is_empty() {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let letters =
                    rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count() + digits;
                let unit = TIMES.iter().find(|(unit, _)| *unit == &rest[digits..letters])?.1;
                // GEP-2257: one to four parts of one to five digits.
                parts += 1;
                if !(1..=5).contains(&digits) || parts > 4 {
                    return None;
                }
                sum += rest[..digits].parse::<u64>().ok()? * unit;
                rest = &rest[letters..];
            }
            (parts > 0 && sum <= TIMEOUT_MS_MAX).then(|| u32::try_from(sum).ok()).flatten()
        };
        parse().map(|ms| Self { ms }).ok_or_else(|| QuantityError::new(DURATION, text))
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::from(self.ms);
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, unit_ms) in TIMES {
            if left >= unit_ms {
                write!(f, "{}{unit}", left / unit_ms)?;
                left %= unit_ms;
            }
        }
        Ok(())
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    bytes: u64,
}

impl Size {
    /// Returns the bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.bytes
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parse = || {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let unit = match &text[digits..] {
                "" => 1,
                letters => SIZES.iter().find(|(unit, _)| *unit == letters)?.1,
            };
            let bytes = text[..digits].parse::<u64>().ok()?.checked_mul(unit)?;
            (bytes < 1 << 60).then_some(bytes)
        };
        parse().map(|bytes| Self { bytes }).ok_or_else(|| QuantityError::new(SIZE, text))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact =
            SIZES.iter().find(|(_, unit)| self.bytes > 0 && self.bytes.is_multiple_of(*unit));
        let (letters, unit) = exact.copied().unwrap_or(("B", 1));
        write!(f, "{}{letters}", self.bytes / unit)
    }
}

impl Serialize for Timeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timeout;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(DURATION)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timeout, E> {
                text.parse().map_err(E::custom)
            }
        }
        // Not as text: a number without a unit would be told to be put in quotes.
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SIZE)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                bytes.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests;
