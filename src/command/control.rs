//! `halftone control`: the control plane in this process.
//!
//! Owns its options and their defaults. `halftone_controlplane` does the rest, until SIGTERM or
//! SIGINT.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, Result};
use halftone_controlplane::{ControlOptions, run as run_control};
use halftone_core::policy::Address;

use crate::{
    VERSION, issuers::IssuerArguments, place::Place, regions::GeoArguments,
    sources::SourceArguments, supervise::SupervisorArgument, usage,
};

/// Options of `halftone control`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  halftone control --api 127.0.0.1:8081 --upstream http://localhost:8000

Gateways keep serving what they serve while no control plane runs. A gateway knows by the store in --data whose tables it
serves, and turns another control plane away that was not started with --take-over.")]
pub(crate) struct ControlArguments {
    /// Where the API listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    api: SocketAddr,
    /// Control sockets of the gateways to lead [default: <data>/gateway.sock]
    #[arg(long, value_name = "SOCKET", num_args = 1..)]
    gateway: Vec<PathBuf>,
    /// Where state is kept [default: $XDG_STATE_HOME/halftone, or ~/.local/state/halftone]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What is stable where no stable instance is registered, such as http://localhost:8000
    #[arg(long, value_name = "URL", value_parser = usage::upstream)]
    upstream: Option<Address>,
    #[command(flatten)]
    sources: SourceArguments,
    #[command(flatten)]
    geo: GeoArguments,
    #[command(flatten)]
    issuers: IssuerArguments,
    #[command(flatten)]
    take_over: TakeOverArgument,
    #[command(flatten)]
    supervisor: SupervisorArgument,
}

/// Whether gateways of another control plane are led.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct TakeOverArgument {
    /// Lead gateways that serve tables of another control plane, or what was pushed to them, and replace these: after a move to
    /// another --data, or when the old store is lost
    #[arg(long)]
    pub(crate) take_over: bool,
}

/// Runs a control plane until it is asked to stop.
///
/// # Errors
/// It cannot start, or fails.
pub(super) fn run(arguments: ControlArguments) -> Result<()> {
    arguments.supervisor.follow()?;
    usage::loopback(arguments.api)?;
    usage::distinct("--gateway", &arguments.gateway)?;
    let place = Place::open(arguments.data)?;
    let gateways = match arguments.gateway {
        none if none.is_empty() => vec![place.socket()],
        some => some,
    };
    let issuers = arguments.issuers.issuers()?;
    let options = ControlOptions {
        api: arguments.api,
        gateways,
        data: place.control()?,
        upstream: arguments.upstream,
        bundles: arguments.sources.bundle,
        watch: arguments.sources.watch,
        geo_every: arguments.geo.every(),
        geo: arguments.geo.geo,
        issuers_every: arguments.issuers.every(),
        issuers,
        take_over: arguments.take_over.take_over,
        version: VERSION,
    };
    run_control(options).context("the control plane cannot run")
}
