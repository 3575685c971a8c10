//! The report on changes of a large bundle: how long they took, where, and what the load met meanwhile.
//!
//! Owns the machine form (serde) and the text for people.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::{ChangeKind, Changes, ScaleOptions};
use crate::stack::{Counts, LoadReport, Quantiles};

/// A whole measurement.
#[derive(Debug, Clone, Serialize)]
pub struct ScaleReport {
    /// What was asked for.
    pub options: ScaleOptions,
    /// Length of the bundle's text, bytes.
    pub bundle_bytes: usize,
    /// From the first call with the bundle until it was served, milliseconds.
    pub first_ms: f64,
    /// The load while nothing changed.
    pub alone: LoadReport,
    /// Changes by kind, in the order they were made.
    pub changes: Vec<ChangeReport>,
    /// Memory of the control plane afterwards, bytes.
    pub control_bytes: u64,
    /// Memory of the gateway afterwards, bytes.
    pub gateway_bytes: u64,
}

/// Changes of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeReport {
    /// What was changed.
    pub kind: ChangeKind,
    /// Those that were visible.
    pub visible: u64,
    /// Those that were not, in words.
    pub failures: Vec<String>,
    /// From the call to its answer.
    pub answered_ms: Quantiles,
    /// From the call until every worker decides with the change.
    pub visible_ms: Quantiles,
    /// By stage of the control plane (`Server-Timing`): milliseconds per change.
    pub stages_ms: BTreeMap<String, f64>,
    /// The same of the change that took longest to be visible.
    pub slowest_ms: BTreeMap<String, f64>,
    /// The load meanwhile.
    pub load: LoadReport,
}

impl ScaleReport {
    pub(super) fn new(
        options: &ScaleOptions,
        bundle_bytes: usize,
        first: Duration,
        alone: &Counts,
        changes: &[(ChangeKind, Changes, Counts)],
        (control_bytes, gateway_bytes): (u64, u64),
    ) -> Self {
        Self {
            options: options.clone(),
            bundle_bytes,
            first_ms: first.as_secs_f64() * 1e3,
            alone: LoadReport::of(alone),
            changes: changes.iter().map(ChangeReport::of).collect(),
            control_bytes,
            gateway_bytes,
        }
    }

    /// Returns how many changes failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.changes.iter().map(|change| change.failures.len()).sum()
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// `output` fails.
    pub fn write_text(&self, output: &mut dyn Write) -> io::Result<()> {
        let ScaleOptions { routes, hosts, targets, segments, .. } = &self.options;
        writeln!(
            output,
            "{routes} routes over {hosts} hosts, {targets} targets, {segments} segments: {} KiB, first served after {:.0} ms",
            self.bundle_bytes / 1024,
            self.first_ms
        )?;
        let load = |load: &LoadReport| {
            format!(
                "load {} answered, {} failed, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
                load.answered,
                load.failed,
                load.latency_ms.p50,
                load.latency_ms.p99,
                load.latency_ms.max
            )
        };
        writeln!(output, "alone    {}", load(&self.alone))?;
        for change in &self.changes {
            let (q, kind) = (&change.visible_ms, format!("{:?}", change.kind).to_lowercase());
            writeln!(
                output,
                "{kind:<8} {} visible, {} failed: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
                change.visible,
                change.failures.len(),
                q.p50,
                q.p99,
                q.max
            )?;
            let all = [("mean", &change.stages_ms), ("slowest", &change.slowest_ms)];
            for (which, stages) in all.iter().filter(|(_, stages)| !stages.is_empty()) {
                let stages = stages.iter().map(|(name, ms)| format!("{name} {ms:.1}"));
                let stages: Vec<String> = stages.collect();
                writeln!(output, "         stages, {which} ms: {}", stages.join(", "))?;
            }
            writeln!(output, "         {}", load(&change.load))?;
            if let Some(failure) = change.failures.first() {
                writeln!(output, "WARNING: such as: {failure}")?;
            }
        }
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let (control, gateway) = (mib(self.control_bytes), mib(self.gateway_bytes));
        writeln!(output, "memory   control plane {control} MiB, gateway {gateway} MiB")
    }
}

impl ChangeReport {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    fn of((kind, changes, load): &(ChangeKind, Changes, Counts)) -> Self {
        let answered = changes.answered.len().max(1) as f64;
        let stages = changes.stages.iter();
        Self {
            kind: *kind,
            visible: changes.visible.len(),
            failures: changes.failures.clone(),
            answered_ms: Quantiles::of(&changes.answered),
            visible_ms: Quantiles::of(&changes.visible),
            stages_ms: stages.map(|(name, ms)| (name.clone(), ms / answered)).collect(),
            slowest_ms: changes.slowest.1.clone(),
            load: LoadReport::of(load),
        }
    }
}
