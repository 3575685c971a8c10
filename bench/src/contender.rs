//! Contenders: the gateways that are compared, each started and stopped the same way.
//!
//! Owns the trait, the choice by name, and free ports. Does not drive load and does not measure.
//!
//! Invariants:
//! - a contender runs on the contender's CPU with one worker, logs or does not log as all others do,
//!   and proxies everything to the generator's backend over keep-alive connections;
//! - dropping a contender stops every process it started.

mod child;
mod direct;
mod halftone;
mod nginx;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cpu::CpuPlan;

pub use child::ChildGuard;
pub use direct::Direct;
pub use halftone::Halftone;
pub use nginx::Nginx;

/// A running gateway under measurement.
pub trait Contender {
    /// Returns its name as the report shows it.
    fn name(&self) -> &str;

    /// Returns which version runs, as it says itself.
    fn version(&self) -> &str;

    /// Returns where it takes requests.
    fn address(&self) -> SocketAddr;

    /// Returns the processes whose CPU time and memory count; none for what is no process.
    ///
    /// # Errors
    /// A process is gone.
    fn pids(&self) -> Result<Vec<u32>>;

    /// Says which processes count.
    fn counted(&self) -> &'static str;

    /// Fails, with the end of its error output, when a process of it has ended.
    ///
    /// # Errors
    /// A process has ended, or its state cannot be read.
    fn check_alive(&mut self) -> Result<()>;

    /// Returns the end of what its processes have written, for an error that shows it.
    fn output_tail(&self) -> String;

    /// Removes what a phase leaves behind, such as the access log, outside measured time.
    ///
    /// # Errors
    /// A file cannot be changed.
    fn clean_up(&mut self) -> Result<()>;
}

/// Names what can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Entrant {
    /// This gateway, by its command line.
    Halftone,
    /// nginx, installed on this machine.
    Nginx,
    /// No gateway: the generator against its own backend, which shows the generator's ceiling.
    Direct,
}

impl fmt::Display for Entrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Halftone => "halftone",
            Self::Nginx => "nginx",
            Self::Direct => "direct",
        })
    }
}

/// What every contender is started with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// CPUs of generator and contender.
    pub cpus: CpuPlan,
    /// Where the generator's backend listens.
    pub backend: SocketAddr,
    /// A directory for configuration, logs and sockets; each contender makes its own below.
    pub directory: PathBuf,
    /// Whether each request is written to an access log.
    pub access_log: bool,
    /// The halftone binary.
    pub halftone: PathBuf,
    /// The engine halftone is asked for.
    pub engine: String,
}

/// Starts `entrant` as number `index` of a run; it may not answer yet.
///
/// # Errors
/// The program is not installed, or it does not start.
pub fn start(entrant: Entrant, index: usize, setting: &Setting) -> Result<Box<dyn Contender>> {
    let directory = setting.directory.join(format!("{index}-{entrant}"));
    // Sockets of a gateway lie in a directory that is its user's alone.
    let made = std::fs::DirBuilder::new().mode(0o700).create(&directory);
    made.with_context(|| format!("making the directory of {entrant}"))?;
    Ok(match entrant {
        Entrant::Halftone => Box::new(Halftone::start(setting, &directory)?),
        Entrant::Nginx => Box::new(Nginx::start(setting, &directory)?),
        Entrant::Direct => Box::new(Direct::new(setting.backend)),
    })
}

/// Finds a free port of the loopback interface: binds port 0 and lets go of it.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    listener.local_addr().context("reading a free port")
}

/// Empties a file that its writer keeps open; a missing one stays missing.
fn truncate(path: &Path) -> Result<()> {
    match std::fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => file.set_len(0).with_context(|| format!("emptying {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("opening {}", path.display())),
    }
}

#[cfg(test)]
mod tests;
