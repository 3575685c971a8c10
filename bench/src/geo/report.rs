//! The report on region databases of full size.
//!
//! Owns the machine form (serde) and the text for people.

use std::io::{self, Write};

use halftone_core::signal::geo::difference::Difference;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{Accepted, GeoOptions, LookedUp, Swapped};
use crate::stack::LoadReport;

/// A whole measurement.
#[derive(Debug, Clone, Serialize)]
pub struct GeoReport {
    /// What was asked for.
    pub options: GeoOptions,
    /// Accepting the file.
    pub accept: AcceptReport,
    /// Lookups of addresses that came once.
    pub cold: LookupReport,
    /// Lookups of addresses that come again and again.
    pub warm: LookupReport,
    /// Reading the clock, which is part of every lookup's time.
    pub clock: LookupReport,
    /// Addresses among the cold ones that have a city.
    pub found: u64,
    /// Replacing the file under load.
    pub swap: SwapReport,
}

/// What accepting a file takes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AcceptReport {
    /// The size of the file.
    pub bytes: usize,
    /// Checking all of it, milliseconds.
    pub verify_ms: f64,
    /// Comparing it with the one that takes its place, milliseconds.
    pub compare_ms: f64,
    /// How they differ.
    pub difference: Difference,
}

/// Times of single lookups, nanoseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LookupReport {
    /// How many.
    pub lookups: u64,
    /// Median.
    pub p50_ns: u64,
    /// 99 of 100 are at most this.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// What requests met.
#[derive(Debug, Clone, Serialize)]
pub struct SwapReport {
    /// From the rename until the gateway served the new file, milliseconds.
    pub served_ms: f64,
    /// The load before, during and after.
    pub loads: Vec<(&'static str, LoadReport)>,
}

impl LookupReport {
    fn of(took: &Histogram<u64>) -> Self {
        Self {
            lookups: took.len(),
            p50_ns: took.value_at_quantile(0.5),
            p99_ns: took.value_at_quantile(0.99),
            max_ns: took.max(),
        }
    }
}

impl GeoReport {
    pub(super) fn new(
        options: &GeoOptions,
        accepted: &Accepted,
        looked_up: &LookedUp,
        swapped: &Swapped,
    ) -> Self {
        let loads = swapped.loads.iter();
        Self {
            options: options.clone(),
            accept: AcceptReport {
                bytes: accepted.bytes,
                verify_ms: accepted.verify.as_secs_f64() * 1e3,
                compare_ms: accepted.compare.as_secs_f64() * 1e3,
                difference: accepted.difference,
            },
            cold: LookupReport::of(&looked_up.cold),
            warm: LookupReport::of(&looked_up.warm),
            clock: LookupReport::of(&looked_up.clock),
            found: looked_up.found,
            swap: SwapReport {
                served_ms: swapped.served.as_secs_f64() * 1e3,
                loads: loads.map(|(when, counts)| (*when, LoadReport::of(counts))).collect(),
            },
        }
    }

    /// Returns how many requests failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.swap.loads.iter().map(|(_, load)| load.failed).sum()
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// `output` fails.
    pub fn write_text(&self, output: &mut dyn Write) -> io::Result<()> {
        let AcceptReport { bytes, verify_ms, compare_ms, difference } = &self.accept;
        let mib = bytes / (1024 * 1024);
        writeln!(
            output,
            "accept   {mib} MiB: verified in {verify_ms:.0} ms, compared in {compare_ms:.0} ms: {difference}"
        )?;
        let kinds = [("cold", &self.cold), ("warm", &self.warm), ("clock", &self.clock)];
        for (kind, LookupReport { lookups, p50_ns, p99_ns, max_ns }) in kinds {
            writeln!(
                output,
                "{kind:<8} {lookups} lookups: p50 {p50_ns} ns, p99 {p99_ns} ns, max {max_ns} ns"
            )?;
        }
        writeln!(output, "         {} of {} have a city", self.found, self.cold.lookups)?;
        writeln!(output, "swap     served {:.0} ms after the rename", self.swap.served_ms)?;
        for (when, load) in &self.swap.loads {
            let latency = &load.latency_ms;
            writeln!(
                output,
                "  {when:<6} {} answered, {} failed: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
                load.answered, load.failed, latency.p50, latency.p99, latency.max
            )?;
            for failure in &load.failures {
                writeln!(output, "WARNING: such as: {failure}")?;
            }
        }
        Ok(())
    }
}
