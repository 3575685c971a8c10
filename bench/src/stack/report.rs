//! What a load met, in figures.
//!
//! Owns the machine form (serde) that the reports of several measurements share.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Counts;

/// Requests of a load.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// Right answers.
    pub answered: u64,
    /// Wrong answers and broken connections.
    pub failed: u64,
    /// Some of the failures, in words.
    pub failures: Vec<String>,
    /// Latencies.
    pub latency_ms: Quantiles,
}

/// Quantiles, milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Quantiles {
    #[expect(clippy::cast_precision_loss, reason = "minutes in nanoseconds are below 2^52")]
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |ns: u64| ns as f64 / 1e6;
        Self {
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            max: ms(histogram.max()),
        }
    }
}

impl LoadReport {
    /// Returns what `counts` add up to.
    pub(crate) fn of(counts: &Counts) -> Self {
        Self {
            answered: counts.answered,
            failed: counts.failed,
            failures: counts.words.clone(),
            latency_ms: Quantiles::of(&counts.took),
        }
    }
}
