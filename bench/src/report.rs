//! The report: figures of all contenders, their medians, ratios, and what is wrong with them.
//!
//! Owns the machine form (serde) and the judgement; the tables for people are in a room of their own.
//! Does not measure.
//!
//! Invariants:
//! - every round's figures stay in the report beside the medians;
//! - whatever makes a figure doubtful is a warning in the report itself, not only on a screen.

mod tables;
mod warnings;

use std::io::{self, Write};

use serde::Serialize;

use crate::compare::CompareOptions;
use crate::compare::workload::Workload;
use crate::cpu::CpuPlan;
use crate::generator::ErrorCounts;
use crate::statistics::{Ratio, median, paired_ratio};

/// Below this share of the CPU time it could have had, a saturated contender was not saturated: its
/// figures are those of something else, and are not reported.
const SATURATED_PERCENT: f64 = 95.0;
/// Below this share of the scheduled requests a rate was not sustained.
const SUSTAINED_PERCENT: f64 = 99.0;

/// A whole run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for.
    pub options: CompareOptions,
    /// Figures, workload by workload.
    pub workloads: Vec<WorkloadReport>,
    /// Memory of idle connections, if that was asked for.
    pub idle: Vec<IdleReport>,
}

/// The comparison under one workload.
#[derive(Debug, Clone, Serialize)]
pub struct WorkloadReport {
    /// Which.
    pub workload: Workload,
    /// Requests per second of its fixed-rate phase.
    pub rate: u32,
    /// Figures, the subject first.
    pub contenders: Vec<ContenderReport>,
    /// Subject over each peer.
    pub ratios: Vec<PeerRatios>,
    /// What makes figures doubtful; empty in a good run.
    pub warnings: Vec<String>,
}

/// One contender's memory with idle connections.
#[derive(Debug, Clone, Serialize)]
pub struct IdleReport {
    /// Name.
    pub name: String,
    /// Version, as it says itself.
    pub version: String,
    /// Which processes count.
    pub counted: String,
    /// Idle connections.
    pub connections: u32,
    /// Resident memory after a few requests, MiB.
    pub rss_before_mib: f64,
    /// Resident memory with the connections, MiB.
    pub rss_with_mib: f64,
    /// What each connection has added, KiB.
    pub kib_per_connection: f64,
    /// Failed requests, and connections that did not stay.
    pub errors: ErrorCounts,
}

/// The machine of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Kernel release.
    pub kernel: String,
    /// Machine architecture.
    pub architecture: String,
    /// Model of the CPU.
    pub cpu_model: String,
    /// Congestion control of the contenders' sockets, where they do not choose: some pace by timers.
    pub tcp_congestion_control: String,
    /// Which CPU did what.
    pub cpus: CpuPlan,
}

/// One contender's figures.
#[derive(Debug, Clone, Serialize)]
pub struct ContenderReport {
    /// Name.
    pub name: String,
    /// Version, as it says itself.
    pub version: String,
    /// Which processes count for CPU time and memory.
    pub counted: String,
    /// Closed loop, every connection busy.
    pub saturated: PhaseReport,
    /// Open loop at the rate of the options.
    pub fixed_rate: PhaseReport,
}

/// One contender's figures in one phase.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseReport {
    /// Medians over the rounds that were not dropped, figure by figure; absent when refused.
    pub median: Option<Figures>,
    /// Why no figure is reported.
    pub refused: Option<String>,
    /// Failed requests of all rounds.
    pub errors: ErrorCounts,
    /// Every round.
    pub rounds: Vec<Measurement>,
}

/// One phase of one round.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// The figures.
    pub figures: Figures,
    /// Right answers within the window.
    pub completed: u64,
    /// Requests meant for the window; `None` when saturated.
    pub scheduled: Option<u64>,
    /// Failed requests of all its attempts.
    pub errors: ErrorCounts,
    /// How often the phase was run; the least disturbed run is the one kept.
    pub attempts: u32,
    /// Why this round counts for no median and no ratio.
    pub dropped: Option<String>,
}

/// The figures; the CPU ones are absent for a contender without a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Right answers per second.
    pub requests_per_second: f64,
    /// CPU time over wall time.
    pub busy_percent: Option<f64>,
    /// Share of wall time in which it neither ran nor wanted to: what was left of its CPU.
    pub idle_percent: Option<f64>,
    /// CPU time per right answer.
    pub cpu_us_per_request: Option<f64>,
    /// The part of it in user mode.
    pub cpu_user_us_per_request: Option<f64>,
    /// The part of it in the kernel.
    pub cpu_system_us_per_request: Option<f64>,
    /// Median latency.
    pub latency_p50_us: f64,
    /// 99th percentile.
    pub latency_p99_us: f64,
    /// 99.9th percentile.
    pub latency_p999_us: f64,
    /// Largest latency.
    pub latency_max_us: f64,
    /// Resident memory after the phase; shared pages count once per process.
    pub rss_mib: Option<f64>,
    /// Share of the requests that met the canary, where the workload is split.
    pub canary_percent: Option<f64>,
    /// Share of the window in which the generator had something to do.
    pub generator_busy_percent: f64,
    /// Time in which contender or generator could have run and another thread had their CPU.
    pub disturbed_percent: f64,
}

