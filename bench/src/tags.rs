//! `halftone bench tags`: what requests meet whose users' tags are far away, or gone.
//!
//! Owns the phases: the control plane near, then behind a delay, then killed. A relay of the control socket makes the
//! delay ([`crate::relay`]); stack and load are [`crate::stack`]'s. Two loads run at once: of users whom the gateway
//! knows by then, and of users each of whom asks for the first time.
//!
//! Invariants:
//! - every user is `vip`, and meets the canary; who meets stable instead was decided by the default, and is counted;
//! - no user of the second load asks twice, in whatever phase;
//! - the control plane is killed (SIGKILL) while requests are under way, and not started again;
//! - a failed request is counted in the phase it failed in, and makes the measurement fail.

mod report;

use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::compare::workload::{Workload, answer};
use crate::stack::caller::Caller;
use crate::stack::{Asking, Counts, Extra, Pace, Stack, StackOptions, TENANT, tell, with_backend};
pub use report::{PhaseReport, TagsReport, UsersReport};

/// The header that names the user.
const USER_FIELD: &str = "X-User-Id";
/// Users whom the gateway knows, asked for in turn.
const KNOWN: u32 = 100;
/// Bodies of stable and of the canary, bytes: they tell which of them has answered.
const BODIES: [usize; 2] = [128, 160];
/// How long the gateway may take to know the users whom it is asked for.
const KNOWN_MAX: Duration = Duration::from_secs(30);

/// Options of `halftone bench tags`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct TagsOptions {
    /// What the delay adds to each answer of the control plane, milliseconds
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub delay_ms: u64,
    /// How long each phase takes, seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Requests per second of users whom the gateway knows
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub load: u32,
    /// Requests per second of users who ask for the first time
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub cold: u32,
    /// What every measurement of the stack has.
    #[command(flatten)]
    #[serde(flatten)]
    pub stack: StackOptions,
}

impl TagsOptions {
    /// Returns how many users there are: more than can be asked for.
    fn users(&self) -> u32 {
        // A phase may take a little longer, and connections ask once before they look at the clock.
        KNOWN + self.cold * (self.seconds + 2) * 3 + 10 * self.stack.connections
    }
}

/// Measures and writes the report to `output`.
///
/// # Errors
/// The stack does not start, or the gateway ends; `output` fails. Requests that fail are no error here: the report counts
/// them.
pub fn run(options: &TagsOptions, output: &mut dyn Write) -> Result<TagsReport> {
    let measure = |backend: &[SocketAddr], directory: &Path| measure(options, backend, directory);
    let report = with_backend(BODIES.map(answer).into(), measure)?;
    tell(&report, options.stack.json, output, TagsReport::write_text)?;
    Ok(report)
}

/// What became of both loads in a phase.
struct Phase {
    name: &'static str,
    delay_ms: u64,
    known: Counts,
    cold: Counts,
}

fn measure(options: &TagsOptions, backend: &[SocketAddr], directory: &Path) -> Result<TagsReport> {
    let extra = Extra { relayed: true, ..Extra::default() };
    let mut stack = Stack::start(&options.stack, &extra, directory)?;
    stack.until_serving(&bundle(backend))?;
    load(options, &stack, directory)?;
    let users = Users::default();
    users.until_known(&stack)?;
    let seconds = Duration::from_secs(u64::from(options.seconds));
    let mut phases = Vec::with_capacity(3);
    for (name, delay_ms) in [("near", 0), ("far", options.delay_ms)] {
        delay(&stack, delay_ms);
        let (alive, phase) = users.ask(options, &mut stack, (name, delay_ms), |stack| {
            thread::sleep(seconds);
            stack.check_alive()
        })?;
        alive?;
        phases.push(phase);
    }
    let (killed, phase) =
        users.ask(options, &mut stack, ("killed", options.delay_ms), |stack| {
            thread::sleep(seconds / 2);
            stack.control.kill()?;
            thread::sleep(seconds / 2);
            stack.gateway.check_alive()
        })?;
    killed?;
    phases.push(phase);
    Ok(TagsReport::new(options, &phases))
}

