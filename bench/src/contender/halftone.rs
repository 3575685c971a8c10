//! halftone as a contender, by its public command line only.
//!
//! Owns the two commands: the gateway on the contender's CPU and a control plane, which has nothing
//! to do while load runs, on the generator's. Imports nothing of either.
//!
//! Invariants: only the gateway counts; whatever halftone writes lies in its own directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::bundle::{RELEASE, TENANT, bundle};
use super::{ChildGuard, Contender, Setting, dimensions, free_address, truncate};

/// How long a call of the API may take.
const CALL_MAX: Duration = Duration::from_secs(10);

/// A running halftone: gateway and control plane.
#[derive(Debug)]
pub struct Halftone {
    name: &'static str,
    address: SocketAddr,
    api: SocketAddr,
    version: String,
    access_log: PathBuf,
    control: ChildGuard,
    gateway: ChildGuard,
}

impl Halftone {
    /// Starts a gateway on `engine` and a control plane that leads it: to the generator's backend, or by
    /// a bundle where the workload is split.
    ///
    /// # Errors
    /// A command does not start.
    pub fn start(
        name: &'static str,
        engine: &str,
        setting: &Setting,
        directory: &Path,
    ) -> Result<Self> {
        let address = free_address()?;
        let access_log = directory.join("access.log");
        let socket = directory.join("gateway.sock");
        let mut gateway = Command::new(&setting.halftone);
        gateway.arg("gateway").arg("--listen").arg(address.to_string());
        gateway.arg("--socket").arg(&socket).arg("--data").arg(made(directory, "gateway")?);
        gateway.arg("--cpus").arg(setting.cpus.contender.to_string()).arg("--engine").arg(engine);
        let log = if setting.access_log { access_log.as_path() } else { Path::new("off") };
        gateway.arg("--access-log").arg(log);
        let gateway =
            ChildGuard::spawn("halftone-gateway", &mut gateway, setting.cpus.contender, directory)?;
        let api = free_address()?;
        let mut control = Command::new(&setting.halftone);
        control.arg("control").arg("--api").arg(api.to_string()).arg("--gateway").arg(&socket);
        control.arg("--data").arg(made(directory, "control")?);
        if setting.dimensions {
            let file = directory.join("bundle.yaml");
            std::fs::write(&file, dimensions::bundle(setting))
                .context("writing halftone's bundle")?;
            let cities = directory.join("cities.mmdb");
            std::fs::write(&cities, dimensions::database()).context("writing the cities")?;
            control.arg("--bundle").arg(file).arg("--geo").arg(cities);
        } else if setting.split.is_empty() {
            control.arg("--upstream").arg(format!("http://{}", setting.stable()));
        } else {
            let file = directory.join("bundle.yaml");
            std::fs::write(&file, bundle(setting)).context("writing halftone's bundle")?;
            control.arg("--bundle").arg(file);
        }
        let control =
            ChildGuard::spawn("halftone-control", &mut control, setting.cpus.generator, directory)?;
        let version = installed_version(&setting.halftone);
        Ok(Self { name, address, api, version, access_log, control, gateway })
    }

    /// Returns where its control plane takes calls.
    pub(crate) fn api(&self) -> SocketAddr {
        self.api
    }

    /// Replaces the bundle; returns when it is served.
    ///
    /// # Errors
    /// It is refused, or not served at once.
    pub fn put_bundle(&self, bundle: &str) -> Result<()> {
        let path = format!("/v1/tenants/{TENANT}/bundle");
        self.call("PUT", &path, bundle.to_owned())
    }

    /// Moves the scheduled split; returns when that is served.
    ///
    /// # Errors
    /// It is refused, or not served at once.
    pub fn set_weight(&self, percent: u32) -> Result<()> {
        let path = format!("/v1/tenants/{TENANT}/releases/{RELEASE}:setWeight");
        self.call("POST", &path, format!(r#"{{"weight":"{percent}%"}}"#))
    }

    fn call(&self, method: &str, path: &str, body: String) -> Result<()> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALL_MAX))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .new_agent();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.api))
            .body(body)?;
        let mut answer = agent.run(request).with_context(|| format!("{method} {path}"))?;
        let status = answer.status();
        let text = answer.body_mut().read_to_string().context("reading the API's answer")?;
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if !status.is_success() || json["applied"] != true {
            bail!("{method} {path} was answered {status}: {text}");
        }
        Ok(())
    }
}

/// Makes a directory below another, and returns it.
fn made(directory: &Path, name: &str) -> Result<PathBuf> {
    let path = directory.join(name);
    std::fs::create_dir_all(&path).context("making halftone's data directories")?;
    Ok(path)
}

impl Contender for Halftone {
    fn name(&self) -> &'static str {
        self.name
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
