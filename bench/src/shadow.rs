//! `halftone bench shadow`: what a shadow on every request costs each of them.
//!
//! Owns the options and the difference. The measurement is [`crate::compare`]'s, of this gateway with a shadow beside this
//! gateway without: the same requests, CPU, rounds in turn and refusals.
//!
//! Invariant: a cost is the median over the differences of paired rounds, and there is none where either was refused.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::compare::workload::Workload;
use crate::compare::{self, CompareOptions, Switch};
use crate::contender::Entrant;
use crate::report::{ContenderReport, Machine, PhaseReport};
use crate::stack::tell;
use crate::statistics::median;

/// Options of `halftone bench shadow`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct ShadowOptions {
    /// Rounds; medians are taken over them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Seconds per measured phase, after one second of warm-up or less
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Client connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub connections: u32,
    /// Requests per second of the fixed-rate phase
    #[arg(long, default_value_t = 25_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Share of a phase that other processes may take of the CPUs before it is repeated, and then dropped
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub disturbed_max: u32,
    /// Engine halftone is started with
    #[arg(long, default_value = "auto")]
    pub engine: String,
    /// Prints the report as JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// The halftone binary, if not the running one
    #[arg(long, hide = true)]
    pub halftone: Option<PathBuf>,
}

/// A whole measurement.
#[derive(Debug, Clone, Serialize)]
pub struct ShadowReport {
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for.
    pub options: ShadowOptions,
    /// Closed loop, every connection busy.
    pub saturated: CostReport,
    /// Open loop at the rate of the options.
    pub fixed_rate: CostReport,
    /// What makes figures doubtful; empty in a good run.
    pub warnings: Vec<String>,
}

/// What a request costs the gateway: CPU microseconds, medians over the rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CostReport {
    /// Without a shadow.
    pub without_us: Option<f64>,
    /// With one.
    pub with_us: Option<f64>,
    /// The difference, round by round.
    pub shadow_us: Option<f64>,
    /// Failed requests, of both.
    pub failed: u64,
}

/// Measures and writes the report to `output`.
///
/// # Errors
/// As [`compare::run`]. Rounds that are refused are no error here: the report has no figure for them, and says why.
pub fn run(options: &ShadowOptions, output: &mut dyn Write) -> Result<ShadowReport> {
    let compared = compare::run(&compared(options), &mut io::sink())?;
    let workload = compared.workloads.into_iter().next().context("no workload was measured")?;
    let [with, without] = <[ContenderReport; 2]>::try_from(workload.contenders)
        .map_err(|others| anyhow::anyhow!("two gateways are measured, not {}", others.len()))?;
    let report = ShadowReport {
        machine: compared.machine,
        options: options.clone(),
        saturated: CostReport::of(&with.saturated, &without.saturated),
        fixed_rate: CostReport::of(&with.fixed_rate, &without.fixed_rate),
        warnings: workload.warnings,
    };
    tell(&report, options.json, output, ShadowReport::write_text)?;
    Ok(report)
}

fn compared(options: &ShadowOptions) -> CompareOptions {
    CompareOptions {
        subject: Entrant::HalftoneShadowed,
        peers: vec![Entrant::Halftone],
        workload: vec![Workload::Dimensions],
        rounds: options.rounds,
        seconds: options.seconds,
        connections: options.connections,
        rate: options.rate,
        idle: None,
        disturbed_max: options.disturbed_max,
        engine: options.engine.clone(),
        access_log: Switch::Off,
        // Progress goes beside a report in JSON, and so beside ours.
        json: true,
        halftone: options.halftone.clone(),
    }
}

impl CostReport {
    fn of(with: &PhaseReport, without: &PhaseReport) -> Self {
        let us = |phase: &PhaseReport| phase.median?.cpu_us_per_request;
        let both = with.rounds.iter().zip(&without.rounds);
        let good = both.filter(|(a, b)| a.dropped.is_none() && b.dropped.is_none());
        let costs: Vec<f64> = good
            .filter_map(|(a, b)| {
                Some(a.figures.cpu_us_per_request? - b.figures.cpu_us_per_request?)
            })
            .collect();
        let shadow_us = us(with).zip(us(without)).and_then(|_| median(&costs));
        let failed = with.errors.failed() + without.errors.failed();
        Self { without_us: us(without), with_us: us(with), shadow_us, failed }
    }
}

impl ShadowReport {
    /// Returns how many requests failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.saturated.failed + self.fixed_rate.failed
    }

    /// Returns whether each cost is known.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.saturated.shadow_us.is_some() && self.fixed_rate.shadow_us.is_some()
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// `output` fails.
    pub fn write_text(&self, output: &mut dyn Write) -> io::Result<()> {
        let us = |figure: Option<f64>| {
            figure.map_or_else(|| "not reported".to_owned(), |us| format!("{us:.2} µs"))
        };
        let rate = format!("{}/s", self.options.rate);
        for (phase, cost) in [("saturated", &self.saturated), (&*rate, &self.fixed_rate)] {
            writeln!(
                output,
                "{phase:<10} CPU per request: {} without a shadow, {} with one at 100 %; it costs {}; {} requests failed",
                us(cost.without_us),
                us(cost.with_us),
                us(cost.shadow_us),
                cost.failed
            )?;
        }
        for warning in &self.warnings {
            writeln!(output, "WARNING: {warning}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