/// Reads one figure.
pub(crate) type Reader = fn(&Figures) -> Option<f64>;

/// A figure that is compared: its name, its unit and how it is read.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) read: Reader,
}

/// The compared figures, in the order of the tables.
pub(crate) const METRICS: [Metric; 11] = [
    Metric { name: "requests", unit: "1/s", read: |figures| Some(figures.requests_per_second) },
    Metric { name: "busy", unit: "%", read: |figures| figures.busy_percent },
    Metric { name: "CPU", unit: "us/req", read: |figures| figures.cpu_us_per_request },
    Metric { name: "user", unit: "us/req", read: |figures| figures.cpu_user_us_per_request },
    Metric { name: "system", unit: "us/req", read: |figures| figures.cpu_system_us_per_request },
    Metric { name: "p50", unit: "us", read: |figures| Some(figures.latency_p50_us) },
    Metric { name: "p99", unit: "us", read: |figures| Some(figures.latency_p99_us) },
    Metric { name: "p99.9", unit: "us", read: |figures| Some(figures.latency_p999_us) },
    Metric { name: "max", unit: "us", read: |figures| Some(figures.latency_max_us) },
    Metric { name: "RSS", unit: "MiB", read: |figures| figures.rss_mib },
    Metric { name: "canary", unit: "%", read: |figures| figures.canary_percent },
];

/// The subject over one peer.
#[derive(Debug, Clone, Serialize)]
pub struct PeerRatios {
    /// Name of the subject.
    pub subject: String,
    /// Name of the peer.
    pub peer: String,
    /// Ratios when saturated.
    pub saturated: Vec<MetricRatio>,
    /// Ratios at the fixed rate.
    pub fixed_rate: Vec<MetricRatio>,
}

/// One figure of the subject over the peer's.
#[derive(Debug, Clone, Serialize)]
pub struct MetricRatio {
    /// Name of the figure.
    pub metric: &'static str,
    /// The ratio; absent when one of them has no such figure.
    pub ratio: Option<Ratio>,
}

impl Report {
    /// Makes a report without figures.
    #[must_use]
    pub fn new(machine: Machine, options: CompareOptions) -> Self {
        Self { machine, options, workloads: Vec::new(), idle: Vec::new() }
    }

    /// Adds the figures of a workload.
    pub fn add(&mut self, workload: WorkloadReport) {
        self.workloads.push(workload);
    }

    /// Returns the failed requests of the whole run.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors().map(ErrorCounts::failed).sum()
    }

    /// Returns those of them that are no sign of a busy machine, which leaves requests unanswered when a phase ends.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.errors().map(|errors| errors.failed() - errors.unanswered).sum()
    }

    fn errors(&self) -> impl Iterator<Item = &ErrorCounts> {
        let contenders = self.workloads.iter().flat_map(|workload| &workload.contenders);
        let phases = contenders.flat_map(|contender| [&contender.saturated, &contender.fixed_rate]);
        phases.map(|phase| &phase.errors).chain(self.idle.iter().map(|idle| &idle.errors))
    }

    /// Lists the contenders whose figures are not reported, each with the reason.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        let mut refused = Vec::new();
        for report in &self.workloads {
            for contender in &report.contenders {
                let phases =
                    [("saturated", &contender.saturated), ("fixed rate", &contender.fixed_rate)];
                for (phase, reason) in
                    phases.iter().filter_map(|(name, phase)| Some((name, phase.refused.as_ref()?)))
                {
                    let name = &contender.name;
                    refused.push(format!("{}, {name}, {phase}: {reason}", report.workload));
                }
            }
        }
        refused
    }

    /// Writes the tables for people.
    ///
    /// # Errors
    /// Writing fails.
    pub fn write_tables(&self, output: &mut dyn Write) -> io::Result<()> {
        tables::write(self, output)
    }
}

impl WorkloadReport {
    /// Folds the contenders' figures into a report; the first contender is the subject.
    #[must_use]
    pub fn new(
        workload: Workload,
        rate: u32,
        cpus: CpuPlan,
        contenders: Vec<ContenderReport>,
    ) -> Self {
        let ratios = match contenders.split_first() {
            Some((subject, peers)) => {
                peers.iter().map(|peer| PeerRatios::new(subject, peer)).collect()
            }
            None => Vec::new(),
        };
        let warnings = warnings::list(cpus, &contenders);
        Self { workload, rate, contenders, ratios, warnings }
    }
}

