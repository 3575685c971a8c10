//! The gateway process: workers started, signals followed, everything stopped.
//!
//! Owns the life of the process. Listening sockets belong to this thread and outlive workers.
//! Invariants: no worker starts before its engine was probed, its sockets are bound and its log is
//! open, so that a mistake is an error message and not half a gateway.

use std::{
    net::{SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crossbeam::channel::{Sender, unbounded};
use halftone_core::{
    limits::{DRAIN_MS, TICK_MS},
    signal::trust::Trusted,
    table::epoch::EpochCell,
    wire::GatewayState,
};
use halftone_link::SocketError;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use signal_hook::{
    consts::{SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};
use thiserror::Error;

use crate::{
    admin::{self, Admin},
    engine::{
        self,
        probe::{Choice, ProbeError, Request, probe},
    },
    io::connect::{bind, check_free},
    last_good::LastGood,
    link::{self, Link},
    publish::{Publisher, WorkerHandle},
    telemetry::log::LogWriter,
    worker::{self, Start},
};

/// How a gateway is run.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// Where callers connect.
    pub listen: Vec<SocketAddr>,
    /// The control socket.
    pub socket: PathBuf,
    /// Where the gateway keeps its files.
    pub data: PathBuf,
    /// The CPUs, one worker each; every allowed one when not given.
    pub cpus: Option<Vec<u32>>,
    /// The engine.
    pub engine: Request,
    /// The peers that are believed.
    pub trusted: Trusted,
    /// The access log; off when not given.
    pub access_log: Option<PathBuf>,
    /// Where health and metrics are served; nowhere when not given.
    pub admin: Option<SocketAddr>,
    /// The version of the build.
    pub version: &'static str,
}

/// Why a gateway cannot run.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// A CPU is not there, or not allowed to this process.
    #[error("--cpus: CPU {cpu} is not allowed to this process; allowed are {allowed:?}")]
    Cpu {
        /// The CPU.
        cpu: u32,
        /// Those that are.
        allowed: Vec<u32>,
    },
    /// No CPU was listed.
    #[error("--cpus: at least one CPU is needed")]
    NoCpu,
    /// No address was listed.
    #[error("--listen: at least one address is needed")]
    NoListen,
    /// The engine does not run here.
    #[error("--engine: {0}")]
    Engine(#[from] ProbeError),
    /// An address cannot be listened on.
    #[error("--listen: {address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The control socket cannot be made.
    #[error("--socket: {0}")]
    Socket(#[from] SocketError),
    /// The address for health and metrics cannot be listened on.
    #[error("--admin: {address} cannot be listened on: {source}")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The access log cannot be opened.
    #[error("--access-log: {path}: {source}", path = path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operating system refuses something every process needs.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A worker has ended though nobody asked it to.
    #[error("worker {0} has ended unexpectedly; the lines above say why")]
    WorkerEnded(usize),
}

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> GatewayError {
    move |source| GatewayError::System { what, source }
}

/// Runs a gateway until it is told to stop: SIGTERM and SIGQUIT finish what is in flight, SIGINT or a
/// second SIGTERM do not wait.
///
/// # Errors
/// [`GatewayError`].
pub fn run(options: &GatewayOptions) -> Result<(), GatewayError> {
    let mut signals =
        Signals::new([SIGTERM, SIGQUIT, SIGINT]).map_err(system("signals cannot be followed"))?;
    let cpus = cpus(options.cpus.as_deref())?;
    let (engine, engine_reason) = probe(options.engine)?;
    let (sockets, listen) = listeners(&options.listen, cpus.len())?;
    let control = halftone_link::bind(&options.socket)?;
    let admin = options.admin.map(listen_admin).transpose()?;
    let log = open_log(options.access_log.as_deref())?;
    let (applied, applications) = unbounded();
    let tables = Arc::new(EpochCell::new(None));
    let last_good =
        LastGood::open(&options.data).map_err(system("--data: the folder cannot be made"))?;
    let keeper = last_good
        .clone()
        .keep(Arc::clone(&tables))
        .map_err(system("a thread cannot be started"))?;
    let mut handles = Vec::with_capacity(cpus.len());
    let mut threads = Vec::with_capacity(cpus.len());
    for (id, (cpu, listeners)) in cpus.iter().zip(&sockets).enumerate() {
        let (handle, wake, commands) = channel()?;
        let start = Start {
            id: u32::try_from(id).unwrap_or(u32::MAX),
            listeners: duplicate(listeners)?,
            wake,
            commands,
            applied: applied.clone(),
            tables: Arc::clone(&tables),
            trusted: options.trusted.clone(),
            log: log.as_ref().map(|log| log.handle(Instant::now())),
            seed: seed(id),
        };
        handles.push(handle);
        threads.push(spawn(engine, *cpu, start)?);
    }
    let publisher = Arc::new(Publisher::new(Arc::clone(&tables), handles, applications, keeper));
    serve_last_good(&publisher, &last_good);
    let state = GatewayState {
        listen: listen.iter().map(ToString::to_string).collect(),
        engine: engine.to_string(),
        engine_reason,
        cpus,
        ..GatewayState::default()
    };
    tracing::info!(
        listen = ?state.listen, engine = state.engine, reason = state.engine_reason, cpus = ?state.cpus,
        socket = %options.socket.display(), "The gateway is listening."
    );
    if let Some(listener) = admin {
        let publisher = Arc::clone(&publisher);
        let admin = Admin { publisher, engine: engine.to_string(), version: options.version };
        admin::start(admin, listener).map_err(system("the admin address cannot be served"))?;
    }
    let link =
        Arc::new(Link { publisher: Arc::clone(&publisher), state, version: options.version });
    link::start(link, control, &options.socket)
        .map_err(system("the control socket cannot be served"))?;
    let ended = follow(&mut signals, &publisher, &threads);
    drop(std::fs::remove_file(&options.socket));
    if ended? {
        threads.into_iter().for_each(|thread| drop(thread.join()));
        if let Some(log) = log {
            log.finish();
        }
    }
    Ok(())
}

/// Serves what was served before the last stop, so that no control plane is needed to start.
fn serve_last_good(publisher: &Publisher, last_good: &LastGood) {
    let (Some(rules), instances) = last_good.load() else { return };
    let revision = rules.revision();
    let instances = instances.map(|instances| publisher.prepare(instances));
    match publisher.commit(Some(publisher.prepare(rules)), instances) {
        Ok(_) => tracing::info!(revision, "The last good tables are served."),
        Err(error) => tracing::error!(%error, "The last good tables cannot be served."),
    }
}

fn cpus(wanted: Option<&[u32]>) -> Result<Vec<u32>, GatewayError> {
    let set = sched_getaffinity(None)
        .map_err(|error| system("the allowed CPUs cannot be read")(error.into()))?;
    let allowed: Vec<u32> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .filter_map(|cpu| u32::try_from(cpu).ok())
        .collect();
    let Some(wanted) = wanted else { return Ok(allowed) };
    match wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        Some(cpu) => Err(GatewayError::Cpu { cpu: *cpu, allowed }),
        None if wanted.is_empty() => Err(GatewayError::NoCpu),
        None => Ok(wanted.to_vec()),
    }
}

/// Binds every address once per worker; with port 0, all workers share the port the first was given.
fn listeners(
    listen: &[SocketAddr],
    workers: usize,
) -> Result<(Vec<Vec<OwnedFd>>, Vec<SocketAddr>), GatewayError> {
    if listen.is_empty() {
        return Err(GatewayError::NoListen);
    }
    let mut sockets: Vec<Vec<OwnedFd>> = (0..workers).map(|_| Vec::new()).collect();
    let mut bound = Vec::with_capacity(listen.len());
    for address in listen {
        let mut address = *address;
        check_free(address).map_err(|source| GatewayError::Listen { address, source })?;
        for sockets in &mut sockets {
            let failed = |source| GatewayError::Listen { address, source };
            let socket = socket2::Socket::from(bind(address).map_err(failed)?);
            if address.port() == 0 {
                let local = socket.local_addr().map_err(failed)?;
                address.set_port(local.as_socket().map_or(0, |local| local.port()));
            }
            sockets.push(socket.into());
        }
        bound.push(address);
    }
    Ok((sockets, bound))
}

fn listen_admin(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    let failed = |source| GatewayError::Admin { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    tracing::info!(address = %listener.local_addr().map_err(failed)?, "Health and metrics are served.");
    Ok(listener)
}

fn duplicate(sockets: &[OwnedFd]) -> Result<Vec<OwnedFd>, GatewayError> {
    let cloned: std::io::Result<Vec<OwnedFd>> = sockets.iter().map(OwnedFd::try_clone).collect();
    cloned.map_err(system("a listening socket cannot be duplicated"))
}

fn open_log(path: Option<&std::path::Path>) -> Result<Option<LogWriter>, GatewayError> {
    let Some(path) = path else { return Ok(None) };
    let failed = |source| GatewayError::Log { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    LogWriter::start(path).map(Some).map_err(failed)
}

type Wake = (WorkerHandle, OwnedFd, crossbeam::channel::Receiver<worker::Command>);

fn channel() -> Result<Wake, GatewayError> {
    let (wake, woken) = UnixStream::pair().map_err(system("a wake-up channel cannot be made"))?;
    for end in [&wake, &woken] {
        end.set_nonblocking(true).map_err(system("a wake-up channel cannot be made"))?;
    }
    let (sender, commands): (Sender<_>, _) = unbounded();
    Ok((WorkerHandle { wake, commands: sender }, woken.into(), commands))
}

fn seed(worker: usize) -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 8];
    // Early in boot there may be none; time and worker still tell the seeds apart.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::NONBLOCK);
    u64::from_le_bytes(random) ^ u64::from(time.subsec_nanos()) ^ (worker as u64) << 32
}

fn spawn(choice: Choice, cpu: u32, start: Start) -> Result<JoinHandle<()>, GatewayError> {
    let id = start.id;
    let run = move || {
        let mut set = CpuSet::new();
        set.set(cpu as usize);
        if let Err(error) = sched_setaffinity(None, &set) {
            tracing::warn!(worker = id, cpu, %error, "The worker could not be pinned to its CPU.");
        }
        let ended = engine::monoio::block_on(choice, |engine| worker::run(engine, start));
        if let Err(error) = ended {
            tracing::error!(worker = id, %error, "The worker's event loop cannot be built.");
        }
    };
    thread::Builder::new()
        .name(format!("worker-{id}"))
        .spawn(run)
        .map_err(system("a worker cannot be started"))
}

/// Turns the workers' wheels and follows signals; returns whether the workers have finished.
fn follow(
    signals: &mut Signals,
    publisher: &Publisher,
    threads: &[JoinHandle<()>],
) -> Result<bool, GatewayError> {
    let mut draining: Option<Instant> = None;
    let mut next = Instant::now();
    loop {
        for signal in signals.pending() {
            if draining.is_some() || signal == SIGINT {
                tracing::info!("The gateway stops now.");
                return Ok(false);
            }
            tracing::info!(
                within_ms = DRAIN_MS,
                "The gateway finishes what is in flight and stops."
            );
            draining = Some(Instant::now());
            publisher.drain();
        }
        publisher.tick();
        let ended = threads.iter().position(JoinHandle::is_finished);
        match (draining, ended) {
            (None, Some(worker)) => return Err(GatewayError::WorkerEnded(worker)),
            (Some(_), _) if threads.iter().all(JoinHandle::is_finished) => return Ok(true),
            (Some(since), _) if since.elapsed() > Duration::from_millis(DRAIN_MS) => {
                tracing::warn!("Requests were still in flight when the time to drain was over.");
                return Ok(false);
            }
            _ => {}
        }
        next += Duration::from_millis(TICK_MS);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
