//! Gateway and control plane as the two children of one command.
//!
//! Owns their command lines, the check that their ports are free, and the wait until both are ready.
//! Does not supervise them ([`crate::supervise`] does).

use std::{
    ffi::OsString,
    fmt::Display,
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use halftone_core::{limits::LISTEN_MS, policy::Address};

use crate::{
    api::Client,
    cpus::CpuList,
    issuers::IssuerArguments,
    place::Place,
    regions::GeoArguments,
    sources::SourceArguments,
    supervise::{Output, Program, Stopping},
    usage::Usage,
};

/// How often the children are asked whether they are ready.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long they may take before a person is told what is missing.
const READY_SLOW: Duration = Duration::from_secs(10);

/// What both children are started with.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Where the gateway listens.
    pub(crate) listen: SocketAddr,
    /// Where the API listens.
    pub(crate) api: SocketAddr,
    /// Where state is kept.
    pub(crate) place: Place,
    /// What the gateway signs and verifies with.
    pub(crate) keys: PathBuf,
    /// Whether devices are given ids.
    pub(crate) fingerprint: bool,
    /// The CPUs of the workers.
    pub(crate) cpus: Option<CpuList>,
    /// The engine, as it was written.
    pub(crate) engine: String,
    /// The upstream of the implicit route.
    pub(crate) upstream: Option<Address>,
    /// The values of `--trusted`.
    pub(crate) trusted: Vec<String>,
    /// Where bundles come from besides the API.
    pub(crate) sources: SourceArguments,
    /// Where region databases come from.
    pub(crate) geo: GeoArguments,
    /// Whose tokens are believed.
    pub(crate) issuers: IssuerArguments,
    /// Whether the gateway is led even if another control plane led it.
    pub(crate) take_over: bool,
}

impl Stack {
    /// Checks that nobody listens where the children will.
    ///
    /// It is one clear error then, and not that of a child; and the API of another process is never
    /// taken for ours.
    ///
    /// # Errors
    /// An address is taken or cannot be listened on.
    pub(crate) fn check_ports(&self) -> Result<()> {
        for (option, address) in [("--listen", self.listen), ("--api", self.api)] {
            if address.port() == 0 {
                return Err(Usage(format!("{option} {address}: a port is needed, not 0")).into());
            }
            // The kernel closes the sockets of a gateway that was killed a while after its end.
            let until = Instant::now() + Duration::from_millis(LISTEN_MS);
            loop {
                match TcpListener::bind(address) {
                    Ok(_) => break,
                    Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                        bail!("cannot listen on {address} ({option}): {error}")
                    }
                    Err(_) if Instant::now() < until => thread::sleep(ASK_EVERY),
                    Err(_) => {
                        bail!("{address} is taken by another process; choose another with {option}")
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the two programs; `output` says where the output of each goes.
    pub(crate) fn programs(&self, output: impl Fn(&str) -> Output) -> Vec<Program> {
        vec![
            Program {
                name: "gateway",
                arguments: self.gateway_arguments(),
                output: output("gateway"),
            },
            Program {
                name: "control",
                arguments: self.control_arguments(),
                output: output("control"),
            },
        ]
    }

    fn gateway_arguments(&self) -> Vec<OsString> {
        let mut arguments = Arguments::of("gateway");
        arguments.add("--listen", self.listen).add_path("--data", self.place.root().to_owned());
        arguments.add("--engine", &self.engine).add_path("--keys", self.keys.clone());
        if let Some(cpus) = &self.cpus {
            arguments.add("--cpus", cpus);
        }
        for range in &self.trusted {
            arguments.add("--trusted", range);
        }
        if self.fingerprint {
            arguments.0.push("--fingerprint".into());
        }
        arguments.0
    }

    fn control_arguments(&self) -> Vec<OsString> {
        let mut arguments = Arguments::of("control");
        arguments.add("--api", self.api).add_path("--data", self.place.root().to_owned());
        arguments.add_path("--gateway", self.place.socket());
        if let Some(upstream) = &self.upstream {
            arguments.add("--upstream", format_args!("http://{upstream}"));
        }
        for path in &self.sources.bundle {
            arguments.add_path("--bundle", path.clone());
        }
        if self.sources.watch {
            arguments.0.push("--watch".into());
        }
        for source in &self.geo.geo {
            arguments.add("--geo", source);
        }
        if let Some(every) = &self.geo.geo_every {
            arguments.add("--geo-every", every);
        }
        if self.take_over {
            arguments.0.push("--take-over".into());
        }
        for pair in &self.issuers.jwks {
            arguments.add("--jwks", pair);
        }
        for pair in &self.issuers.audience {
            arguments.add("--audience", pair);
        }
        if let Some(every) = &self.issuers.jwks_every {
            arguments.add("--jwks-every", every);
        }
        arguments.0
    }

    /// Returns a client of the API.
    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.api))
    }

    /// Waits until the API answers and our gateway is connected to it; returns whether that came
    /// before the word to stop.
    pub(crate) fn wait_until_ready(&self, stopping: &Stopping) -> bool {
        let client = self.client();
        let slow = Instant::now() + READY_SLOW;
        let mut told = false;
        while !stopping.wait(ASK_EVERY) {
            let missing = match client.gateways() {
                Ok(gateways) if gateways.iter().any(|gateway| gateway.connected) => return true,
                Ok(_) => "the gateway is not connected to the control plane yet",
                Err(_) => "the API does not answer yet",
            };
            if !told && Instant::now() >= slow {
                tracing::warn!("{missing}; still waiting");
                told = true;
            }
        }
        false
    }
}

/// A command line that grows.
struct Arguments(Vec<OsString>);

impl Arguments {
    fn of(command: &str) -> Self {
        Self(vec![command.into()])
    }

    /// Adds an option; with `=`, so that a value never reads as an option.
    fn add(&mut self, option: &str, value: impl Display) -> &mut Self {
        self.0.push(format!("{option}={value}").into());
        self
    }

    fn add_path(&mut self, option: &str, value: PathBuf) -> &mut Self {
        let mut argument = OsString::from(format!("{option}="));
        argument.push(value);
        self.0.push(argument);
        self
    }
}
