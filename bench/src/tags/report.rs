//! The report on tags that are far away: what both loads met, phase by phase.
//!
//! Owns the machine form (serde) and the text for people.

use std::io::{self, Write};

use serde::Serialize;

use super::{Phase, TagsOptions};
use crate::stack::{Counts, LoadReport};

/// A whole measurement.
#[derive(Debug, Clone, Serialize)]
pub struct TagsReport {
    /// What was asked for.
    pub options: TagsOptions,
    /// The phases, in order.
    pub phases: Vec<PhaseReport>,
}

/// A phase.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseReport {
    /// `near`, `far`, or `killed`: far, and gone from the middle on.
    pub phase: &'static str,
    /// What the delay added to each answer of the control plane.
    pub delay_ms: u64,
    /// Users whom the gateway knew.
    pub known: UsersReport,
    /// Users who asked for the first time.
    pub cold: UsersReport,
}

/// Requests of one kind of users.
#[derive(Debug, Clone, Serialize)]
pub struct UsersReport {
    /// Those of them that were decided by the default, since nobody could tell in time.
    pub defaults: u64,
    /// What they met.
    #[serde(flatten)]
    pub load: LoadReport,
}

impl UsersReport {
    fn of(counts: &Counts) -> Self {
        Self { defaults: counts.others, load: LoadReport::of(counts) }
    }
}

impl TagsReport {
    pub(super) fn new(options: &TagsOptions, phases: &[Phase]) -> Self {
        let phase = |phase: &Phase| PhaseReport {
            phase: phase.name,
            delay_ms: phase.delay_ms,
            known: UsersReport::of(&phase.known),
            cold: UsersReport::of(&phase.cold),
        };
        Self { options: options.clone(), phases: phases.iter().map(phase).collect() }
    }

    /// Returns how many requests failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.phases.iter().map(|phase| phase.known.load.failed + phase.cold.load.failed).sum()
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// `output` fails.
    pub fn write_text(&self, output: &mut dyn Write) -> io::Result<()> {
        for PhaseReport { phase, delay_ms, known, cold } in &self.phases {
            writeln!(output, "{phase}: answers of the control plane {delay_ms} ms later")?;
            for (users, UsersReport { defaults, load }) in [("known", known), ("cold", cold)] {
                let latency = &load.latency_ms;
                writeln!(
                    output,
                    "  {users:<6} {} answered, {} failed, {defaults} by default: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
                    load.answered, load.failed, latency.p50, latency.p99, latency.max
                )?;
                for failure in &load.failures {
                    writeln!(output, "WARNING: such as: {failure}")?;
                }
            }
        }
        let p99 =
            |at: usize| self.phases.get(at).map_or(0.0, |phase| phase.cold.load.latency_ms.p99);
        writeln!(output, "the delay adds {:.2} ms to the p99 of cold users", p99(1) - p99(0))
    }
}
