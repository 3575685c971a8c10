//! `HAProxy` as a contender: one thread, keep-alive on both sides, a JSON access log.
//!
//! Owns its configuration. The one used elsewhere on the machine is neither read nor changed.
//!
//! Invariants: everything it writes lies in its own directory; requests never close a connection.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{ChildGuard, Contender, PARTS, Setting, USER_HEADER, free_address, program};

/// A running `HAProxy`.
#[derive(Debug)]
pub struct Haproxy {
    address: SocketAddr,
    version: String,
    child: ChildGuard,
}

impl Haproxy {
    /// Writes a configuration into `directory` and starts it on the contender's CPU.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(setting: &Setting, directory: &Path) -> Result<Self> {
        if setting.dimensions {
            bail!("haproxy is not given the rules of the workload `dimensions`: leave it out");
        }
        let version = program::version("haproxy", "-v", "install it (Debian package haproxy)")?;
        let address = free_address()?;
        let file = directory.join("haproxy.cfg");
        std::fs::write(&file, configuration(address, setting))
            .context("writing the configuration of haproxy")?;
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&file);
        let child = ChildGuard::spawn("haproxy", &mut command, setting.cpus.contender, directory)?;
        Ok(Self { address, version, child })
    }
}

impl Contender for Haproxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn pids(&self) -> Result<Vec<u32>> {
        self.child.process_tree()
    }

    fn counted(&self) -> &'static str {
        "one process with one thread; its log is a write per line, as to any file"
    }

    fn check_alive(&mut self) -> Result<()> {
        self.child.check_alive()
    }

    fn output_tail(&self) -> String {
        format!("haproxy wrote: {}", self.child.output_tail())
    }

    fn clean_up(&mut self) -> Result<()> {
        self.child.empty_output()
    }
}

fn configuration(listen: SocketAddr, setting: &Setting) -> String {
    let log = if setting.access_log { "log stdout format raw local0 info" } else { "" };
    let mut choice = String::new();
    let mut backends = backend("stable", setting.stable());
    let mut first = 0;
    for (name, address, share) in setting.variants() {
        let end = first + share;
        choice += &format!(
            "    use_backend {name} if {{ req.hdr({USER_HEADER}),xxh32,mod({PARTS}) -m int {first}:{} }}\n",
            end.saturating_sub(1)
        );
        backends += &backend(name, address);
        first = end;
    }
    let connections = 2 * setting.connections + 1024;
    format!(
        r#"global
    nbthread 1
    maxconn {connections}
    no strict-limits
    {log}
defaults
    mode http
    log global
    timeout connect 1s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    option forwardfor
    option splice-auto
    http-reuse always
frontend edge
    bind {listen} backlog 4096
    log-format '{{"time":"%tr","client":"%ci","method":"%HM","path":"%HP","protocol":"%HV","status":%ST,"bytes":%B,"duration_ms":%Ta,"variant":"%b","upstream":"%si:%sp","upstream_duration_ms":%Tr}}'
{choice}    default_backend stable
{backends}"#
    )
}

fn backend(name: &str, address: SocketAddr) -> String {
    format!("backend {name}\n    server {name} {address} pool-purge-delay 1h\n")
}
