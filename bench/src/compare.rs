//! `halftone bench compare`: the rounds of a comparison.
//!
//! Owns the options, the order of things and the turning of a phase into figures. Does not render
//! them ([`crate::report`] does).
//!
//! Invariants:
//! - all contenders start before the first round and stay until the last, idle while another is measured;
//! - every second round runs in the opposite order, so that drift of the machine favours nobody;
//! - a contender is measured only after a request through it was answered.

pub mod workload;

mod readiness;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::system::uname;
use serde::Serialize;

use crate::contender::{self, Contender, Entrant, Setting};
use crate::cpu::{CpuPlan, PinnedThread};
use crate::generator::{Boundary, Generator, Outcome, Pace, Phase, Waiting};
use crate::process::{CpuMeter, CpuTime, resident_bytes};
use crate::report::{
    ContenderReport, DISTURBED_PERCENT, Figures, Machine, Measurement, PhaseReport, Report,
};
use workload::Workload;

const WARM_UP: Duration = Duration::from_secs(1);
/// How often a phase that other processes disturbed is run.
const ATTEMPTS_MAX: u32 = 3;

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is done.
    On,
    /// It is not.
    Off,
}

/// Options of `halftone bench compare`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct CompareOptions {
    /// What halftone is compared with, in this order
    #[arg(long, value_enum, value_delimiter = ',', default_value = "nginx")]
    pub peers: Vec<Entrant>,
    /// What stands in the first place of every ratio
    #[arg(long, value_enum, default_value = "halftone")]
    pub subject: Entrant,
    /// What is asked for and answered
    #[arg(long, value_enum, default_value = "plain")]
    pub workload: Workload,
    /// Rounds; medians are taken over them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Seconds per measured phase, after one second of warm-up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Keep-alive client connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub connections: u32,
    /// Requests per second of the fixed-rate phase
    #[arg(long, default_value_t = 25_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Engine halftone is started with
    #[arg(long, default_value = "auto")]
    pub engine: String,
    /// Whether every contender writes an access log
    #[arg(long, value_enum, default_value = "on")]
    pub access_log: Switch,
    /// Prints the report as JSON instead of tables
    #[arg(long)]
    pub json: bool,
    /// The halftone binary, if not the running one
    #[arg(long, hide = true)]
    pub halftone: Option<PathBuf>,
}

/// Compares the subject with its peers and writes the report to `output`.
///
/// Takes about (rounds × contenders × 2 × (seconds + 1)) seconds and two CPUs, up to three times as
/// long on a machine that other processes disturb. The calling thread is
/// pinned meanwhile and gets its affinity back.
///
/// # Errors
/// A contender is not installed, does not answer within ten seconds, or ends; `output` fails. Failed
/// requests are no error here: the report counts them, and says so loudly.
pub fn run(options: &CompareOptions, output: &mut dyn Write) -> Result<Report> {
    let lengths =
        Lengths { warm_up: WARM_UP, measured: Duration::from_secs(u64::from(options.seconds)) };
    run_for(options, lengths, output)
}

/// How long the parts of a phase take.
#[derive(Debug, Clone, Copy)]
struct Lengths {
    warm_up: Duration,
    measured: Duration,
}

fn run_for(options: &CompareOptions, lengths: Lengths, output: &mut dyn Write) -> Result<Report> {
    let cpus = CpuPlan::detect()?;
    let _pinned = PinnedThread::pin(cpus.generator)?;
    let waiting = if cpus.shared() { Waiting::Sleep } else { Waiting::Spin };
    let mut generator = Generator::new(waiting, options.workload.answer())?;
    let directory = tempfile::tempdir().context("making a directory for the contenders")?;
    let setting = Setting {
        cpus,
        backend: generator.backend().address(),
        directory: directory.path().to_owned(),
        access_log: options.access_log == Switch::On,
        halftone: match &options.halftone {
            Some(path) => path.clone(),
            None => std::env::current_exe().context("finding the running binary")?,
        },
        engine: options.engine.clone(),
    };
    let mut contenders = Vec::new();
    for (index, &entrant) in std::iter::once(&options.subject).chain(&options.peers).enumerate() {
        let mut contender = contender::start(entrant, index, &setting)?;
        readiness::wait_until_ready(&mut generator, contender.as_mut(), options.workload)
            .with_context(|| format!("waiting for {entrant}"))?;
        contenders.push(contender);
    }
    let reports = run_rounds(options, lengths, &mut generator, &mut contenders, output)?;
    let report = Report::new(machine(cpus), options.clone(), reports);
    if options.json {
        serde_json::to_writer_pretty(&mut *output, &report)
            .context("writing the report as JSON")?;
        writeln!(output)?;
    } else {
        report.write_tables(output).context("writing the report")?;
    }
    Ok(report)
}