impl PhaseReport {
    /// Takes the medians over the rounds that were not dropped.
    #[must_use]
    pub fn new(rounds: Vec<Measurement>) -> Self {
        let mut errors = ErrorCounts::default();
        rounds.iter().for_each(|round| errors.add(&round.errors));
        let median = medians(&rounds);
        let refused = match (&median, rounds.last().and_then(|round| round.dropped.as_ref())) {
            (None, Some(why)) => Some(format!("every round was dropped, the last since {why}")),
            (None, None) => Some("there was no round".to_owned()),
            (Some(_), _) => None,
        };
        Self { median, refused, errors, rounds }
    }

    /// The same, and refuses what was not saturated: it tells nothing about the contender's limits.
    #[must_use]
    pub fn saturated(rounds: Vec<Measurement>) -> Self {
        let mut report = Self::new(rounds);
        let Some(busy) = median(&values(&report.rounds, saturation_percent)) else { return report };
        if busy < SATURATED_PERCENT {
            let generator = report.median.map_or(0.0, |median| median.generator_busy_percent);
            let why = if generator >= SATURATED_PERCENT {
                "the generator was the bottleneck"
            } else {
                "neither was the bottleneck: it waited for something else"
            };
            report.refused = Some(format!(
                "it was {busy:.1} % busy, less than {SATURATED_PERCENT} %, and the generator {generator:.1} %: {why}"
            ));
            report.median = None;
        }
        report
    }
}

/// Returns the share of the CPU time a contender could have had that it used; `None` without a process.
fn saturation_percent(figures: &Figures) -> Option<f64> {
    let (busy, idle) = (figures.busy_percent?, figures.idle_percent?);
    (busy + idle > 0.0).then(|| 100.0 * busy / (busy + idle))
}

/// Takes the medians, figure by figure; `None` when every round was dropped.
fn medians(rounds: &[Measurement]) -> Option<Figures> {
    let over = |read: Reader| median(&values(rounds, read));
    let always = |read: Reader| over(read).unwrap_or_default();
    rounds.iter().find(|round| round.dropped.is_none())?;
    Some(Figures {
        requests_per_second: always(|figures| Some(figures.requests_per_second)),
        busy_percent: over(|figures| figures.busy_percent),
        idle_percent: over(|figures| figures.idle_percent),
        cpu_us_per_request: over(|figures| figures.cpu_us_per_request),
        cpu_user_us_per_request: over(|figures| figures.cpu_user_us_per_request),
        cpu_system_us_per_request: over(|figures| figures.cpu_system_us_per_request),
        latency_p50_us: always(|figures| Some(figures.latency_p50_us)),
        latency_p99_us: always(|figures| Some(figures.latency_p99_us)),
        latency_p999_us: always(|figures| Some(figures.latency_p999_us)),
        latency_max_us: always(|figures| Some(figures.latency_max_us)),
        rss_mib: over(|figures| figures.rss_mib),
        canary_percent: over(|figures| figures.canary_percent),
        generator_busy_percent: always(|figures| Some(figures.generator_busy_percent)),
        disturbed_percent: always(|figures| Some(figures.disturbed_percent)),
    })
}

impl PeerRatios {
    fn new(subject: &ContenderReport, peer: &ContenderReport) -> Self {
        Self {
            subject: subject.name.clone(),
            peer: peer.name.clone(),
            saturated: metric_ratios(&subject.saturated, &peer.saturated),
            fixed_rate: metric_ratios(&subject.fixed_rate, &peer.fixed_rate),
        }
    }
}

/// Pairs the rounds of two contenders; a round that either has dropped is no pair, a refused contender
/// has none.
fn metric_ratios(subject: &PhaseReport, peer: &PhaseReport) -> Vec<MetricRatio> {
    let reported = subject.median.is_some() && peer.median.is_some();
    let rounds = subject.rounds.iter().zip(&peer.rounds);
    let pairs: Vec<_> = rounds
        .filter(|(left, right)| reported && left.dropped.is_none() && right.dropped.is_none())
        .collect();
    METRICS
        .iter()
        .map(|metric| {
            let read = |left: &Figures, right: &Figures| {
                Some(((metric.read)(left)?, (metric.read)(right)?))
            };
            let read = pairs.iter().filter_map(|(left, right)| read(&left.figures, &right.figures));
            let (left, right): (Vec<f64>, Vec<f64>) = read.unzip();
            MetricRatio { metric: metric.name, ratio: paired_ratio(&left, &right) }
        })
        .collect()
}

/// Reads one figure of every round that was not dropped.
fn values(rounds: &[Measurement], read: Reader) -> Vec<f64> {
    let kept = rounds.iter().filter(|round| round.dropped.is_none());
    kept.filter_map(|round| read(&round.figures)).collect()
}

#[cfg(test)]
mod tests;
