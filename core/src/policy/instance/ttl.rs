//! How long an instance stays without a heartbeat.
//!
//! Owns the text form of that duration and its bounds. Does not measure time: the control plane's
//! registry does.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::limits::{INSTANCE_TTL_MS_MAX, INSTANCE_TTL_MS_MIN};

/// Units by their letter, largest first.
const UNITS: [(char, u64); 3] = [('h', 3_600_000), ('m', 60_000), ('s', 1_000)];

/// A time to live: whole seconds, minutes or hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    ms: u64,
}

/// A text that is no time to live.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("expected a duration from 1s to 24h such as \"30s\", \"5m\" or \"1h\", got {0:?}")]
pub struct TtlError(String);

impl Ttl {
    /// Returns the duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.ms)
    }
}

impl FromStr for Ttl {
    type Err = TtlError;

    fn from_str(text: &str) -> Result<Self, TtlError> {
        let parsed = UNITS.iter().find_map(|(letter, unit_ms)| {
            let number = text.strip_suffix(*letter)?;
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(*unit_ms)
        });
        let bounds = INSTANCE_TTL_MS_MIN..=INSTANCE_TTL_MS_MAX;
        let ms = parsed.filter(|ms| bounds.contains(ms));
        ms.map(|ms| Self { ms }).ok_or_else(|| TtlError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, unit_ms)| self.ms.is_multiple_of(*unit_ms));
        let (letter, unit_ms) = exact.copied().unwrap_or(('s', 1_000));
        write!(f, "{}{letter}", self.ms / unit_ms)
    }
}

impl Serialize for Ttl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
