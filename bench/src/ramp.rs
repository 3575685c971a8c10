//! `halftone bench ramp`: a rollout from 1 % to everybody, watched from outside.
//!
//! Owns the steps, the asking of every user at each of them, and the count of those who lost the version
//! they had. Does not decide who gets what and does not look inside: an answer's length tells who gave it.
//!
//! Invariants:
//! - every contender is asked for the same users, all of them, at every step;
//! - our gateway stays up from the first step to the last, and is changed by its API; a peer has no other
//!   state than its configuration, and is started anew with it.

mod asked;
mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::compare::workload::{USER_FIELD, Workload, answer};
use crate::compare::{machine, progress, raise_descriptors, wait_until_ready};
use crate::contender::{self, Contender, Entrant, Halftone, PARTS, Setting};
use crate::cpu::{CpuPlan, PinnedThread};
use crate::generator::{Expected, Generator, Pace, Phase, Waiting};
use crate::report::Machine;
use asked::{Asked, Course};

const CONNECTIONS: usize = 64;
const SPARE_DESCRIPTORS: u64 = 1024;
const SURVEY_MAX: Duration = Duration::from_secs(900);
/// Length of stable's body; each further variant's is one byte longer.
const BODY_BYTES: usize = 64;

/// Options of `halftone bench ramp`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct RampOptions {
    /// Users; every one is asked for at every step
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(100..=5_000_000))]
    pub users: u32,
    /// What is shown beside halftone: nginx, haproxy, envoy
    #[arg(long, value_enum, value_delimiter = ',')]
    pub peers: Vec<Entrant>,
    /// Engine halftone is started with
    #[arg(long, default_value = "auto")]
    pub engine: String,
    /// Prints the report as JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// The halftone binary, if not the running one
    #[arg(long, hide = true)]
    pub halftone: Option<PathBuf>,
}

/// What a ramp has shown.
#[derive(Debug, Clone, Serialize)]
pub struct RampReport {
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for.
    pub options: RampOptions,
    /// Every step of every contender, in order.
    pub steps: Vec<Step>,
}

/// One step of one contender.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Who.
    pub contender: String,
    /// Versions, stable included.
    pub versions: usize,
    /// What was done, such as `5 %`.
    pub step: String,
    /// Share of the users that each version after stable was to get, percent.
    pub wanted_percent: Vec<f64>,
    /// Share that it got.
    pub got_percent: Vec<f64>,
    /// Largest difference of the two, percentage points.
    pub off_points: f64,
    /// What chance alone would make of it for a fair hash: the standard deviation, percentage points.
    pub chance_points: f64,
    /// Users who lost the version they had though its share did not fall.
    pub thrown_out: usize,
}

impl RampReport {
    /// Returns how many users a contender has thrown out at all steps.
    #[must_use]
    pub fn thrown_out(&self, contender: &str) -> usize {
        let steps = self.steps.iter().filter(|step| step.contender == contender);
        steps.map(|step| step.thrown_out).sum()
    }
}

/// Ramps halftone and its peers, with two versions and with three, and writes the report to `output`.
///
/// Takes (5 steps × 2 × contenders × users) requests, on two CPUs.
///
/// # Errors
/// A contender is not installed or does not answer; a request fails; halftone refuses a step.
pub fn run(options: &RampOptions, output: &mut dyn Write) -> Result<RampReport> {
    let has_split =
        |peer: &&Entrant| matches!(peer, Entrant::Nginx | Entrant::Haproxy | Entrant::Envoy);
    if let Some(other) = options.peers.iter().find(|peer| !has_split(peer)) {
        bail!("{other} has no split of its own: --peers takes nginx, haproxy and envoy");
    }
    let cpus = CpuPlan::detect()?;
    let _pinned = PinnedThread::pin(cpus.generator)?;
    raise_descriptors(SPARE_DESCRIPTORS)?;
    let directory = tempfile::tempdir().context("making a directory for the contenders")?;
    let answers = (0..3).map(|variant| answer(BODY_BYTES + variant)).collect();
    let mut run = Run {
        json: options.json,
        requests: (0..options.users).map(request).collect(),
        generator: Generator::new(Waiting::Sleep, answers)?,
        steps: Vec::new(),
    };
    for versions in [2, 3] {
        let setting = setting(options, versions, cpus, &run.generator, directory.path())?;
        run.ramp_halftone(versions, &setting, output)?;
        for &peer in &options.peers {
            run.ramp_peer(versions, peer, &setting, output)?;
        }
    }
    let report = RampReport { machine: machine(cpus), options: options.clone(), steps: run.steps };
    if options.json {
        serde_json::to_writer_pretty(&mut *output, &report).context("writing the report")?;
        writeln!(output)?;
    } else {
        table::write(&report, output).context("writing the report")?;
    }
    Ok(report)
}

fn request(user: u32) -> Vec<u8> {
    Workload::Canary.request(&format!("{USER_FIELD}: user-{user}\r\n"))
}

