//! nginx as a contender: one worker, keep-alive on both sides, a JSON access log.
//!
//! Owns its configuration. The one used elsewhere on the machine is neither read nor changed.
//!
//! Invariants: everything nginx writes lies in its own directory; requests never close a connection.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{ChildGuard, Contender, Setting, free_address, truncate};

const ACCESS_LOG: &str = "access.log";

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    version: String,
    access_log: PathBuf,
    child: ChildGuard,
}

impl Nginx {
    /// Writes a configuration into `directory` and starts nginx with it on the contender's CPU.
    ///
    /// # Errors
    /// nginx is not installed, or does not start.
    pub fn start(setting: &Setting, directory: &Path) -> Result<Self> {
        let version = installed_version()?;
        let address = free_address()?;
        let file = directory.join("nginx.conf");
        std::fs::write(&file, configuration(address, setting.backend, setting.access_log))
            .context("writing the configuration of nginx")?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(directory).arg("-c").arg(&file);
        let child = ChildGuard::spawn("nginx", &mut command, setting.cpus.contender, directory)?;
        Ok(Self { address, version, access_log: directory.join(ACCESS_LOG), child })
    }
}

impl Contender for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
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
        "master and one worker"
    }

    fn check_alive(&mut self) -> Result<()> {
        self.child.check_alive()
    }

    fn output_tail(&self) -> String {
        format!("nginx wrote: {}", self.child.output_tail())
    }

    fn clean_up(&mut self) -> Result<()> {
        truncate(&self.access_log)
    }
}

/// Returns what `nginx -v` says, such as `nginx/1.22.1`.
fn installed_version() -> Result<String> {
    let output = match Command::new("nginx").arg("-v").output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "nginx is not installed: install it (Debian package nginx-light), or leave nginx out of --peers"
            )
        }
        Err(error) => return Err(error).context("running nginx -v"),
    };
    let text = String::from_utf8_lossy(&output.stderr);
    Ok(text.trim().trim_start_matches("nginx version: ").to_owned())
}

fn configuration(listen: SocketAddr, backend: SocketAddr, access_log: bool) -> String {
    let access_log = if access_log {
        format!("access_log {ACCESS_LOG} json buffer=64k flush=1s;")
    } else {
        "access_log off;".to_owned()
    };
    // The worker inherits the master's CPU, so it needs no affinity of its own. Nothing is ever
    // spilled to disk, so an unprivileged worker needs no rights in the directory.
    format!(
        r#"daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{
    worker_connections 8192;
}}
http {{
    log_format json escape=json '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
        '"host":"$host","path":"$uri","protocol":"$server_protocol","status":$status,"bytes":$body_bytes_sent,'
        '"duration_s":$request_time,"upstream":"$upstream_addr","upstream_duration_s":"$upstream_response_time",'
        '"user_agent":"$http_user_agent"}}';
    {access_log}
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    proxy_max_temp_file_size 0;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    upstream backend {{
        server {backend};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen {listen} backlog=4096;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"#
    )
}
