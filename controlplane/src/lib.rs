//! The control plane: registry, rules, store and API; it publishes tables to gateways.
//!
//! Owns the only tokio runtime of the product and everything that may fail without a request
//! noticing. Does not own policy, compilation or table formats (`halftone-core`), nor the socket's
//! I/O (`halftone-link`); never on the path of a request.
//!
//! Tags of users are kept beside all that, in a store of their own (`tags`), and so are lists of ids (`lists`) and, in memory, region
//! databases (`geo`) and keys of issuers (`issuers`): nothing is compiled of them.
//!
//! Life of a change: `api` or `files` takes it → `source` makes it a bundle → `state` checks it, makes it
//! durable (`store`) and numbers it → `publish` compiles the newest state into tables →
//! `link` has each gateway prepare and commit them → the answer says whether that happened.
//!
//! Invariants:
//! - nothing is acknowledged before it is durable;
//! - what is refused changes nothing; what cannot be compiled is not published, and gateways keep
//!   what they serve;
//! - every gateway converges to the newest published tables, whatever happened in between.

mod api;
mod clock;
mod conditions;
mod counts;
pub mod document;
mod files;
mod followed;
mod geo;
mod healing;
mod history;
mod issuers;
mod leases;
mod link;
mod lists;
mod publish;
pub mod push;
mod ranges;
mod registry;
mod resolve;
mod rules;
pub mod shadow;
mod source;
mod stages;
mod state;
mod store;
mod tags;
mod tenants;

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use halftone_core::{policy::Address, wire::ControlPlane};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

pub use followed::{FollowedSource, FollowedSourceError};
pub use issuers::IssuerSource;
pub use lists::ListStoreError;
pub use store::StoreError;

/// Threads of the runtime: the work is small, and the cores belong to the gateway.
const RUNTIME_THREADS: usize = 2;
/// Threads for calls that block (store, resolver); more would only wait for the same disk.
const BLOCKING_THREADS_MAX: usize = 64;
/// Stack of each of them, bytes: expressions are parsed there, and the deepest takes a quarter of it in a debug build.
const THREAD_STACK_BYTES: usize = 8 * 1024 * 1024;
/// How long open API requests may take to end once the process was asked to.
const DRAIN: Duration = Duration::from_secs(5);
/// How long blocking calls (a resolver that hangs) may hold up the end.
const BLOCKING_DRAIN: Duration = Duration::from_millis(500);

/// What a control plane is started with.
#[derive(Clone, Debug)]
pub struct ControlOptions {
    /// Where the API listens; a loopback address.
    pub api: SocketAddr,
    /// The control sockets of the gateways.
    pub gateways: Vec<PathBuf>,
    /// The directory of the store; made when missing.
    pub data: PathBuf,
    /// What takes requests while no bundle is stored and no stable instance is registered.
    pub upstream: Option<Address>,
    /// Files and folders with bundles; each file is the only source of its tenant.
    pub bundles: Vec<PathBuf>,
    /// Whether later changes of these files are followed.
    pub watch: bool,
    /// Where region databases come from, one of each kind.
    pub geo: Vec<FollowedSource>,
    /// How often those behind URLs are asked for a newer one.
    pub geo_every: Duration,
    /// Whose tokens are believed, each once.
    pub issuers: Vec<IssuerSource>,
    /// How often URLs of keys are asked for other ones.
    pub issuers_every: Duration,
    /// Whether gateways that another control plane leads are taken over.
    pub take_over: bool,
    /// The version of the build, told to gateways.
    pub version: &'static str,
}

