//! Contenders: the gateways that are compared, each started and stopped the same way.
//!
//! Owns the trait, the choice by name, and free ports. Does not drive load and does not measure.
//!
//! Invariants:
//! - a contender runs on the contender's CPU with one worker, logs or does not log as all others do,
//!   and proxies everything to the generator's backend over keep-alive connections;
//! - where a workload is split, each sends the same share of users, by a hash of the same header, to
//!   the second address of the backend;
//! - dropping a contender stops every process it started.

mod bundle;
mod child;
pub(crate) mod dimensions;
mod direct;
mod envoy;
mod floor;
mod halftone;
mod haproxy;
mod nginx;
mod program;
mod shadowed;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cpu::CpuPlan;

pub(crate) use bundle::{bundle, scheduled};
pub use child::ChildGuard;
pub use direct::Direct;
pub use envoy::Envoy;
pub use floor::Floor;
pub use halftone::Halftone;
pub use haproxy::Haproxy;
pub use nginx::Nginx;
pub use shadowed::Shadowed;

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

/// Names of the variants after stable.
pub(crate) const VARIANTS: [&str; 2] = ["canary", "beta"];
/// The header that carries the user whom a split goes by.
pub(crate) const USER_HEADER: &str = "x-user-id";
/// Parts of a whole that a split's shares are given in.
pub(crate) const PARTS: u32 = 1_000_000;

/// Names what can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Entrant {
    /// This gateway with the engine of `--engine`.
    Halftone,
    /// This gateway on `io_uring`.
    HalftoneIoUring,
    /// This gateway on epoll.
    HalftoneEpoll,
    /// This gateway on glommio.
    HalftoneGlommio,
    /// This gateway, with a shadow on every request.
    HalftoneShadowed,
    /// nginx, installed on this machine.
    Nginx,
    /// `HAProxy`, installed on this machine.
    Haproxy,
    /// Envoy, installed on this machine.
    Envoy,
    /// No gateway: a relay of bytes that reads none of them, which shows what the kernel costs.
    Floor,
    /// No gateway: the generator against its own backend, which shows the generator's ceiling.
    Direct,
}

impl Entrant {
    /// Returns its name, as an option's value and in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Halftone => "halftone",
            Self::HalftoneIoUring => "halftone-io-uring",
            Self::HalftoneEpoll => "halftone-epoll",
            Self::HalftoneGlommio => "halftone-glommio",
            Self::HalftoneShadowed => "halftone-shadowed",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Floor => "floor",
            Self::Direct => "direct",
        }
    }

    /// Returns the engine that a gateway of ours is started with; `None` for the one of `--engine`.
    fn engine(self) -> Option<&'static str> {
        match self {
            Self::HalftoneIoUring => Some("io_uring"),
            Self::HalftoneEpoll => Some("epoll"),
            Self::HalftoneGlommio => Some("glommio"),
            _ => None,
        }
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What every contender is started with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// CPUs of generator and contender.
    pub cpus: CpuPlan,
    /// Where the generator's backend listens: stable, and then the variants of a split.
    pub backends: Vec<SocketAddr>,
    /// Shares of the users, in [`PARTS`], that each variant after stable gets; empty without a split.
    pub split: Vec<u32>,
    /// Whether the rules are those of [`dimensions`].
    pub dimensions: bool,
    /// Most connections that clients open.
    pub connections: u32,
    /// A directory for configuration, logs and sockets; each contender makes its own below.
    pub directory: PathBuf,
    /// Whether each request is written to an access log.
    pub access_log: bool,
    /// The halftone binary.
    pub halftone: PathBuf,
    /// The engine [`Entrant::Halftone`] is asked for.
    pub engine: String,
}

impl Setting {
    /// Returns where what is not split goes.
    #[must_use]
    pub fn stable(&self) -> SocketAddr {
        self.backends[0]
    }

    /// Returns the variants after stable: name and address.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        VARIANTS.into_iter().zip(self.backends.iter().skip(1).copied())
    }

    /// Returns those that have a share: name, address and share in [`PARTS`].
    pub(crate) fn variants(&self) -> impl Iterator<Item = (&'static str, SocketAddr, u32)> {
        self.named().zip(&self.split).map(|((name, address), &share)| (name, address, share))
    }
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
        Entrant::Halftone
        | Entrant::HalftoneIoUring
        | Entrant::HalftoneEpoll
        | Entrant::HalftoneGlommio => {
            let engine = entrant.engine().unwrap_or(&setting.engine);
            Box::new(Halftone::start(entrant.name(), engine, setting, &directory)?)
        }
        Entrant::HalftoneShadowed => {
            Box::new(Shadowed::start(entrant.name(), setting, &directory)?)
        }
        Entrant::Nginx => Box::new(Nginx::start(setting, &directory)?),
        Entrant::Haproxy => Box::new(Haproxy::start(setting, &directory)?),
        Entrant::Envoy => Box::new(Envoy::start(setting, &directory)?),
        Entrant::Floor => Box::new(Floor::start(setting, &directory)?),
        Entrant::Direct => Box::new(Direct::new(setting.stable())),
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
