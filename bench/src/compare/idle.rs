//! `--idle`: what a connection costs that nobody uses.
//!
//! Owns the opening of many connections, one request on each, and the reading of memory before and
//! with them. Invariant: a contender is measured alone: the others have not started or have ended.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::workload::Workload;
use super::{CompareOptions, progress, setting, wait_until_ready};
use crate::contender::{self, Contender, Entrant};
use crate::cpu::CpuPlan;
use crate::generator::{Generator, Outcome, Pace, Phase, Waiting};
use crate::process::resident_bytes;
use crate::report::IdleReport;

/// Requests in flight while the connections are made use of: what upstream pools hold stays small.
const AT_ONCE: usize = 64;
/// How long connections are left alone before memory is read: allocators give back late.
const SETTLE: Duration = Duration::from_secs(2);
const OPENING_MAX: Duration = Duration::from_secs(60);
/// Addresses the connections come from.
const SOURCES: u8 = 8;

/// Measures every contender of `options` with `connections` idle connections.
pub(super) fn run(
    options: &CompareOptions,
    connections: u32,
    cpus: CpuPlan,
    directory: &Path,
    output: &mut dyn Write,
) -> Result<Vec<IdleReport>> {
    let entrants = || std::iter::once(&options.subject).chain(&options.peers);
    if let Some(other) = entrants().find(|one| matches!(one, Entrant::Floor | Entrant::Direct)) {
        bail!("{other} is no gateway: --idle compares what gateways keep for a connection");
    }
    let waiting = if cpus.shared() { Waiting::Sleep } else { Waiting::Spin };
    let mut reports = Vec::new();
    for (index, &entrant) in entrants().enumerate() {
        progress(options.json, output, &format!("{connections} idle connections: {entrant}"))?;
        let mut generator = Generator::new(waiting, Workload::Plain.answers())?;
        let setting = setting(options, Workload::Plain, cpus, &generator, directory)?;
        let mut contender = contender::start(entrant, index, &setting)?;
        wait_until_ready(&mut generator, contender.as_mut(), Workload::Plain.expected())
            .with_context(|| format!("waiting for {entrant}"))?;
        let pids = contender.pids()?;
        // As many connections as are in flight later, so that what they share is not counted as theirs.
        ask(&mut generator, contender.as_ref(), AT_ONCE, &mut || Ok(()))?;
        let before_bytes = resident_bytes(&pids)?;
        let mut with_bytes = 0;
        let count = usize::try_from(connections).context("too many connections")?;
        let asked = ask(&mut generator, contender.as_ref(), count, &mut || {
            with_bytes = resident_bytes(&pids)?;
            Ok(())
        });
        contender.check_alive()?;
        let outcome = asked.with_context(|| format!("measuring {}", contender.name()))?;
        reports.push(report(contender.as_ref(), connections, &outcome, before_bytes, with_bytes));
    }
    Ok(reports)
}

/// Opens so many connections, asks once on each, leaves them alone, and calls `while_open`.
fn ask(
    generator: &mut Generator,
    contender: &dyn Contender,
    connections: usize,
    while_open: &mut dyn FnMut() -> Result<()>,
) -> Result<Outcome> {
    let requests = Workload::Plain.requests();
    let phase = Phase {
        target: contender.address(),
        requests: &requests,
        expected: Workload::Plain.expected(),
        connections,
        reconnects: false,
        sources: SOURCES,
        pace: Pace::Total { requests: connections, at_once: AT_ONCE },
        warm_up: Duration::ZERO,
        measured: OPENING_MAX,
    };
    generator.run_total(&phase, SETTLE, while_open)
}

#[expect(clippy::cast_precision_loss, reason = "memory in bytes is far below 2^52")]
fn report(
    contender: &dyn Contender,
    connections: u32,
    outcome: &Outcome,
    before_bytes: u64,
    with_bytes: u64,
) -> IdleReport {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let grown_bytes = with_bytes as f64 - before_bytes as f64;
    IdleReport {
        name: contender.name().to_owned(),
        version: contender.version().to_owned(),
        counted: contender.counted().to_owned(),
        connections,
        rss_before_mib: mib(before_bytes),
        rss_with_mib: mib(with_bytes),
        kib_per_connection: grown_bytes / 1024.0 / f64::from(connections),
        errors: outcome.errors,
    }
}
