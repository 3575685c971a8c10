//! `halftone bench compare`: the rounds of a comparison.
//!
//! Owns the order of things. Does not measure a phase ([`measure`]) and does not render ([`crate::report`]).
//!
//! Invariants:
//! - all contenders of a workload start before its first round and stay until its last, idle while
//!   another is measured;
//! - every second round runs in the opposite order, so that drift of the machine favours nobody;
//! - a contender is measured only after a request through it was answered.

pub mod workload;

mod idle;
mod measure;
mod options;
mod readiness;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::system::uname;

use crate::contender::{self, Contender, PARTS, Setting};
use crate::cpu::{CpuPlan, PinnedThread};
use crate::generator::{Generator, Pace, Waiting};
use crate::report::{ContenderReport, Machine, PhaseReport, Report, WorkloadReport};
use measure::{Course, Lengths};
pub use options::{CompareOptions, Switch};
pub(crate) use readiness::wait_until_ready;
use workload::Workload;

const WARM_UP_MAX: Duration = Duration::from_secs(1);
/// Descriptors beside those of the client connections: upstream connections, logs, libraries.
const SPARE_DESCRIPTORS: u64 = 1024;

/// Compares the subject with its peers and writes the report to `output`.
///
/// Takes about (workloads × rounds × contenders × 2 × (seconds + warm-up)) seconds and two CPUs, up to
/// three times as long on a machine that other processes disturb. The calling thread is pinned
/// meanwhile and gets its affinity back.
///
/// # Errors
/// A contender is not installed, does not answer within ten seconds, or ends; `output` fails. Failed
/// requests and refused contenders are no error here: the report has both, and says so loudly.
pub fn run(options: &CompareOptions, output: &mut dyn Write) -> Result<Report> {
    let measured = Duration::from_secs(u64::from(options.seconds));
    run_for(options, Lengths { warm_up: WARM_UP_MAX.min(measured / 4), measured }, output)
}

fn run_for(options: &CompareOptions, lengths: Lengths, output: &mut dyn Write) -> Result<Report> {
    let cpus = CpuPlan::detect()?;
    let _pinned = PinnedThread::pin(cpus.generator)?;
    raise_descriptors(u64::from(options.idle.unwrap_or(options.connections)) + SPARE_DESCRIPTORS)?;
    let directory = tempfile::tempdir().context("making a directory for the contenders")?;
    let mut report = Report::new(machine(cpus), options.clone());
    if let Some(connections) = options.idle {
        report.idle = idle::run(options, connections, cpus, directory.path(), output)?;
    } else {
        for &workload in &options.workload {
            let directory = directory.path().join(workload.to_string());
            std::fs::create_dir(&directory).context("making a workload's directory")?;
            let reports = run_workload(options, workload, lengths, cpus, &directory, output)?;
            report.add(WorkloadReport::new(workload, workload.rate(options.rate), cpus, reports));
        }
    }
    if options.json {
        serde_json::to_writer_pretty(&mut *output, &report)
            .context("writing the report as JSON")?;
        writeln!(output)?;
    } else {
        report.write_tables(output).context("writing the report")?;
    }
    Ok(report)
}

/// Starts every contender for one workload and measures them.
fn run_workload(
    options: &CompareOptions,
    workload: Workload,
    lengths: Lengths,
    cpus: CpuPlan,
    directory: &Path,
    output: &mut dyn Write,
) -> Result<Vec<ContenderReport>> {
    let waiting = if cpus.shared() { Waiting::Sleep } else { Waiting::Spin };
    let mut generator = Generator::new(waiting, workload.answers())?;
    let setting = setting(options, workload, cpus, &generator, directory)?;
    let mut contenders = Vec::new();
    for (index, &entrant) in std::iter::once(&options.subject).chain(&options.peers).enumerate() {
        let mut contender = contender::start(entrant, index, &setting)?;
        wait_until_ready(&mut generator, contender.as_mut(), workload.expected())
            .with_context(|| format!("waiting for {entrant}"))?;
        contenders.push(contender);
    }
    let course = Course {
        workload,
        requests: workload.requests(),
        connections: usize::try_from(options.connections).context("too many connections")?,
        lengths,
        disturbed_max_percent: f64::from(options.disturbed_max),
    };
    run_rounds(options, &course, &mut generator, &mut contenders, output)
}

fn setting(
    options: &CompareOptions,
    workload: Workload,
    cpus: CpuPlan,
    generator: &Generator,
    directory: &Path,
) -> Result<Setting> {
    Ok(Setting {
        cpus,
        backends: generator.backend().addresses(),
        split: workload.split_percent().map(|percent| percent * PARTS / 100).into_iter().collect(),
        dimensions: workload == Workload::Dimensions,
        connections: options.idle.unwrap_or(options.connections),
        directory: directory.to_owned(),
        access_log: options.access_log == Switch::On,
        halftone: match &options.halftone {
            Some(path) => path.clone(),
            None => std::env::current_exe().context("finding the running binary")?,
        },
        engine: options.engine.clone(),
    })
}

/// Measures every contender in every round; the result keeps the order of `contenders`.
fn run_rounds(
    options: &CompareOptions,
    course: &Course,
    generator: &mut Generator,
    contenders: &mut [Box<dyn Contender>],
    output: &mut dyn Write,
) -> Result<Vec<ContenderReport>> {
    let mut saturated = vec![Vec::new(); contenders.len()];
    let mut fixed_rate = vec![Vec::new(); contenders.len()];
    let rate = Pace::Rate(course.workload.rate(options.rate));
    for round in 0..options.rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let contender = contenders[index].as_mut();
            let name = contender.name();
            let of = format!("{} of {}", round + 1, options.rounds);
            progress(options.json, output, &format!("{}, round {of}: {name}", course.workload))?;
            let measured = course.measure_undisturbed(Pace::Saturated, generator, contender)?;
            saturated[index].push(measured);
            fixed_rate[index].push(course.measure_undisturbed(rate, generator, contender)?);
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
            saturated: PhaseReport::saturated(saturated),
            fixed_rate: PhaseReport::new(fixed_rate),
        })
        .collect())
}

/// Tells what is being done: before the tables, or beside the JSON.
pub(crate) fn progress(json: bool, output: &mut dyn Write, line: &str) -> Result<()> {
    if json {
        writeln!(std::io::stderr(), "{line}")?;
    } else {
        writeln!(output, "{line}")?;
        output.flush()?;
    }
    Ok(())
}

/// Makes sure that this process and its children may open so many descriptors each.
pub(crate) fn raise_descriptors(wanted: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.unwrap_or(u64::MAX) >= wanted {
        return Ok(());
    }
    let raised = Rlimit { current: Some(hard.max(wanted)), maximum: Some(hard.max(wanted)) };
    setrlimit(Resource::Nofile, raised).with_context(|| {
        format!(
            "{wanted} descriptors are needed, {hard} allowed: raise the hard limit, or ask for less"
        )
    })
}

pub(crate) fn machine(cpus: CpuPlan) -> Machine {
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
