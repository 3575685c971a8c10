//! The report on pushes: what was offered, what became of it, and what the load met meanwhile.
//!
//! Owns the machine form (serde) and the text for people.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::{PushOptions, Pushes};
use crate::stack::{Counts, LoadReport, Quantiles};

/// A whole measurement.
#[derive(Debug, Clone, Serialize)]
pub struct PushReport {
    /// What was asked for.
    pub options: PushOptions,
    /// Workers of the gateway.
    pub workers: usize,
    /// Engine of the gateway.
    pub engine: String,
    /// The pushes.
    pub pushes: PushesReport,
    /// The load.
    pub load: LoadReport,
    /// What makes figures doubtful or promises broken; empty in a good run.
    pub warnings: Vec<String>,
}

/// Pushes.
#[derive(Debug, Clone, Serialize)]
pub struct PushesReport {
    /// Sent to the API.
    pub offered: u64,
    /// Answered 200: durable.
    pub acknowledged: u64,
    /// Answered otherwise, or not at all.
    pub failed: u64,
    /// Acknowledged before every worker had said that it decides with the change.
    pub not_applied: u64,
    /// Sent more than 100 ms after they were due.
    pub late: u64,
    /// Tables the gateway was sent.
    pub published: u64,
    /// Acknowledged pushes that went out together with a later one.
    pub coalesced: u64,
    /// Pushes per second that were acknowledged.
    pub per_second: f64,
    /// From the push (when it was due, with a rate) to the answer: every worker decides with it.
    pub visible_ms: Quantiles,
}

impl PushReport {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    pub(super) fn new(
        options: PushOptions,
        pushes: &Pushes,
        load: &Counts,
        before: &Value,
        after: &Value,
    ) -> Self {
        let epoch = |gateway: &Value| gateway["rulesEpoch"].as_u64().unwrap_or(0);
        let published = epoch(after).saturating_sub(epoch(before));
        let failed = pushes.refused.len() as u64;
        let warnings = [
            (failed > 0, format!("{failed} pushes failed, such as: {:?}", pushes.refused.first())),
            (
                pushes.not_applied > 0,
                format!("{} pushes were not applied in time", pushes.not_applied),
            ),
            (
                pushes.late > 0,
                format!("{} pushes were sent late: more callers are needed", pushes.late),
            ),
            (load.failed > 0, format!("{} requests of the load failed", load.failed)),
            (load.answered == 0, "the load was never answered".to_owned()),
        ];
        Self {
            workers: after["workers"].as_array().map_or(0, Vec::len),
            engine: after["gateway"]["engine"].as_str().unwrap_or_default().to_owned(),
            pushes: PushesReport {
                offered: pushes.offered,
                acknowledged: pushes.acknowledged,
                failed,
                not_applied: pushes.not_applied,
                late: pushes.late,
                published,
                coalesced: pushes.acknowledged.saturating_sub(published),
                per_second: pushes.acknowledged as f64 / pushes.elapsed.as_secs_f64(),
                visible_ms: Quantiles::of(&pushes.took),
            },
            load: LoadReport::of(load),
            warnings: warnings
                .into_iter()
                .filter(|(told, _)| *told)
                .map(|(_, text)| text)
                .collect(),
            options,
        }
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// `output` fails.
    pub fn write_text(&self, output: &mut dyn Write) -> io::Result<()> {
        let (pushes, load) = (&self.pushes, &self.load);
        writeln!(
            output,
            "{} workers on {}, {} rules",
            self.workers, self.engine, self.options.rules
        )?;
        writeln!(
            output,
            "pushes   {} offered, {} acknowledged ({:.0}/s), {} failed, {} not applied in time, {} late",
            pushes.offered,
            pushes.acknowledged,
            pushes.per_second,
            pushes.failed,
            pushes.not_applied,
            pushes.late
        )?;
        writeln!(
            output,
            "tables   {} published, {} pushes coalesced",
            pushes.published, pushes.coalesced
        )?;
        let line = |what: &str, q: &Quantiles| {
            format!("{what}  p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", q.p50, q.p99, q.max)
        };
        writeln!(output, "{}", line("visible", &pushes.visible_ms))?;
        writeln!(output, "load     {} answered, {} failed", load.answered, load.failed)?;
        writeln!(output, "{}", line("latency", &load.latency_ms))?;
        for warning in &self.warnings {
            writeln!(output, "WARNING: {warning}")?;
        }
        Ok(())
    }
}
