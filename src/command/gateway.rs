//! `halftone gateway`: the data plane in this process.
//!
//! Owns its options and their defaults. `halftone_dataplane::gateway` does the rest, until SIGTERM
//! or SIGINT.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use halftone_core::signal::trust::Trusted;
use halftone_dataplane::{
    engine::probe::Request,
    gateway::{GatewayOptions, run as run_gateway},
    keys::KeyFile,
};

use crate::{
    VERSION, config::Config, cpus::CpuList, place::Place, supervise::SupervisorArgument,
    usage::Usage,
};

/// Where requests are taken unless somebody says otherwise.
const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080));

/// Options of `halftone gateway`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone gateway --listen 127.0.0.1:8080 --cpus 0-3 --trusted 10.0.0.0/8
  halftone check gateway.yaml && halftone gateway --config gateway.yaml --engine epoll

A flag wins over what the file says; bounds and timeouts are set in the file alone.
Until a control plane has connected to the control socket, requests are answered 503.
SIGTERM and SIGQUIT let requests in flight end; SIGINT, or a second one, does not wait.")]
pub(crate) struct GatewayArguments {
    /// A file that says all this and more (`kind: Gateway`, see `halftone schema gateway`)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where requests are taken [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", num_args = 1..)]
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
    /// What the workers run on: auto, io_uring, epoll or glommio [default: auto]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<Request>,
    /// Peers whose forwarded addresses and release headers are believed, or `none`
    /// [default: this host]
    #[arg(long, value_name = "CIDR", num_args = 1..)]
    trusted: Vec<String>,
    /// A file of keys to sign and verify with (see `halftone keys`); every gateway of a fleet needs the same
    /// [default: <data>/keys, where that is there]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Give devices ids, with their users' consent: serve the script at /.well-known/halftone/fingerprint.js; needs keys
    #[arg(long)]
    fingerprint: bool,
    /// Where a line of JSON per request goes, or `off` [default: <data>/access.log]
    #[arg(long, value_name = "PATH")]
    access_log: Option<PathBuf>,
    /// Whether its lines have the values that decisions read, such as a cookie's: `halftone replay` needs them
    /// [default: true]
    #[arg(long, value_name = "BOOL")]
    log_values: Option<bool>,
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
    let config = arguments.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    let either = |flag: Vec<_>, file: Vec<_>| if flag.is_empty() { file } else { flag };
    let trusted = Trusted::parse(&either(arguments.trusted, config.trusted))
        .map_err(|error| Usage(format!("--trusted: {error}")))?;
    let listen = match (arguments.listen, config.listen) {
        (flags, _) if !flags.is_empty() => flags,
        (_, file) if !file.is_empty() => file,
        _ => vec![LISTEN],
    };
    let place = Place::open(arguments.data.or(config.data))?;
    let access_log = match arguments.access_log.or(config.access_log) {
        Some(path) if path.as_os_str() == "off" => None,
        Some(path) => Some(path),
        None => Some(place.access_log()),
    };
    let keys = arguments.keys.or(config.keys);
    let required = keys.is_some();
    let keys = KeyFile { path: keys.unwrap_or_else(|| place.keys()), required };
    let options = GatewayOptions {
        listen,
        socket: arguments.socket.or(config.socket).unwrap_or_else(|| place.socket()),
        data: place.gateway()?,
        cpus: arguments.cpus.or(config.cpus).map(CpuList::into_vec),
        engine: arguments.engine.or(config.engine).unwrap_or_default(),
        trusted,
        limits: config.limits,
        keys,
        fingerprint: arguments.fingerprint || config.fingerprint,
        access_log,
        log_values: arguments.log_values.or(config.log_values).unwrap_or(true),
        admin: arguments.admin.or(config.admin),
        version: VERSION,
    };
    run_gateway(&options).context("the gateway cannot run")
}
