//! nginx as a contender: one worker, keep-alive on both sides, a JSON access log.
//!
//! Owns its configuration. The one used elsewhere on the machine is neither read nor changed.
//!
//! Invariants: everything nginx writes lies in its own directory; requests never close a connection.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{
    ChildGuard, Contender, PARTS, Setting, USER_HEADER, dimensions, free_address, program, truncate,
};

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
        std::fs::write(&file, configuration(address, setting))
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
    let text = program::version("nginx", "-v", "install it (Debian package nginx-light)")?;
    Ok(text.trim_start_matches("nginx version: ").to_owned())
}

fn configuration(listen: SocketAddr, setting: &Setting) -> String {
    let access_log = if setting.access_log {
        format!("access_log {ACCESS_LOG} json buffer=64k flush=1s;")
    } else {
        "access_log off;".to_owned()
    };
    let keep = "keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h;";
    let mut upstreams = format!("upstream stable {{ server {}; {keep} }}", setting.stable());
    let mut split = String::new();
    for (name, address, share) in setting.variants().filter(|&(.., share)| share > 0) {
        upstreams += &format!("\n    upstream {name} {{ server {address}; {keep} }}");
        split += &format!("{}% {name}; ", percent(share));
    }
    // Shares of a whole leave nothing for the rest, which nginx refuses to be named then.
    let rest = if setting.split.iter().sum::<u32>() < PARTS { "* stable;" } else { "" };
    let header = USER_HEADER.replace('-', "_");
    let (split, pool) = if setting.split.is_empty() {
        (String::new(), "stable")
    } else {
        (format!("split_clients \"${{http_{header}}}\" $pool {{ {split}{rest} }}"), "$pool")
    };
    let proxy = |more: &str| {
        format!(
            "{more}            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
"
        )
    };
    let (split, locations) = if setting.dimensions {
        let (name, address) = setting.named().next().unwrap_or(("canary", setting.stable()));
        upstreams += &format!("\n    upstream {name} {{ server {address}; {keep} }}");
        dimensions::nginx(&proxy(""))
    } else {
        let all = proxy(&format!("            proxy_pass http://{pool};\n"));
        (split, format!("        location / {{\n{all}        }}\n"))
    };
    let connections = 2 * setting.connections + 1024;
    // The worker inherits the master's CPU, so it needs no affinity of its own. Nothing is ever
    // spilled to disk, so an unprivileged worker needs no rights in the directory.
    format!(
        r#"daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{
    worker_connections {connections};
}}
http {{
    log_format json escape=json '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
        '"host":"$host","path":"$uri","protocol":"$server_protocol","status":$status,"bytes":$body_bytes_sent,'
        '"duration_s":$request_time,"variant":"$proxy_host","upstream":"$upstream_addr","upstream_duration_s":"$upstream_response_time",'
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
    {upstreams}
    {split}
    server {{
        listen {listen} backlog=4096;
{locations}    }}
}}
"#
    )
}

/// Renders a share in [`PARTS`] as a percentage of at most two decimals, as nginx takes it.
fn percent(share: u32) -> String {
    let hundredths = u64::from(share) * 10_000 / u64::from(PARTS);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
