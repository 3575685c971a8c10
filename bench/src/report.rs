//! The report: figures of all contenders, their medians, ratios, and what is wrong with them.
//!
//! Owns the machine form (serde) and the judgement; the tables for people are in a room of their own.
//! Does not measure.
//!
//! Invariants:
//! - every round's figures stay in the report beside the medians;
//! - whatever makes a figure doubtful is a warning in the report itself, not only on a screen.

mod tables;

use std::io::{self, Write};

use serde::Serialize;

use crate::compare::CompareOptions;
use crate::cpu::CpuPlan;
use crate::generator::ErrorCounts;
use crate::statistics::{Ratio, median, paired_ratio};

/// Above this share of idle time a contender was not saturated.
const SATURATED_IDLE_PERCENT: f64 = 5.0;
/// Above this share of a window lost to other processes, figures are not the contender's own.
pub(crate) const DISTURBED_PERCENT: f64 = 2.0;
/// Below this share of the scheduled requests a rate was not sustained.
const SUSTAINED_PERCENT: f64 = 99.0;

/// A whole comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for.
    pub options: CompareOptions,
    /// Figures, the subject first.
    pub contenders: Vec<ContenderReport>,
    /// Subject over each peer.
    pub ratios: Vec<PeerRatios>,
    /// What makes figures doubtful; empty in a good run.
    pub warnings: Vec<String>,
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
    /// Medians over the rounds, figure by figure.
    pub median: Figures,
    /// Failed requests of all rounds.
    pub errors: ErrorCounts,
    /// Every round.
    pub rounds: Vec<Measurement>,
}

/// One phase of one round.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measurement {
    /// The figures.
    pub figures: Figures,
    /// Right answers within the window.
    pub completed: u64,
    /// Requests meant for the window; `None` when saturated.
    pub scheduled: Option<u64>,
    /// Failed requests.
    pub errors: ErrorCounts,
    /// How often the phase was run; the least disturbed run is the one kept.
    pub attempts: u32,
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
pub(crate) const METRICS: [Metric; 10] = [
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
    /// Folds the contenders' figures into a report; the first contender is the subject.
    #[must_use]
    pub fn new(
        machine: Machine,
        options: CompareOptions,
        contenders: Vec<ContenderReport>,
    ) -> Self {
        let ratios = match contenders.split_first() {
            Some((subject, peers)) => {
                peers.iter().map(|peer| PeerRatios::new(subject, peer)).collect()
            }
            None => Vec::new(),
        };
        let warnings = warnings(machine.cpus, &contenders);
        Self { machine, options, contenders, ratios, warnings }
    }

    /// Returns the failed requests of the whole run.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.contenders
            .iter()
            .map(|contender| {
                contender.saturated.errors.failed() + contender.fixed_rate.errors.failed()
            })
            .sum()
    }

    /// Writes the tables for people.
    ///
    /// # Errors
    /// Writing fails.
    pub fn write_tables(&self, output: &mut dyn Write) -> io::Result<()> {
        tables::write(self, output)
    }
}

impl PhaseReport {
    /// Takes the medians over `rounds`.
    #[must_use]
    pub fn new(rounds: Vec<Measurement>) -> Self {
        let mut errors = ErrorCounts::default();
        rounds.iter().for_each(|round| errors.add(&round.errors));
        let over = |read: Reader| median(&values(&rounds, read));
        let always = |read: Reader| over(read).unwrap_or_default();
        let median = Figures {
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
            generator_busy_percent: always(|figures| Some(figures.generator_busy_percent)),
            disturbed_percent: always(|figures| Some(figures.disturbed_percent)),
        };
        Self { median, errors, rounds }
    }
}

impl PeerRatios {
    fn new(subject: &ContenderReport, peer: &ContenderReport) -> Self {
        Self {
            subject: subject.name.clone(),
            peer: peer.name.clone(),
            saturated: metric_ratios(&subject.saturated.rounds, &peer.saturated.rounds),
            fixed_rate: metric_ratios(&subject.fixed_rate.rounds, &peer.fixed_rate.rounds),
        }
    }
}

fn metric_ratios(subject: &[Measurement], peer: &[Measurement]) -> Vec<MetricRatio> {
    METRICS
        .iter()
        .map(|metric| MetricRatio {
            metric: metric.name,
            ratio: paired_ratio(&values(subject, metric.read), &values(peer, metric.read)),
        })
        .collect()
}

fn values(rounds: &[Measurement], read: Reader) -> Vec<f64> {
    rounds.iter().filter_map(|round| read(&round.figures)).collect()
}

/// Lists what makes figures doubtful.
fn warnings(cpus: CpuPlan, contenders: &[ContenderReport]) -> Vec<String> {
    let mut warnings = Vec::new();
    if cpus.shared() {
        warnings.push("only one CPU is allowed: generator and contender shared it, and no figure is meaningful".to_owned());
    }
    if cpus.same_core {
        warnings.push(format!(
            "CPUs {} and {} are threads of one core: generator and contender slowed each other down",
            cpus.generator, cpus.contender
        ));
    }
    for contender in contenders {
        for (phase, report) in
            [("saturated", &contender.saturated), ("fixed rate", &contender.fixed_rate)]
        {
            if report.errors.failed() > 0 {
                warnings.push(format!(
                    "ERRORS: {} failed {} requests ({phase}; {}): its figures are not valid",
                    contender.name,
                    report.errors.failed(),
                    report.errors
                ));
            }
        }
        warnings.extend(disturbed(contender));
        warnings.extend(unsaturated(contender));
        warnings.extend(unsustained(contender));
    }
    warnings
}

fn disturbed(contender: &ContenderReport) -> Option<String> {
    let rounds = contender.saturated.rounds.iter().chain(&contender.fixed_rate.rounds);
    let (count, most) = rounds
        .map(|round| round.figures.disturbed_percent)
        .filter(|&percent| percent > DISTURBED_PERCENT)
        .fold((0, 0.0), |(count, most), percent| (count + 1, f64::max(most, percent)));
    (count > 0).then(|| {
        format!(
            "other processes took the CPUs for up to {most:.1} % of {count} windows of {}: repeat on a quiet machine",
            contender.name
        )
    })
}

fn unsaturated(contender: &ContenderReport) -> Option<String> {
    let idle = values(&contender.saturated.rounds, |figures| figures.idle_percent);
    let most = idle.iter().copied().reduce(f64::max)?;
    (most > SATURATED_IDLE_PERCENT).then(|| {
        format!(
            "{} was idle for {most:.1} % of a saturated round: its CPU time per request is not the saturated one \
             (the generator was {:.1} % busy)",
            contender.name, contender.saturated.median.generator_busy_percent
        )
    })
}

#[expect(clippy::cast_precision_loss, reason = "request counts are far below 2^52")]
fn unsustained(contender: &ContenderReport) -> Option<String> {
    let least = contender
        .fixed_rate
        .rounds
        .iter()
        .filter_map(|round| {
            Some(
                100.0 * round.completed as f64 / round.scheduled.filter(|&meant| meant > 0)? as f64,
            )
        })
        .reduce(f64::min)?;
    (least < SUSTAINED_PERCENT).then(|| {
        format!("{} answered only {least:.1} % of a fixed-rate round in time: latencies are those of an overload", contender.name)
    })
}

#[cfg(test)]
mod tests;