fn delay(stack: &Stack, delay_ms: u64) {
    if let Some(relay) = &stack.relay {
        relay.delay_answers(Duration::from_millis(delay_ms));
    }
}

/// Whose turn it is.
#[derive(Default)]
struct Users {
    known: AtomicU32,
    cold: AtomicU32,
}

impl Users {
    /// Has those who are to be known ask until they are.
    fn until_known(&self, stack: &Stack) -> Result<()> {
        let (mut caller, deadline) = (Caller::new(stack.listen), Instant::now() + KNOWN_MAX);
        let workers =
            crate::stack::caller::gateway(stack.api)?["workers"].as_array().map_or(1, Vec::len);
        // Each worker learns for itself, and a new connection may meet another one.
        let mut in_turn = 0;
        while in_turn < 4 * workers * KNOWN as usize {
            let answer = caller.send(&request(self.next_known()))?;
            in_turn = if answer.body.len() == BODIES[1] { in_turn + 1 } else { 0 };
            if in_turn.is_multiple_of(KNOWN as usize) {
                caller = Caller::new(stack.listen);
            }
            if Instant::now() > deadline {
                bail!("after {KNOWN_MAX:?} the gateway does not know its users' tags: {answer:?}");
            }
        }
        Ok(())
    }

    /// Has both kinds ask while `work` goes on.
    fn ask<T>(
        &self,
        options: &TagsOptions,
        stack: &mut Stack,
        (name, delay_ms): (&'static str, u64),
        work: impl FnOnce(&mut Stack) -> T,
    ) -> Result<(T, Phase)> {
        let connections = options.stack.connections;
        let asking = |request| Asking {
            request,
            body_bytes: BODIES[1] as u64,
            other_bytes: Some(BODIES[0] as u64),
        };
        let known = || request(self.next_known());
        let cold = || request(KNOWN + self.cold.fetch_add(1, Ordering::Relaxed));
        let (known, cold) = (asking(&known), asking(&cold));
        let loads = [
            (Pace { per_second: options.load, connections }, &known),
            (Pace { per_second: options.cold, connections }, &cold),
        ];
        let (done, [known, cold]) = stack.under_loads(loads, work)?;
        Ok((done, Phase { name, delay_ms, known, cold }))
    }

    fn next_known(&self) -> u32 {
        self.known.fetch_add(1, Ordering::Relaxed) % KNOWN
    }
}

fn request(user: u32) -> Vec<u8> {
    Workload::Plain.request(&format!("{USER_FIELD}: u{user}\r\n"))
}

/// Loads everybody's tags as an operator does.
fn load(options: &TagsOptions, stack: &Stack, directory: &Path) -> Result<()> {
    let file = directory.join("users.csv");
    let mut lines = "id,level\n".to_owned();
    for user in 0..options.users() {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "u{user},vip");
    }
    std::fs::write(&file, lines).context("writing the users")?;
    let api = format!("http://{}", stack.api);
    let mut command = Command::new(options.stack.binary()?);
    command.args(["tags", "load", "--tenant", TENANT, "--api", &api]).arg(&file);
    let output = command.output().context("loading the users")?;
    if !output.status.success() {
        bail!("the users are not loaded: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Returns a bundle by which whoever is `vip` meets the canary.
fn bundle(backend: &[SocketAddr]) -> String {
    format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {TENANT} }}
attributes:
  user.id: {{ type: string, from: [ {{ header: x-user-id, trusted: true }} ] }}
  user.level: {{ type: string, from: [ {{ tags: level }} ], default: new }}
upstreams:
  web: {{ variants: {{ stable: {{ addresses: [\"{}\"] }}, canary: {{ addresses: [\"{}\"] }} }} }}
routes: [ {{ name: web, rules: [ {{ release: web-v2 }} ] }} ]
releases:
  web-v2:
    upstream: web
    targets: [ {{ id: vip, when: \"user.level == 'vip'\", variant: canary }} ]
    default: {{ variant: stable }}
",
        backend[0], backend[1]
    )
}
