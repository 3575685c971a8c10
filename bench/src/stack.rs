//! The stack under test: a gateway on every CPU, a control plane that leads it, a backend, and load.
//!
//! Owns how they are started, when they serve a bundle, and what measurements of the whole stack have in common: their
//! options, a backend that answers meanwhile ([`with_backend`]), load beside the work ([`Stack::under_loads`]), and how a
//! report is written ([`tell`]). Does not measure.
//!
//! Invariants: load runs on kept connections from before the work until after it; what was started is stopped.

pub(crate) mod caller;
mod load;
mod report;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::contender::{ChildGuard, free_address};
use crate::generator::{Generator, Waiting};
use crate::relay::Relay;
use caller::Caller;
pub(crate) use load::{Asking, Counts, Pace, histogram, plain};
pub use report::{LoadReport, Quantiles};

/// Whose bundle is served.
pub(crate) const TENANT: &str = "bench";
/// How long the stack may take to start, and to serve its first bundle.
const START_MAX: Duration = Duration::from_secs(60);

/// The processes under test.
pub(crate) struct Stack {
    /// Where the gateway takes requests.
    pub(crate) listen: SocketAddr,
    /// Where the control plane takes calls.
    pub(crate) api: SocketAddr,
    /// The gateway.
    pub(crate) gateway: ChildGuard,
    /// The control plane.
    pub(crate) control: ChildGuard,
    /// What stands between both, if that was asked for.
    pub(crate) relay: Option<Relay>,
}

/// Options of every measurement of the stack.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct StackOptions {
    /// Kept connections of the load
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub connections: u32,
    /// Engine halftone is started with
    #[arg(long, default_value = "auto")]
    pub engine: String,
    /// Prints the report as JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// The halftone binary, if not the running one
    #[arg(long, hide = true)]
    pub halftone: Option<PathBuf>,
}

impl StackOptions {
    /// Returns the binary that is measured.
    ///
    /// # Errors
    /// The running one cannot be told.
    pub(crate) fn binary(&self) -> Result<PathBuf> {
        match &self.halftone {
            Some(path) => Ok(path.clone()),
            None => std::env::current_exe().context("finding the running binary"),
        }
    }
}

/// What a stack is started with beside what every one has.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    /// Further arguments of the control plane.
    pub(crate) control: Vec<String>,
    /// Whether a relay stands between both.
    pub(crate) relayed: bool,
}

/// Writes a report, as JSON or by `text`.
///
/// # Errors
/// `output` fails.
pub(crate) fn tell<R: Serialize>(
    report: &R,
    json: bool,
    output: &mut dyn Write,
    text: impl FnOnce(&R, &mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *output, report).context("writing the report")?;
        writeln!(output).context("writing the report")
    } else {
        text(report, output).context("writing the report")
    }
}

/// Runs `measure` with the addresses of a backend that gives these answers meanwhile, one each, and a directory of its own.
///
/// # Errors
/// That of `measure`; the backend cannot be served, or a directory not be made.
pub(crate) fn with_backend<R: Send>(
    answers: Vec<Vec<u8>>,
    measure: impl FnOnce(&[SocketAddr], &Path) -> Result<R> + Send,
) -> Result<R> {
    let mut generator = Generator::new(Waiting::Sleep, answers)?;
    let directory = tempfile::tempdir().context("making a directory for the stack")?;
    let backend = generator.backend().addresses();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let measuring = scope.spawn(|| {
            let measured = measure(&backend, directory.path());
            stop.store(true, Ordering::Relaxed);
            measured
        });
        // The backend's loop stays with the thread that made it.
        let served =
            generator.serve_until(&mut || stop.load(Ordering::Relaxed) || measuring.is_finished());
        match measuring.join() {
            Ok(measured) => served.and(measured),
            Err(_) => bail!("the measuring thread panicked"),
        }
    })
}

impl Stack {
    /// Starts both below `directory`.
    ///
    /// # Errors
    /// They do not start.
    pub(crate) fn start(options: &StackOptions, extra: &Extra, directory: &Path) -> Result<Self> {
        let binary = options.binary()?;
        let (listen, api) = (free_address()?, free_address()?);
        let socket = directory.join("gateway.sock");
        let mut gateway = Command::new(&binary);
        gateway.args(["gateway", "--listen", &listen.to_string(), "--engine", &options.engine]);
        gateway.args(["--access-log", "off"]).arg("--socket").arg(&socket);
        gateway.arg("--data").arg(directory.join("gateway")).env("RUST_LOG", "warn");
        let gateway = ChildGuard::spawn_anywhere("halftone-gateway", &mut gateway, directory)?;
        let between = directory.join("relay.sock");
        let relay = extra.relayed.then(|| Relay::start(&between, &socket)).transpose()?;
        let mut control = Command::new(&binary);
        control.args(["control", "--api", &api.to_string()]).arg("--gateway");
        control.arg(if extra.relayed { &between } else { &socket }).args(&extra.control);
        control.arg("--data").arg(directory.join("control")).env("RUST_LOG", "warn");
        let control = ChildGuard::spawn_anywhere("halftone-control", &mut control, directory)?;
        Ok(Self { listen, api, gateway, control, relay })
    }

    /// Runs `work` under each of these loads at once; returns what it returns, and what became of each load.
    ///
    /// # Errors
    /// A thread of a load panicked.
    pub(crate) fn under_loads<T, const N: usize>(
        &mut self,
        loads: [(Pace, &Asking<'_>); N],
        work: impl FnOnce(&mut Self) -> T,
    ) -> Result<(T, [Counts; N])> {
        let (stop, listen) = (AtomicBool::new(false), self.listen);
        thread::scope(|scope| {
            let loads = loads.map(|(pace, asking)| load::start(scope, pace, listen, asking, &stop));
            let done = work(self);
            stop.store(true, Ordering::Relaxed);
            let mut counts = [(); N].map(|()| Counts::new());
            for (load, count) in loads.into_iter().zip(&mut counts) {
                *count = load::join(load)?;
            }
            Ok((done, counts))
        })
    }

    /// Checks that both still run.
    ///
    /// # Errors
    /// One has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        self.gateway.check_alive()?;
        self.control.check_alive()
    }

    /// Puts the bundle, and waits until the gateway serves it.
    ///
    /// # Errors
    /// The bundle is refused, or not served in time.
    pub(crate) fn until_serving(&mut self, bundle: &str) -> Result<()> {
        let mut caller = Caller::new(self.api);
        let deadline = Instant::now() + START_MAX;
        loop {
            self.check_alive()?;
            match caller.call("PUT", &format!("/v1/tenants/{TENANT}/bundle"), bundle) {
                Ok(answer) if answer.applied => return Ok(()),
                Ok(answer) if answer.status >= 400 => {
                    bail!("the bundle is refused: {}", answer.body)
                }
                Ok(answer) => return self.until_visible(answer.revision, deadline),
                Err(_) if Instant::now() > deadline => bail!("the stack does not serve its bundle"),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Waits until every worker of the gateway serves the rules of `revision`.
    ///
    /// # Errors
    /// It does not by the deadline.
    pub(crate) fn until_visible(&mut self, revision: u64, deadline: Instant) -> Result<()> {
        loop {
            self.check_alive()?;
            let gateway = caller::gateway(self.api)?;
            let served = gateway["revision"].as_u64().unwrap_or(0);
            if served >= revision && gateway["workersMissing"] == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("revision {revision} is not served; that of the gateway is {served}");
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}
