//! halftone with a shadow on every request, as a contender.
//!
//! Owns the command that holds the shadow, on the generator's CPU, where it asks the gateway ten times a second what was
//! counted. Invariants: the candidate has the rules that are served, but for the share of one split, so that some requests
//! move; a shadow that ends early makes the measurement fail.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{ChildGuard, Contender, Halftone, Setting, dimensions};
use crate::stack::caller;

/// How long gateway and shadow may take to start.
const START_MAX: Duration = Duration::from_secs(30);
const START_POLL: Duration = Duration::from_millis(20);
/// What the command tells once every worker shadows.
const BEGUN: &str = "Ctrl-C ends it";

/// A running halftone, and a shadow.
#[derive(Debug)]
pub struct Shadowed {
    shadow: ChildGuard,
    halftone: Halftone,
}

impl Shadowed {
    /// Starts both; returns once every worker shadows.
    ///
    /// # Errors
    /// The workload has no rules that could be shadowed, or a command does not start.
    pub fn start(name: &'static str, setting: &Setting, directory: &Path) -> Result<Self> {
        if !setting.dimensions {
            bail!("{name} has nothing to shadow: ask for --workload dimensions");
        }
        let mut halftone = Halftone::start(name, &setting.engine, setting, directory)?;
        let deadline = Instant::now() + START_MAX;
        // The control plane may not listen yet.
        until("the gateway to serve its bundle", deadline, || {
            halftone.check_alive()?;
            Ok(caller::gateway(halftone.api()).is_ok_and(|gateway| {
                gateway["revision"].as_u64() >= Some(1) && gateway["workersMissing"] == 0
            }))
        })?;
        let file = directory.join("candidate.yaml");
        std::fs::write(&file, dimensions::candidate(setting)).context("writing the candidate")?;
        let mut command = Command::new(&setting.halftone);
        command.args(["shadow", "--for", "1h", "--json", "--api"]);
        command.arg(format!("http://{}", halftone.api())).arg(&file);
        let cpu = setting.cpus.generator;
        let mut shadow = ChildGuard::spawn("halftone-shadow", &mut command, cpu, directory)?;
        until("the shadow to begin", deadline, || {
            shadow.check_alive()?;
            Ok(shadow.output_tail().contains(BEGUN))
        })?;
        Ok(Self { shadow, halftone })
    }
}

fn until(what: &str, deadline: Instant, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    while !holds()? {
        if Instant::now() > deadline {
            bail!("waited for {what} for {START_MAX:?}");
        }
        std::thread::sleep(START_POLL);
    }
    Ok(())
}

impl Contender for Shadowed {
    fn name(&self) -> &str {
        self.halftone.name()
    }

    fn version(&self) -> &str {
        self.halftone.version()
    }

    fn address(&self) -> SocketAddr {
        self.halftone.address()
    }

    fn pids(&self) -> Result<Vec<u32>> {
        self.halftone.pids()
    }

    fn counted(&self) -> &'static str {
        self.halftone.counted()
    }

    fn check_alive(&mut self) -> Result<()> {
        self.shadow.check_alive()?;
        self.halftone.check_alive()
    }

    fn output_tail(&self) -> String {
        format!("{}; shadow wrote: {}", self.halftone.output_tail(), self.shadow.output_tail())
    }

    fn clean_up(&mut self) -> Result<()> {
        self.halftone.clean_up()
    }
}
