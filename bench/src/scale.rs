//! `halftone bench scale`: how long a one-line change of a very large bundle takes until every worker
//! decides with it.
//!
//! Owns the changes, their order and their figures. The bundle is `bundle`'s, the stack and the load beside it are
//! [`crate::stack`]'s.
//!
//! Invariants:
//! - every change is another one than before it, so that none is answered as nothing new;
//! - a change is visible when every worker of the gateway has said that it decides with it;
//! - load runs on kept connections from before the first change until after the last, and is also measured before:
//!   a swap that held requests up shows as the difference;
//! - a change that is refused, or not visible in time, is counted and never dropped.

mod bundle;
mod report;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::compare::workload::Workload;
use crate::process::resident_bytes;
use crate::stack::caller::Caller;
use crate::stack::{Extra, Pace, Stack, StackOptions, histogram, plain, tell, with_backend};
use bundle::Bundle;
pub use report::{ChangeReport, ScaleReport};

/// How long a change may take to be visible.
const VISIBLE_MAX: Duration = Duration::from_secs(30);
/// How long the load runs alone, for comparison.
const ALONE: Duration = Duration::from_secs(2);

/// What is changed, and how it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A route, put as an object of the bundle.
    Route,
    /// A release, likewise.
    Release,
    /// A segment, likewise.
    Segment,
    /// A route, by putting the whole bundle.
    Bundle,
}

/// Options of `halftone bench scale`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct ScaleOptions {
    /// Routes in the bundle
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=400_000))]
    pub routes: u32,
    /// Hosts they are of
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub hosts: u32,
    /// Targets with expressions
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub targets: u32,
    /// Releases they belong to
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=40_000))]
    pub releases: u32,
    /// Segments that every tenth of them names
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub segments: u32,
    /// Changes of each kind
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub changes: u32,
    /// What is changed
    #[arg(long, value_delimiter = ',', default_values = ["route", "release", "segment", "bundle"])]
    pub change: Vec<ChangeKind>,
    /// Requests per second of the load meanwhile
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub load: u32,
    /// What every measurement of the stack has.
    #[command(flatten)]
    #[serde(flatten)]
    pub stack: StackOptions,
}

/// Measures changes and writes the report to `output`.
///
/// # Errors
/// The stack does not start, or ends; `output` fails. Changes and requests that fail are no error here: the
/// report counts them.
pub fn run(options: &ScaleOptions, output: &mut dyn Write) -> Result<ScaleReport> {
    let measure =
        |backend: &[SocketAddr], directory: &Path| measure(options, backend[0], directory);
    let report = with_backend(Workload::Plain.answers(), measure)?;
    tell(&report, options.stack.json, output, ScaleReport::write_text)?;
    Ok(report)
}

fn measure(options: &ScaleOptions, backend: SocketAddr, directory: &Path) -> Result<ScaleReport> {
    let mut bundle = Bundle::new(options, backend);
    let mut stack = Stack::start(&options.stack, &Extra::default(), directory)?;
    let begun = Instant::now();
    stack.until_serving(&bundle.text())?;
    let first = begun.elapsed();
    let pace = Pace { per_second: options.load, connections: options.stack.connections };
    let load = [(pace, &plain())];
    let ((), [alone]) = stack.under_loads(load, |_| thread::sleep(ALONE))?;
    let mut changes = Vec::with_capacity(options.change.len());
    for kind in &options.change {
        let change = |stack: &mut Stack| change_often(options, *kind, &mut bundle, stack);
        let (changed, [met]) = stack.under_loads(load, change)?;
        changes.push((*kind, changed, met));
    }
    stack.check_alive()?;
    let resident =
        (resident_bytes(&[stack.control.pid()])?, resident_bytes(&[stack.gateway.pid()])?);
    Ok(ScaleReport::new(options, bundle.text().len(), first, &alone, &changes, resident))
}

/// What became of the changes of one kind.
struct Changes {
    /// From the call to its answer: durable, and visible if it says so. Nanoseconds.
    answered: Histogram<u64>,
    /// From the call until every worker decides with it. Nanoseconds.
    visible: Histogram<u64>,
    failures: Vec<String>,
    /// By stage: milliseconds of all changes together.
    stages: BTreeMap<String, f64>,
    /// The one that took longest to be visible, nanoseconds, and its stages.
    slowest: (u64, BTreeMap<String, f64>),
}

fn change_often(
    options: &ScaleOptions,
    kind: ChangeKind,
    bundle: &mut Bundle,
    stack: &mut Stack,
) -> Changes {
    let mut changes = Changes {
        answered: histogram(),
        visible: histogram(),
        failures: Vec::new(),
        stages: BTreeMap::new(),
        slowest: Default::default(),
    };
    let mut caller = Caller::new(stack.api);
    for number in 0..options.changes {
        let (path, body) = bundle.change(kind, number);
        let begun = Instant::now();
        let ns = || u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match caller.call("PUT", &path, &body) {
            Ok(answer) if answer.status == 200 => {
                changes.answered.saturating_record(ns());
                let deadline = begun + VISIBLE_MAX;
                let visible = answer.applied
                    || stack.until_visible(answer.revision, deadline).map_or_else(
                        |error| {
                            changes.failures.push(format!("{error:#}"));
                            false
                        },
                        |()| true,
                    );
                if visible {
                    let took = ns();
                    changes.visible.saturating_record(took);
                    if took > changes.slowest.0 {
                        changes.slowest = (took, answer.stages.iter().cloned().collect());
                    }
                }
                for (stage, ms) in answer.stages {
                    *changes.stages.entry(stage).or_default() += ms;
                }
            }
            Ok(answer) => changes.failures.push(format!("{} {}", answer.status, answer.body)),
            Err(error) => changes.failures.push(format!("{error:#}")),
        }
    }
    changes
}

#[cfg(test)]
mod tests;