/// Measures every contender in every round; the result keeps the order of `contenders`.
fn run_rounds(
    options: &CompareOptions,
    lengths: Lengths,
    generator: &mut Generator,
    contenders: &mut [Box<dyn Contender>],
    output: &mut dyn Write,
) -> Result<Vec<ContenderReport>> {
    let mut saturated = vec![Vec::new(); contenders.len()];
    let mut fixed_rate = vec![Vec::new(); contenders.len()];
    for round in 0..options.rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let contender = contenders[index].as_mut();
            if !options.json {
                writeln!(
                    output,
                    "round {} of {}: {}",
                    round + 1,
                    options.rounds,
                    contender.name()
                )?;
                output.flush()?;
            }
            saturated[index].push(measure_undisturbed(
                options,
                lengths,
                Pace::Saturated,
                generator,
                contender,
            )?);
            fixed_rate[index].push(measure_undisturbed(
                options,
                lengths,
                Pace::Rate(options.rate),
                generator,
                contender,
            )?);
        }
    }
    let phases = saturated.into_iter().zip(fixed_rate);
    Ok(contenders
        .iter()
        .zip(phases)
        .map(|(contender, (saturated, fixed_rate))| ContenderReport {
            name: contender.name().to_owned(),
            version: contender.version().to_owned(),
            counted: contender.counted().to_owned(),
            saturated: PhaseReport::new(saturated),
            fixed_rate: PhaseReport::new(fixed_rate),
        })
        .collect())
}

/// Runs one phase, again if other processes took the CPUs meanwhile; keeps the least disturbed.
///
/// The choice looks at the CPUs' other users only, never at the contender's figures.
fn measure_undisturbed(
    options: &CompareOptions,
    lengths: Lengths,
    pace: Pace,
    generator: &mut Generator,
    contender: &mut dyn Contender,
) -> Result<Measurement> {
    let mut best = measure(options, lengths, pace, generator, contender)?;
    for attempts in 2..=ATTEMPTS_MAX {
        if best.figures.disturbed_percent <= DISTURBED_PERCENT {
            break;
        }
        let again = measure(options, lengths, pace, generator, contender)?;
        if again.figures.disturbed_percent < best.figures.disturbed_percent {
            best = again;
        }
        best.attempts = attempts;
    }
    Ok(best)
}

/// Runs one phase against one contender.
fn measure(
    options: &CompareOptions,
    lengths: Lengths,
    pace: Pace,
    generator: &mut Generator,
    contender: &mut dyn Contender,
) -> Result<Measurement> {
    let request = options.workload.request();
    let phase = Phase {
        target: contender.address(),
        request: &request,
        expected: options.workload.expected(),
        connections: usize::try_from(options.connections).context("too many connections")?,
        pace,
        warm_up: lengths.warm_up,
        measured: lengths.measured,
    };
    let pids = contender.pids()?;
    let meter = CpuMeter::attach(&pids)?;
    let own_meter = CpuMeter::attach_current_thread()?;
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
    Ok(measurement(&outcome, cost))
}

/// What a phase has cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    contender: Option<CpuTime>,
    generator: CpuTime,
    rss_bytes: Option<u64>,
}

/// Turns what a phase has shown into figures.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds of a phase are far below 2^52"
)]
fn measurement(outcome: &Outcome, cost: Cost) -> Measurement {
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
        generator_busy_percent: 100.0 * (1.0 - outcome.generator_idle.as_secs_f64() / seconds),
        disturbed_percent: percent(waited_ns),
    };
    Measurement {
        figures,
        completed: outcome.completed,
        scheduled: outcome.scheduled,
        errors: outcome.errors,
        attempts: 1,
    }
}

fn machine(cpus: CpuPlan) -> Machine {
    let name = uname();
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let congestion =
        std::fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    Machine {
        tcp_congestion_control: congestion.trim().to_owned(),
        kernel: name.release().to_string_lossy().into_owned(),
        architecture: name.machine().to_string_lossy().into_owned(),
        cpu_model: model.trim_start_matches([' ', '\t', ':']).to_owned(),
        cpus,
    }
}

#[cfg(test)]
mod tests;
