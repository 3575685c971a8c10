//! What is counted: statistics per variant, mergeable exactly.
//!
//! Owns the counters a worker keeps and the report a gateway gives. Does not know who asks or how
//! often. Invariants: counters only grow; merging two workers' statistics gives what one worker
//! would have counted; recording neither allocates nor locks.

pub mod logged;
pub mod moves;
pub mod page;
pub mod users;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2Serializer},
};
use serde::{Deserialize, Serialize};

/// The longest latency told apart, microseconds: an hour.
const LATENCY_US_MAX: u64 = 3_600_000_000;
/// Latencies are kept to 1 %.
const LATENCY_DIGITS: u8 = 2;

/// What a worker counted of one variant.
#[derive(Clone, Debug)]
pub struct VariantStats {
    /// Finished requests by class of status: 1xx to 5xx, and in the first place those whose caller
    /// went away before an answer.
    pub by_class: [u64; 6],
    /// Time from the whole head to the last byte of the answer, microseconds.
    pub latency_us: Histogram<u64>,
}

impl Default for VariantStats {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, LATENCY_DIGITS);
        // The bounds are constants that the constructor accepts (a test makes one).
        let latency_us = histogram.unwrap_or_else(|_| unreachable!("constant bounds"));
        Self { by_class: [0; 6], latency_us }
    }
}

impl VariantStats {
    /// Counts a finished request.
    #[inline]
    pub fn record(&mut self, status: u16, latency_us: u64) {
        let class = usize::from(status / 100);
        self.by_class[if class < 6 { class } else { 0 }] += 1;
        self.latency_us.saturating_record(latency_us);
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        for (sum, count) in self.by_class.iter_mut().zip(other.by_class) {
            *sum += count;
        }
        // Both have the same bounds, so every value has its place.
        let _ = self.latency_us.add(&other.latency_us);
    }

    /// Returns the report of what was counted.
    #[must_use]
    pub fn report(&self) -> VariantReport {
        let mut bytes = Vec::new();
        let _ = V2Serializer::new().serialize(&self.latency_us, &mut bytes);
        VariantReport {
            requests: self.by_class.iter().sum(),
            by_class: self.by_class,
            latency_us: Latency::of(&self.latency_us),
            histogram: STANDARD.encode(bytes),
        }
    }
}

/// Quantiles of a latency, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub p50: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// 999 of 1000 are at most this.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl Latency {
    /// Reads the quantiles of `histogram`.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}

/// What a gateway counted of one variant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariantReport {
    /// Finished requests.
    pub requests: u64,
    /// Finished requests by class of status; see [`VariantStats::by_class`].
    pub by_class: [u64; 6],
    /// Quantiles since the gateway started.
    pub latency_us: Latency,
    /// The whole distribution: HdrHistogram V2, base64.
    pub histogram: String,
}

impl VariantReport {
    /// Reads the distribution back; empty when it is not one.
    #[must_use]
    pub fn stats(&self) -> VariantStats {
        let mut stats = VariantStats { by_class: self.by_class, ..VariantStats::default() };
        let bytes = STANDARD.decode(&self.histogram).unwrap_or_default();
        if let Ok(histogram) = Deserializer::new().deserialize::<u64, _>(&mut bytes.as_slice()) {
            let _ = stats.latency_us.add(&histogram);
        }
        stats
    }
}

/// What a gateway counted since it started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStats {
    /// By variant key: `tenant/upstream/variant`.
    pub variants: BTreeMap<String, VariantReport>,
    /// Requests answered by the gateway itself, by error label.
    pub errors: BTreeMap<String, u64>,
    /// Requests of which nobody could say whether a target matches, since a value is missing or of
    /// another type, by `tenant/release/target`.
    #[serde(default)]
    pub faults: BTreeMap<String, u64>,
    /// What requests said of the chain of services they are part of, by `tenant/release` and
    /// [`Chain::as_str`](crate::route::Chain::as_str).
    #[serde(default)]
    pub chains: BTreeMap<String, BTreeMap<String, u64>>,
    /// Requests that a target or the default of a release decided, by `tenant/release/split` and the variant that
    /// served.
    #[serde(default)]
    pub exposures: BTreeMap<String, BTreeMap<String, u64>>,
    /// Requests of further combinations, for whose names there was no room.
    #[serde(default)]
    pub exposures_of_others: u64,
    /// Connections accepted, by worker.
    pub accepted: Vec<u64>,
    /// Release headers of untrusted peers that were stripped.
    pub stripped: u64,
    /// Members of the baggage of untrusted peers that were stripped.
    #[serde(default)]
    pub stripped_members: u64,
    /// Access log lines that were dropped since nobody could take them.
    pub log_dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_workers_count_like_one() {
        let (mut one, mut a, mut b) =
            (VariantStats::default(), VariantStats::default(), VariantStats::default());
        for value in 1..2000u64 {
            let status = if value % 7 == 0 { 503 } else { 200 };
            one.record(status, value * 13);
            (if value % 2 == 0 { &mut a } else { &mut b }).record(status, value * 13);
        }
        a.merge(&b);
        assert_eq!(a.report(), one.report());
        assert_eq!(a.report().stats().report(), one.report());
    }

    #[test]
    fn any_status_and_latency_is_counted() {
        let mut stats = VariantStats::default();
        for (status, latency) in [(0, 0), (99, u64::MAX), (200, 1), (599, 2), (999, 3)] {
            stats.record(status, latency);
        }
        assert_eq!(stats.report().requests, 5);
        assert_eq!(stats.by_class, [3, 0, 1, 0, 0, 1]);
    }
}
