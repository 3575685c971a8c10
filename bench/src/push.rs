//! `halftone bench push`: how long a change takes until every worker decides with it.
//!
//! Owns the stack under test (a gateway on every CPU, a control plane), the pushes and the load meanwhile.
//! A push is a `:setWeight` at the API: it is answered when it is durable and every worker of the gateway
//! has said that it decides with it.
//!
//! Invariants:
//! - load runs on kept connections from before the first push until after the last;
//! - a push that is refused, or answered without every worker, is counted and never dropped;
//! - with a rate, pushes are sent when they are due, whatever became of those before.

mod report;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::compare::workload::Workload;
use crate::stack::caller::{self, Caller};
use crate::stack::{Extra, Pace, Stack, StackOptions, histogram, plain, tell, with_backend};
pub use report::{PushReport, PushesReport};

/// The tenant and the release that are pushed.
const RELEASE: &str = "/v1/tenants/bench/releases/bench:setWeight";

/// Options of `halftone bench push`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct PushOptions {
    /// Pushes, one after another; with --rate, it says how long to go on
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "rate")]
    pub pushes: u32,
    /// Pushes offered per second, at fixed times
    #[arg(long, requires = "seconds", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// How long pushes are offered
    #[arg(long, requires = "rate", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: Option<u32>,
    /// Callers that push at once, with --rate
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub callers: u32,
    /// Requests per second of the load meanwhile
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub load: u32,
    /// Rules in the bundle
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rules: u32,
    /// What every measurement of the stack has.
    #[command(flatten)]
    #[serde(flatten)]
    pub stack: StackOptions,
}

/// Measures pushes and writes the report to `output`.
///
/// # Errors
/// The stack does not start, or ends; `output` fails. Pushes and requests that fail are no error here: the
/// report counts them.
pub fn run(options: &PushOptions, output: &mut dyn Write) -> Result<PushReport> {
    let measure =
        |backend: &[SocketAddr], directory: &Path| measure(options, backend[0], directory);
    let report = with_backend(Workload::Plain.answers(), measure)?;
    tell(&report, options.stack.json, output, PushReport::write_text)?;
    Ok(report)
}

fn measure(options: &PushOptions, backend: SocketAddr, directory: &Path) -> Result<PushReport> {
    let mut stack = Stack::start(&options.stack, &Extra::default(), directory)?;
    stack.until_serving(&bundle(options.rules, backend))?;
    let before = caller::gateway(stack.api)?;
    let pace = Pace { per_second: options.load, connections: options.stack.connections };
    let push = |stack: &mut Stack| match (options.rate, options.seconds) {
        (Some(rate), Some(seconds)) => offered(options, stack.api, rate, seconds),
        _ => in_turn(stack.api, options.pushes),
    };
    let (pushes, [load]) = stack.under_loads([(pace, &plain())], push)?;
    stack.check_alive()?;
    let after = caller::gateway(stack.api)?;
    Ok(PushReport::new(options.clone(), &pushes?, &load, &before, &after))
}

/// What became of pushes.
struct Pushes {
    took: Histogram<u64>,
    offered: u64,
    acknowledged: u64,
    not_applied: u64,
    refused: Vec<String>,
    /// Sent more than a tenth of a second after they were due.
    late: u64,
    elapsed: Duration,
}

impl Pushes {
    fn new() -> Self {
        Self {
            took: histogram(),
            offered: 0,
            acknowledged: 0,
            not_applied: 0,
            refused: Vec::new(),
            late: 0,
            elapsed: Duration::ZERO,
        }
    }

    /// Pushes number `number`; its time counts from `due`.
    fn push(&mut self, caller: &mut Caller, number: u64, due: Instant) {
        self.offered += 1;
        // Another weight than before each time, up and down.
        let weight = 1 + number * 7 % 50;
        match caller.call("POST", RELEASE, &format!("{{\"weight\":\"{weight}%\"}}")) {
            Ok(answer) if answer.status == 200 => {
                self.acknowledged += 1;
                self.not_applied += u64::from(!answer.applied);
                let took = u64::try_from(due.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.took.saturating_record(took);
            }
            Ok(answer) => self.refused.push(format!("{} {}", answer.status, answer.body)),
            Err(error) => self.refused.push(format!("{error:#}")),
        }
    }

    fn add(&mut self, other: Self) -> Result<()> {
        self.took.add(&other.took).context("adding histograms of equal bounds")?;
        self.offered += other.offered;
        self.acknowledged += other.acknowledged;
        self.not_applied += other.not_applied;
        self.refused.extend(other.refused);
        self.late += other.late;
        Ok(())
    }
}

/// Pushes one after another.
fn in_turn(api: SocketAddr, count: u32) -> Result<Pushes> {
    let (mut pushes, mut caller) = (Pushes::new(), Caller::new(api));
    let begun = Instant::now();
    for number in 0..u64::from(count) {
        pushes.push(&mut caller, number, Instant::now());
    }
    pushes.elapsed = begun.elapsed();
    Ok(pushes)
}

/// Pushes at fixed times, by as many callers as are free.
fn offered(options: &PushOptions, api: SocketAddr, rate: u32, seconds: u32) -> Result<Pushes> {
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let total = u64::from(rate) * u64::from(seconds);
    let call = || {
        let (mut pushes, mut caller) = (Pushes::new(), Caller::new(api));
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= total {
                return pushes;
            }
            let due = begun + Duration::from_nanos(number * 1_000_000_000 / u64::from(rate));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            pushes.late += u64::from(due.elapsed() > Duration::from_millis(100));
            pushes.push(&mut caller, number, due);
        }
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..options.callers).map(|_| scope.spawn(call)).collect();
        let mut all = Pushes::new();
        for caller in callers {
            match caller.join() {
                Ok(pushes) => all.add(pushes)?,
                Err(_) => bail!("a caller panicked"),
            }
        }
        all.elapsed = begun.elapsed();
        Ok(all)
    })
}

/// Returns a bundle with one scheduled split and as many rules as asked for.
fn bundle(rules: u32, backend: SocketAddr) -> String {
    let mut text = format!(
        "apiVersion: halftone/v1\nkind: Bundle\nmetadata: {{ tenant: bench }}\n\
         upstreams:\n  web: {{ variants: {{ stable: {{ addresses: [\"{backend}\"] }}, canary: {{ addresses: [\"{backend}\"] }} }} }}\n\
         releases:\n  bench: {{ upstream: web, unit: [client.ip], default: {{ split: scheduled }} }}\n\
         routes:\n- name: bench\n  rules:\n"
    );
    for rule in 1..rules {
        text.push_str(&format!(
            "  - {{ matches: [{{ path: {{ type: PathPrefix, value: /rule/{rule} }} }}], release: bench }}\n"
        ));
    }
    text.push_str("  - { release: bench }\n");
    text
}

#[cfg(test)]
mod tests;