/// Why the control plane could not run.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The API would be open to others.
    #[error(
        "the API has no authentication yet, so it listens on loopback addresses only; {0} is not one"
    )]
    NotLoopback(SocketAddr),
    /// The address of the API cannot be listened on.
    #[error("cannot serve the API on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lists of ids cannot be used.
    #[error(transparent)]
    Lists(#[from] ListStoreError),
    /// The process lacks something it runs on.
    #[error("cannot {doing}: {source}")]
    Process {
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl ControlError {
    fn process(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Process { doing, source }
    }
}

/// Runs the control plane until SIGTERM or SIGINT, on a runtime of its own.
///
/// # Errors
/// [`ControlError`]: only at its start; whatever fails later is logged and tried again.
pub fn run(options: ControlOptions) -> Result<(), ControlError> {
    run_with(
        options,
        |_| {},
        || {
            let installed =
                |kind| signal(kind).map_err(ControlError::process("listen for signals"));
            let (term, int) =
                (installed(SignalKind::terminate())?, installed(SignalKind::interrupt())?);
            Ok(signalled(term, int))
        },
    )
}

/// Runs the control plane until `stop` ends; `ready` is told where the API listens.
///
/// # Errors
/// [`ControlError`], as [`run`].
pub fn run_until(
    options: ControlOptions,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ControlError> {
    run_with(options, ready, || Ok(stop))
}

async fn signalled(mut term: Signal, mut int: Signal) {
    tokio::select! {
        _ = term.recv() => tracing::info!(signal = "SIGTERM", "the control plane was asked to stop"),
        _ = int.recv() => tracing::info!(signal = "SIGINT", "the control plane was asked to stop"),
    }
}

fn run_with<F: Future<Output = ()> + Send + 'static>(
    options: ControlOptions,
    ready: impl FnOnce(SocketAddr),
    stop: impl FnOnce() -> Result<F, ControlError>,
) -> Result<(), ControlError> {
    if !options.api.ip().is_loopback() {
        return Err(ControlError::NotLoopback(options.api));
    }
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("control")
        .thread_stack_size(THREAD_STACK_BYTES)
        .enable_all()
        .build()
        .map_err(ControlError::process("start the runtime"))?;
    let ended = runtime.block_on(async {
        // Signals are caught before anything else is started, so that none is lost.
        let stop = stop()?;
        serve(options, ready, stop).await
    });
    runtime.shutdown_timeout(BLOCKING_DRAIN);
    ended
}

async fn serve(
    options: ControlOptions,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ControlError> {
    let store = store::Embedded::open(&options.data)?;
    let ours = ControlPlane { id: store.identity()?, takes_over: options.take_over };
    let state = Arc::new(state::State::load(Box::new(store), Instant::now())?);
    let tags = Arc::new(tags::TagStore::open(&options.data)?);
    let lists = Arc::new(lists::ListStore::open(&options.data)?);
    let counts = Arc::new(counts::Counts::default());
    let (paths, owned) = (options.bundles, (Arc::clone(&state), Arc::clone(&counts)));
    let loading = move || files::Files::load(paths, owned.0, owned.1);
    let loading = tokio::task::spawn_blocking(loading).await;
    let files = loading.map_err(|error| ControlError::process("read the bundles")(error.into()))?;
    let listen = |source| ControlError::Listen { address: options.api, source };
    let listener = TcpListener::bind(options.api).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;

    let (stopping, stopped) = watch::channel(false);
    tokio::spawn(leases::sweep(Arc::clone(&state)));
    tokio::spawn(healing::heal(Arc::clone(&state)));
    tokio::spawn(healing::heal(Arc::clone(&tags)));
    tokio::spawn(healing::heal(Arc::clone(&lists)));
    if options.watch {
        files.watch(stopped.clone());
    }
    let resolver = resolve::Resolver::system();
    let publications = publish::start(Arc::clone(&state), Arc::clone(&resolver), options.upstream);
    let geo = geo::start(options.geo, options.geo_every, stopped.clone())
        .map_err(ControlError::process("start a thread for region databases"))?;
    let issuers = issuers::start(options.issuers, options.issuers_every, stopped.clone())
        .map_err(ControlError::process("start a thread for keys of issuers"))?;
    let brought = link::Brought {
        publications: &publications,
        tags: &tags,
        geo: &geo,
        lists: &lists,
        issuers: &issuers,
    };
    let caller = link::Caller::new(ours, options.version);
    let gateways = link::start(&options.gateways, brought, caller, &stopped)
        .map_err(ControlError::process("start a thread for a gateway"))?;
    let version = options.version;
    let context = api::Context {
        state,
        tags,
        lists,
        geo,
        issuers,
        files,
        resolver,
        publications,
        gateways,
        counts,
        version,
    };
    let router = api::router(context);

    tracing::info!(%address, data = %options.data.display(), "the API is served");
    ready(address);
    tokio::spawn(async move {
        stop.await;
        let _ = stopping.send(true);
    });
    tokio::select! {
        () = api::serve(listener, router, until(stopped.clone())) => {}
        () = async { until(stopped).await; tokio::time::sleep(DRAIN).await } => {}
    }
    tracing::info!("the control plane has stopped");
    Ok(())
}

/// Waits until `stopped` says so, or until nobody can say it any more.
async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
