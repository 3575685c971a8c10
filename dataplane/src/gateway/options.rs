//! How a gateway is run, and why it cannot be.
//!
//! Owns plain values and messages. Does not act on them: [`super`] does.

use std::{net::SocketAddr, path::PathBuf};

use halftone_core::signal::trust::Trusted;
use halftone_link::SocketError;
use thiserror::Error;

use crate::{
    engine::probe::{ProbeError, Request},
    keys::{KeyFile, KeyFileError},
    limits::{LimitError, Limits},
};

/// How a gateway is run.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// Where callers connect.
    pub listen: Vec<SocketAddr>,
    /// The control socket.
    pub socket: PathBuf,
    /// Where the gateway keeps its files.
    pub data: PathBuf,
    /// The CPUs, one worker each; every allowed one when not given.
    pub cpus: Option<Vec<u32>>,
    /// The engine.
    pub engine: Request,
    /// The peers that are believed.
    pub trusted: Trusted,
    /// What connections are held to.
    pub limits: Limits,
    /// Where its keys are.
    pub keys: KeyFile,
    /// Whether devices are given ids, with their users' consent.
    pub fingerprint: bool,
    /// The access log; off when not given.
    pub access_log: Option<PathBuf>,
    /// Whether it has the values that decisions read.
    pub log_values: bool,
    /// Where health and metrics are served; nowhere when not given.
    pub admin: Option<SocketAddr>,
    /// The version of the build.
    pub version: &'static str,
}

/// Why a gateway cannot run.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// A CPU is not there, or not allowed to this process.
    #[error("--cpus: CPU {cpu} is not allowed to this process; allowed are {allowed:?}")]
    Cpu {
        /// The CPU.
        cpu: u32,
        /// Those that are.
        allowed: Vec<u32>,
    },
    /// No CPU was listed.
    #[error("--cpus: at least one CPU is needed")]
    NoCpu,
    /// No address was listed.
    #[error("--listen: at least one address is needed")]
    NoListen,
    /// A bound is outside its range.
    #[error("limits: {0}")]
    Limit(#[from] LimitError),
    /// The engine does not run here.
    #[error("--engine: {0}")]
    Engine(#[from] ProbeError),
    /// An address cannot be listened on.
    #[error("--listen: {address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The control socket cannot be made.
    #[error("--socket: {0}")]
    Socket(#[from] SocketError),
    /// The keys cannot be taken.
    #[error("--keys: {0}")]
    Keys(#[from] KeyFileError),
    /// What it gives devices has to be signed.
    #[error("--fingerprint: {path} has no keys, and ids of devices are signed; make one with `halftone keys add`", path = path.display())]
    Fingerprint {
        /// The key file.
        path: PathBuf,
    },
    /// The address for health and metrics cannot be listened on.
    #[error("--admin: {address} cannot be listened on: {source}")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The access log cannot be opened.
    #[error("--access-log: {path}: {source}", path = path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operating system refuses something every process needs.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A worker has ended though nobody asked it to.
    #[error("worker {0} has ended unexpectedly; the lines above say why")]
    WorkerEnded(usize),
}

pub(super) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> GatewayError {
    move |source| GatewayError::System { what, source }
}
