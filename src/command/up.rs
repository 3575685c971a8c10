//! `halftone up`: gateway and control plane as children of this process.
//!
//! Owns its options and the three lines that say what runs. The children are supervised by
//! [`crate::supervise`].

use std::{io::Write, net::SocketAddr, path::PathBuf};

use anyhow::Result;
use halftone_core::{policy::Address, signal::trust::Trusted};

use super::{control::TakeOverArgument, keys};
use crate::{
    cpus::CpuList,
    issuers::IssuerArguments,
    place::Place,
    regions::GeoArguments,
    sources::SourceArguments,
    stack::Stack,
    supervise::{self, Afterwards, Output},
    usage::{self, Usage},
};

/// Options of `halftone up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  halftone up --upstream http://localhost:8000

A process that dies is started again. SIGTERM and SIGINT stop both; a second one does not wait.")]
pub(crate) struct UpArguments {
    /// Where the gateway takes requests
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the API listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    api: SocketAddr,
    /// Where state is kept [default: $XDG_STATE_HOME/halftone, or ~/.local/state/halftone]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// CPUs to run one worker on each, such as 0,2-3 [default: every CPU this process may use]
    #[arg(long, value_name = "LIST")]
    cpus: Option<CpuList>,
    /// What the workers run on: auto, io_uring, epoll or glommio
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = usage::engine_name)]
    engine: String,
    /// What is stable where no stable instance is registered, such as http://localhost:8000
    #[arg(long, value_name = "URL", value_parser = usage::upstream)]
    upstream: Option<Address>,
    /// Peers whose forwarded addresses and release headers are believed, or `none`
    /// [default: this host]
    #[arg(long, value_name = "CIDR", num_args = 1..)]
    trusted: Vec<String>,
    /// A file of keys to sign and verify with (see `halftone keys`) [default: <data>/keys, made when it is missing]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Give devices ids, with their users' consent: serve the script at /.well-known/halftone/fingerprint.js
    #[arg(long)]
    fingerprint: bool,
    #[command(flatten)]
    sources: SourceArguments,
    #[command(flatten)]
    geo: GeoArguments,
    #[command(flatten)]
    issuers: IssuerArguments,
    #[command(flatten)]
    take_over: TakeOverArgument,
}

/// Runs a gateway and a control plane until a signal.
///
/// # Errors
/// One of them cannot start.
pub(super) fn run(arguments: UpArguments, output: &mut (dyn Write + Send)) -> Result<()> {
    Trusted::parse(&arguments.trusted).map_err(|error| Usage(format!("--trusted: {error}")))?;
    usage::loopback(arguments.api)?;
    let place = Place::open(arguments.data)?;
    let keys = match arguments.keys {
        Some(keys) => keys,
        None => keys::made_once(&place.keys())?,
    };
    arguments.issuers.issuers()?;
    let stack = Stack {
        listen: arguments.listen,
        api: arguments.api,
        place,
        keys,
        fingerprint: arguments.fingerprint,
        cpus: arguments.cpus,
        engine: arguments.engine,
        upstream: arguments.upstream,
        trusted: arguments.trusted,
        sources: arguments.sources,
        geo: arguments.geo,
        issuers: arguments.issuers,
        take_over: arguments.take_over.take_over,
    };
    stack.check_ports()?;
    supervise::run(stack.programs(|_| Output::Inherited), |stopping| {
        if stack.wait_until_ready(stopping) {
            output.write_all(welcome(&stack).as_bytes())?;
            output.flush()?;
        }
        Ok(Afterwards::Run)
    })
}

fn welcome(stack: &Stack) -> String {
    let Stack { listen, api, .. } = stack;
    let instance = "{\"service\":\"user-api\",\"addr\":\"127.0.0.1:8000\",\
                    \"metadata\":{\"version\":\"v2.1\",\"group\":\"canary\",\"weight\":30}}";
    format!(
        "gateway  http://{listen}\n\
         API      http://{api}\n\
         next     curl -X POST http://{api}/v1/instances -d '{instance}'\n"
    )
}
