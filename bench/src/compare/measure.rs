//! One phase against one contender, and the turning of it into figures.
//!
//! Owns the meters at both ends of the window, and the repeating of what was disturbed. Does not judge
//! a contender by several rounds ([`crate::report`] does).
//!
//! Invariant: the choice between repeated phases looks at failures and at the CPUs' other users only,
//! never at the contender's figures.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::workload::Workload;
use crate::contender::Contender;
use crate::generator::{Boundary, Generator, Outcome, Pace, Phase};
use crate::process::{CpuMeter, CpuTime, resident_bytes};
use crate::report::{Figures, Measurement};

/// How often a phase that was disturbed is run.
const ATTEMPTS_MAX: u32 = 3;

/// How long the parts of a phase take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
}

/// What is measured the same way for every contender of a workload.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) workload: Workload,
    pub(super) requests: Vec<Vec<u8>>,
    pub(super) connections: usize,
    pub(super) lengths: Lengths,
    pub(super) disturbed_max_percent: f64,
}

impl Course {
    /// Runs one phase, again if it failed requests or others took the CPUs; keeps the best of them, and
    /// marks it dropped when that is none.
    pub(super) fn measure_undisturbed(
        &self,
        pace: Pace,
        generator: &mut Generator,
        contender: &mut dyn Contender,
    ) -> Result<Measurement> {
        let mut best = self.measure(pace, generator, contender)?;
        let mut errors = best.errors;
        for attempts in 2..=ATTEMPTS_MAX {
            if self.flaw(&best).is_none() {
                break;
            }
            let again = self.measure(pace, generator, contender)?;
            errors.add(&again.errors);
            let rank = |run: &Measurement| (run.errors.failed(), run.figures.disturbed_percent);
            if rank(&again) < rank(&best) {
                best = again;
            }
            best.attempts = attempts;
        }
        best.dropped = self.flaw(&best);
        best.errors = errors;
        Ok(best)
    }

    /// Says why figures are not the contender's own.
    fn flaw(&self, measured: &Measurement) -> Option<String> {
        let disturbed = measured.figures.disturbed_percent;
        if measured.errors.failed() > 0 {
            Some(format!("{} requests failed ({})", measured.errors.failed(), measured.errors))
        } else if disturbed > self.disturbed_max_percent {
            Some(format!("other processes took the CPUs for {disturbed:.1} % of it"))
        } else {
            None
        }
    }

    /// Runs one phase against one contender.
    fn measure(
        &self,
        pace: Pace,
        generator: &mut Generator,
        contender: &mut dyn Contender,
    ) -> Result<Measurement> {
        let phase = Phase {
            target: contender.address(),
            requests: &self.requests,
            expected: self.workload.expected(),
            connections: self.connections,
            reconnects: self.workload.reconnects(),
            sources: self.workload.sources(),
            pace,
            warm_up: self.lengths.warm_up,
            measured: self.lengths.measured,
        };
        let pids = contender.pids()?;
        let meter = CpuMeter::attach(&pids)?;
        let own_meter = CpuMeter::attach_current_thread()?;
        let answered_before = generator.backend().answered();
        let mut readings = Vec::with_capacity(2);
        let ran = generator.run(&phase, &mut |_: Boundary| {
            readings.push((meter.read()?, own_meter.read()?));
            Ok(())
        });
        // A contender that died is the cause of whatever the generator has met.
        contender.check_alive()?;
        let outcome = ran.with_context(|| format!("measuring {}", contender.name()))?;
        let [start, end] = readings.as_slice() else {
            bail!("a phase has two boundaries, not {}", readings.len())
        };
        let cost = Cost {
            contender: (!pids.is_empty()).then(|| end.0.since(&start.0)),
            generator: end.1.since(&start.1),
            rss_bytes: if pids.is_empty() { None } else { Some(resident_bytes(&pids)?) },
        };
        contender.clean_up()?;
        let mut measured = measurement(&outcome, cost);
        if self.workload.is_split() {
            let answered = generator.backend().answered();
            measured.figures.canary_percent = share_percent(&answered_before, &answered);
        }
        Ok(measured)
    }
}

/// What a phase has cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) contender: Option<CpuTime>,
    pub(super) generator: CpuTime,
    pub(super) rss_bytes: Option<u64>,
}

/// Returns the share of the second upstream in what was answered between two counts.
#[expect(clippy::cast_precision_loss, reason = "request counts are far below 2^52")]
fn share_percent(before: &[u64], after: &[u64]) -> Option<f64> {
    let counts: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    let total: u64 = counts.iter().sum();
    let second = *counts.get(1)?;
    (total > 0).then(|| 100.0 * second as f64 / total as f64)
}

/// Turns what a phase has shown into figures.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds of a phase are far below 2^52"
)]
pub(super) fn measurement(outcome: &Outcome, cost: Cost) -> Measurement {
    let used = cost.contender;
    let seconds = outcome.measured.as_secs_f64();
    let completed = outcome.completed as f64;
    let per_request_us =
        used.filter(|_| outcome.completed > 0).map(|used| used.total_ns as f64 / 1e3 / completed);
    let user_share = used.map_or(0.0, |used| used.user_share());
    let waited_ns = used.map_or(0, |used| used.waited_ns) + cost.generator.waited_ns;
    let percent = |time_ns: u64| time_ns as f64 / 1e7 / seconds;
    let latency_us = |quantile| outcome.latencies.value_at_quantile(quantile) as f64 / 1e3;
    let figures = Figures {
        requests_per_second: completed / seconds,
        busy_percent: used.map(|used| percent(used.total_ns)),
        idle_percent: used
            .map(|used| f64::max(0.0, 100.0 - percent(used.total_ns + used.waited_ns))),
        cpu_us_per_request: per_request_us,
        cpu_user_us_per_request: per_request_us.map(|total| total * user_share),
        cpu_system_us_per_request: per_request_us.map(|total| total * (1.0 - user_share)),
        latency_p50_us: latency_us(0.5),
        latency_p99_us: latency_us(0.99),
        latency_p999_us: latency_us(0.999),
        latency_max_us: outcome.latencies.max() as f64 / 1e3,
        rss_mib: cost.rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)),
        canary_percent: None,
        generator_busy_percent: 100.0 * (1.0 - outcome.generator_idle.as_secs_f64() / seconds),
        disturbed_percent: percent(waited_ns),
    };
    Measurement {
        figures,
        completed: outcome.completed,
        scheduled: outcome.scheduled,
        errors: outcome.errors,
        attempts: 1,
        dropped: None,
    }
}
