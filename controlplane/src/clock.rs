//! The wall clock.
//!
//! Owns its reading, for what people see. Whatever is measured takes a monotonic
//! `std::time::Instant` as an argument instead.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns milliseconds since 1970 (UTC); 0 for a clock that was never set.
#[must_use]
pub(crate) fn unix_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