fn setting(
    options: &RampOptions,
    versions: usize,
    cpus: CpuPlan,
    generator: &Generator,
    directory: &Path,
) -> Result<Setting> {
    let directory = directory.join(format!("{versions}"));
    std::fs::create_dir(&directory).context("making a directory for the contenders")?;
    Ok(Setting {
        cpus,
        backends: generator.backend().addresses().into_iter().take(versions).collect(),
        split: Vec::new(),
        dimensions: false,
        connections: u32::try_from(CONNECTIONS)?,
        directory,
        access_log: false,
        halftone: match &options.halftone {
            Some(path) => path.clone(),
            None => std::env::current_exe().context("finding the running binary")?,
        },
        engine: options.engine.clone(),
    })
}

/// A run under way.
struct Run {
    json: bool,
    requests: Vec<Vec<u8>>,
    generator: Generator,
    steps: Vec<Step>,
}

impl Run {
    /// Ramps our gateway, which stays up: two versions by `:setWeight`, three by new bundles.
    fn ramp_halftone(
        &mut self,
        versions: usize,
        setting: &Setting,
        output: &mut dyn Write,
    ) -> Result<()> {
        let directory = setting.directory.join("halftone");
        std::fs::create_dir(&directory).context("making halftone's directory")?;
        let mut halftone = Halftone::start("halftone", &setting.engine, setting, &directory)?;
        self.until_ready(&mut halftone)?;
        let mut course = Course::new("halftone", versions);
        let scheduled = versions == 2;
        if scheduled {
            halftone.put_bundle(&asked::scheduled_bundle(setting))?;
        }
        for percent in asked::STEPS {
            let shares = asked::shares(percent, versions);
            if scheduled {
                halftone.set_weight(percent)?;
            } else {
                let with_split = Setting { split: shares.clone(), ..setting.clone() };
                halftone.put_bundle(&contender::bundle(&with_split))?;
            }
            self.step(&mut course, &mut halftone, format!("{percent} %"), &shares, output)?;
            if scheduled && percent == asked::EDITED_AT {
                halftone.put_bundle(&asked::edited_bundle(setting))?;
                let name = format!("{percent} %, edited");
                self.step(&mut course, &mut halftone, name, &shares, output)?;
            }
        }
        Ok(())
    }

    /// Ramps a peer, which is started anew at each step.
    fn ramp_peer(
        &mut self,
        versions: usize,
        peer: Entrant,
        setting: &Setting,
        output: &mut dyn Write,
    ) -> Result<()> {
        let mut course = Course::new(peer.name(), versions);
        for (index, percent) in asked::STEPS.into_iter().enumerate() {
            let shares = asked::shares(percent, versions);
            let with_split = Setting { split: shares.clone(), ..setting.clone() };
            let mut contender = contender::start(peer, index, &with_split)?;
            self.until_ready(contender.as_mut())?;
            let name = format!("{percent} %");
            self.step(&mut course, contender.as_mut(), name, &shares, output)?;
        }
        Ok(())
    }

    fn until_ready(&mut self, contender: &mut dyn Contender) -> Result<()> {
        let expected = Expected { status: 200, body_bytes: None };
        wait_until_ready(&mut self.generator, contender, expected)
            .with_context(|| format!("waiting for {}", contender.name()))
    }

    /// Asks for every user, and compares with what they had at the step before.
    fn step(
        &mut self,
        course: &mut Course,
        contender: &mut dyn Contender,
        name: String,
        shares: &[u32],
        output: &mut dyn Write,
    ) -> Result<()> {
        let told = format!("{}, {} versions, {name}", contender.name(), course.versions());
        progress(self.json, output, &told)?;
        let phase = Phase {
            target: contender.address(),
            requests: &self.requests,
            expected: Expected { status: 200, body_bytes: None },
            connections: CONNECTIONS,
            reconnects: false,
            sources: 1,
            pace: Pace::Total { requests: self.requests.len(), at_once: CONNECTIONS },
            warm_up: Duration::ZERO,
            measured: SURVEY_MAX,
        };
        let asked = self.generator.run_total(&phase, Duration::ZERO, &mut || Ok(()));
        contender.check_alive()?;
        let outcome = asked.with_context(|| format!("asking {}", contender.name()))?;
        if outcome.errors.failed() > 0 {
            bail!("{told}: requests failed ({})", outcome.errors);
        }
        let asked = Asked::new(&outcome.bodies, BODY_BYTES as u64, course.versions());
        let asked = asked.with_context(|| format!("{told}: an answer is nobody's"))?;
        self.steps.push(course.step(name, shares, asked));
        Ok(())
    }
}

/// Returns a share in [`PARTS`] as a percentage.
fn percent_of(share: u32) -> f64 {
    f64::from(share) * 100.0 / f64::from(PARTS)
}

#[cfg(test)]
mod tests;
