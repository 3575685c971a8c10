//! halftone as a contender, by its public command line only.
//!
//! Owns the two commands: the gateway on the contender's CPU and a control plane, which has nothing
//! to do while load runs, on the generator's. Imports nothing of either.
//!
//! Invariants: only the gateway counts; whatever halftone writes lies in its own directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{ChildGuard, Contender, Setting, free_address, truncate};

/// A running halftone: gateway and control plane.
#[derive(Debug)]
pub struct Halftone {
    address: SocketAddr,
    version: String,
    access_log: PathBuf,
    control: ChildGuard,
    gateway: ChildGuard,
}

impl Halftone {
    /// Starts a gateway and a control plane whose default upstream is the generator's backend.
    ///
    /// # Errors
    /// A command does not start.
    pub fn start(setting: &Setting, directory: &Path) -> Result<Self> {
        let address = free_address()?;
        let socket = directory.join("gateway.sock");
        let access_log = directory.join("access.log");
        let data = directory.join("gateway");
        let control_data = directory.join("control");
        for path in [&data, &control_data] {
            std::fs::create_dir_all(path).context("making halftone's data directories")?;
        }
        let mut gateway = Command::new(&setting.halftone);
        gateway
            .arg("gateway")
            .arg("--listen")
            .arg(address.to_string())
            .arg("--socket")
            .arg(&socket);
        gateway.arg("--data").arg(&data).arg("--cpus").arg(setting.cpus.contender.to_string());
        gateway.arg("--engine").arg(&setting.engine).arg("--access-log");
        gateway.arg(if setting.access_log { access_log.as_path() } else { Path::new("off") });
        let gateway =
            ChildGuard::spawn("halftone-gateway", &mut gateway, setting.cpus.contender, directory)?;
        let mut control = Command::new(&setting.halftone);
        control
            .arg("control")
            .arg("--api")
            .arg(free_address()?.to_string())
            .arg("--gateway")
            .arg(&socket);
        control
            .arg("--data")
            .arg(&control_data)
            .arg("--upstream")
            .arg(format!("http://{}", setting.backend));
        let control =
            ChildGuard::spawn("halftone-control", &mut control, setting.cpus.generator, directory)?;
        Ok(Self {
            address,
            version: installed_version(&setting.halftone),
            access_log,
            control,
            gateway,
        })
    }
}

impl Contender for Halftone {
    fn name(&self) -> &'static str {
        "halftone"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn pids(&self) -> Result<Vec<u32>> {
        Ok(vec![self.gateway.pid()])
    }

    fn counted(&self) -> &'static str {
        "gateway process only; the control plane is idle on the generator's CPU"
    }

    fn check_alive(&mut self) -> Result<()> {
        self.gateway.check_alive()?;
        self.control.check_alive()
    }

    fn output_tail(&self) -> String {
        format!(
            "gateway wrote: {}; control wrote: {}",
            self.gateway.output_tail(),
            self.control.output_tail()
        )
    }

    fn clean_up(&mut self) -> Result<()> {
        truncate(&self.access_log)
    }
}

/// Returns what `halftone --version` says, or that it says nothing.
fn installed_version(binary: &Path) -> String {
    let text = Command::new(binary)
        .arg("--version")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() { "version unknown".to_owned() } else { line.to_owned() }
}
