//! `halftone demo`: a canary release on this machine, with one command.
//!
//! Owns its options, its state directory and the processes it starts. [`crate::demo`] is what is
//! shown.

use std::{
    fs::{self, DirBuilder},
    io::{self, IsTerminal as _, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::keys;
use crate::{
    demo::{Demo, VERSIONS},
    issuers::IssuerArguments,
    place::Place,
    regions::GeoArguments,
    sources::SourceArguments,
    stack::Stack,
    supervise::{self, Output, Program},
};

/// Where the demo keeps its state, below the working directory.
const STATE: &str = ".halftone";

/// Options of `halftone demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone demo
  halftone demo --for 10 --plain

State is kept in a directory of its own in ./.halftone and removed at the end.")]
pub(crate) struct DemoArguments {
    /// End after so many seconds, with a summary [default: at Ctrl-C]
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Print one block a second instead of redrawing in place, as when output is no terminal
    #[arg(long)]
    plain: bool,
    /// Where the gateway takes requests
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the API listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    api: SocketAddr,
}

/// Runs the demo.
///
/// # Errors
/// Something of it cannot start.
pub(super) fn run(arguments: &DemoArguments, output: &mut (dyn Write + Send)) -> Result<()> {
    let state = state_directory()?;
    let place = Place::open(Some(from_here(state.0.path())))?;
    let keys = keys::made_once(&place.keys())?;
    let stack = Stack {
        listen: arguments.listen,
        api: arguments.api,
        place,
        fingerprint: false,
        keys,
        cpus: None,
        engine: "auto".to_owned(),
        upstream: None,
        trusted: Vec::new(),
        sources: SourceArguments::default(),
        geo: GeoArguments::default(),
        issuers: IssuerArguments::default(),
        take_over: false,
    };
    stack.check_ports()?;
    let services = free_addresses()?;
    // A live view and the children's logs do not share a terminal.
    let logs = |name: &str| Output::File(stack.place.root().join(format!("{name}.log")));
    let mut programs = stack.programs(logs);
    programs.extend(VERSIONS.iter().zip(services).map(|(version, address)| Program {
        name: version.name,
        arguments: vec![
            "demo-service".into(),
            format!("--listen={address}").into(),
            format!("--release={}", version.version).into(),
        ],
        output: logs(version.version),
    }));
    let demo = Demo {
        stack,
        services,
        length: arguments.seconds.map(|seconds| Duration::from_secs(seconds.into())),
        in_place: !arguments.plain && io::stdout().is_terminal(),
        binary: std::env::args().next().unwrap_or_else(|| "halftone".to_owned()),
    };
    supervise::run(programs, |stopping| demo.run(stopping, output))
}

/// The directory of one demo. With it goes what it lies in, unless another demo's does, too.
struct State(TempDir, Emptied);

/// [`STATE`], removed when nothing is in it any more.
struct Emptied;

impl Drop for Emptied {
    fn drop(&mut self) {
        // The kernel refuses to remove what is not empty.
        let _ = fs::remove_dir(STATE);
    }
}

fn state_directory() -> Result<State> {
    let make = || {
        DirBuilder::new().recursive(true).mode(0o700).create(STATE)?;
        tempfile::Builder::new().prefix("demo-").tempdir_in(Path::new(STATE))
    };
    let directory = make().with_context(|| format!("cannot make a directory in ./{STATE}"))?;
    // Fields are dropped in their order.
    Ok(State(directory, Emptied))
}

/// Shortens a path below the working directory: it is shown, and the path of a socket is bounded.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

/// Finds a free port for each service: all are held at once, so that no two are the same.
fn free_addresses() -> Result<[SocketAddr; VERSIONS.len()]> {
    let find = || {
        let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); VERSIONS.len()];
        let mut held = Vec::new();
        for address in &mut addresses {
            let listener = TcpListener::bind(*address)?;
            *address = listener.local_addr()?;
            held.push(listener);
        }
        Ok::<_, io::Error>(addresses)
    };
    find().context("cannot find free ports for the demo's services")
}
