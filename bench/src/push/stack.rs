//! The stack under test: a gateway on every CPU, and a control plane that leads it.
//!
//! Owns how both are started and when they serve a bundle. Does not measure.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::caller::{self, Caller};
use crate::contender::{ChildGuard, free_address};

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
}

impl Stack {
    /// Starts both below `directory`; of the running binary, unless another is given.
    ///
    /// # Errors
    /// They do not start.
    pub(crate) fn start(halftone: Option<&Path>, engine: &str, directory: &Path) -> Result<Self> {
        let binary = match halftone {
            Some(path) => path.to_owned(),
            None => std::env::current_exe().context("finding the running binary")?,
        };
        let (listen, api) = (free_address()?, free_address()?);
        let socket = directory.join("gateway.sock");
        let mut gateway = Command::new(&binary);
        gateway.args(["gateway", "--listen", &listen.to_string(), "--engine", engine]);
        gateway.args(["--access-log", "off"]).arg("--socket").arg(&socket);
        gateway.arg("--data").arg(directory.join("gateway")).env("RUST_LOG", "warn");
        let mut control = Command::new(&binary);
        control.args(["control", "--api", &api.to_string()]).arg("--gateway").arg(&socket);
        control.arg("--data").arg(directory.join("control")).env("RUST_LOG", "warn");
        Ok(Self {
            listen,
            api,
            gateway: ChildGuard::spawn_anywhere("halftone-gateway", &mut gateway, directory)?,
            control: ChildGuard::spawn_anywhere("halftone-control", &mut control, directory)?,
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
            match caller.call("PUT", "/v1/tenants/bench/bundle", bundle) {
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
