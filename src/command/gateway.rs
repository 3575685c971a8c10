//! `halftone gateway`: the data plane in this process.
//!
//! Owns its options and their defaults. `halftone_dataplane::gateway` does the rest, until SIGTERM
//! or SIGINT.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, Result};
use halftone_core::signal::trust::Trusted;
use halftone_dataplane::{
    engine::probe::Request,
    gateway::{GatewayOptions, run as run_gateway},
    limits::Limits,
};

use crate::{VERSION, cpus::CpuList, place::Place, supervise::SupervisorArgument, usage::Usage};

/// Options of `halftone gateway`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  halftone gateway --listen 127.0.0.1:8080 --cpus 0-3 --trusted 10.0.0.0/8

Until a control plane has connected to the control socket, requests are answered 503.
SIGTERM and SIGQUIT let requests in flight end; SIGINT, or a second one, does not wait.")]
pub(crate) struct GatewayArguments {
    /// Where requests are taken
    #[arg(long, value_name = "ADDR", num_args = 1.., default_value = "127.0.0.1:8080")]
    listen: Vec<SocketAddr>,
    /// Where control planes connect [default: <data>/gateway.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Where state is kept [default: $XDG_STATE_HOME/halftone, or ~/.local/state/halftone]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// CPUs to run one worker on each, such as 0,2-3 [default: every CPU this process may use]
    #[arg(long, value_name = "LIST")]
    cpus: Option<CpuList>,
    /// What the workers run on: auto, io_uring, epoll or glommio
    #[arg(long, value_name = "ENGINE", default_value = "auto")]
    engine: Request,
    /// Peers whose forwarded addresses and release headers are believed, or `none`
    /// [default: this host]
    #[arg(long, value_name = "CIDR", num_args = 1..)]
    trusted: Vec<String>,
    /// Where a line of JSON per request goes, or `off` [default: <data>/access.log]
    #[arg(long, value_name = "PATH")]
    access_log: Option<PathBuf>,
    /// Where /healthz, /readyz and /metrics are served [default: nowhere]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    #[command(flatten)]
    supervisor: SupervisorArgument,
}

/// Runs a gateway until it is asked to stop.
///
/// # Errors
/// It cannot start, or fails.
pub(super) fn run(arguments: GatewayArguments) -> Result<()> {
    arguments.supervisor.follow()?;
    let trusted =
        Trusted::parse(&arguments.trusted).map_err(|error| Usage(format!("--trusted: {error}")))?;
    let place = Place::open(arguments.data)?;
    let access_log = match arguments.access_log {
        Some(path) if path.as_os_str() == "off" => None,
        Some(path) => Some(path),
        None => Some(place.access_log()),
    };
    let options = GatewayOptions {
        listen: arguments.listen,
        socket: arguments.socket.unwrap_or_else(|| place.socket()),
        data: place.gateway()?,
        cpus: arguments.cpus.map(CpuList::into_vec),
        engine: arguments.engine,
        trusted,
        limits: Limits::default(),
        access_log,
        admin: arguments.admin,
        version: VERSION,
    };
    run_gateway(&options).context("the gateway cannot run")
}
