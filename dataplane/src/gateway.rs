//! The gateway process: workers started, signals followed, everything stopped.
//!
//! Owns the life of the process. Listening sockets belong to this thread and outlive workers.
//! Invariants: no worker starts before its engine was probed, its sockets are bound, its log is
//! open and the last good tables are read, so that a mistake is an error message and not half a gateway, and nobody who
//! comes early is turned away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam::channel::unbounded;
use halftone_core::{limits::TICK_MS, table::epoch::EpochCell, wire::GatewayState};
use signal_hook::{
    consts::{SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};

use crate::{
    admin::{self, Admin},
    engine::probe::probe,
    geo::keeper::GeoKeeper,
    jwt::keeper::IssuerKeeper,
    keys::Keys,
    last_good::LastGood,
    leader::Leadership,
    link::{self, Link},
    lists::keeper::ListKeeper,
    publish::Publisher,
    tables::Tables,
    tags,
    telemetry::log::LogWriter,
};

mod options;
mod resources;
mod threads;

use options::system;
pub use options::{GatewayError, GatewayOptions};
use resources::{cpus, listen_admin, listeners, open_log};
use threads::{Common, Workers, run_worker};

/// Runs a gateway until it is told to stop: SIGTERM and SIGQUIT finish what is in flight, SIGINT or a
/// second SIGTERM do not wait.
///
/// # Errors
/// [`GatewayError`].
pub fn run(options: &GatewayOptions) -> Result<(), GatewayError> {
    let started = Instant::now();
    let mut signals =
        Signals::new([SIGTERM, SIGQUIT, SIGINT]).map_err(system("signals cannot be followed"))?;
    if let Some(problem) = options.limits.problems().into_iter().next() {
        return Err(problem.into());
    }
    let cpus = cpus(options.cpus.as_deref())?;
    let (engine, engine_reason) = probe(options.engine)?;
    let (sockets, listen) = listeners(&options.listen, cpus.len())?;
    let control = halftone_link::bind(&options.socket)?;
    let admin = options.admin.map(listen_admin).transpose()?;
    let log = open_log(options.access_log.as_deref(), options.log_values)?;
    let keys = Keys::follow(&options.keys)?;
    if options.fingerprint && keys.ids().is_empty() {
        return Err(GatewayError::Fingerprint { path: options.keys.path.clone() });
    }
    let ((applied, applications), (asker, asked)) = (unbounded(), unbounded());
    let leadership =
        Leadership::open(&options.data).map_err(system("--data: the folder cannot be made"))?;
    let last_good =
        LastGood::open(&options.data).map_err(system("--data: the folder cannot be made"))?;
    let tables = Arc::new(EpochCell::new(last_tables(&last_good)));
    let geo =
        GeoKeeper::open(&options.data).map_err(system("--data: the folder cannot be made"))?;
    // Before anything is served: a decision without its region would be another one.
    let databases = Arc::new(EpochCell::new(geo.load()));
    let kept_lists =
        ListKeeper::open(&options.data).map_err(system("--data: the folder cannot be made"))?;
    let lists = Arc::new(EpochCell::new(kept_lists.load()));
    let kept_issuers =
        IssuerKeeper::open(&options.data).map_err(system("--data: the folder cannot be made"))?;
    let issuers = Arc::new(EpochCell::new(kept_issuers.load()));
    let keeper =
        last_good.keep(Arc::clone(&tables)).map_err(system("a thread cannot be started"))?;
    let common = Common {
        sockets: resources::sockets(cpus.len()),
        engine,
        applied,
        tables: Arc::clone(&tables),
        trusted: options.trusted.clone(),
        limits: options.limits,
        keys: Arc::clone(&keys.cell),
        fingerprint: options.fingerprint,
        asker: asker.clone(),
        databases: Arc::clone(&databases),
        lists: Arc::clone(&lists),
        issuers: Arc::clone(&issuers),
        run: run_worker,
    };
    let (mut workers, handles) = Workers::start(common, &cpus, sockets, log.as_ref())?;
    let served = Arc::clone(&tables);
    let publisher =
        Publisher::new(served, handles, applications, keeper, databases, lists, issuers);
    let publisher = Arc::new(publisher);
    tags::asker::start(Arc::clone(&publisher), asked, options.limits.tags_ms)
        .map_err(system("a thread cannot be started"))?;
    let state = GatewayState {
        listen: listen.iter().map(ToString::to_string).collect(),
        engine: engine.to_string(),
        engine_reason,
        cpus,
        ..GatewayState::default()
    };
    tracing::info!(
        listen = ?state.listen, engine = state.engine, reason = state.engine_reason, cpus = ?state.cpus,
        keys = ?keys.ids(), socket = %options.socket.display(), "The gateway is listening."
    );
    let (rules_epoch, _, revision) = publisher.state();
    if rules_epoch > 0 {
        let since_start_us = started.elapsed().as_micros();
        tracing::info!(revision, since_start_us, "The last good tables are served.");
    }
    if let Some(listener) = admin {
        let (publisher, keys) = (Arc::clone(&publisher), Arc::clone(&keys));
        let admin = Admin { publisher, keys, engine: engine.to_string(), version: options.version };
        admin::start(admin, listener).map_err(system("the admin address cannot be served"))?;
    }
    let link = Arc::new(Link {
        publisher: Arc::clone(&publisher),
        state,
        version: options.version,
        control_planes: AtomicU32::new(0),
        asker,
        askable: AtomicU64::new(0),
        geo,
        lists: kept_lists,
        keys,
        issuers: kept_issuers,
        leadership,
    });
    link::start(link, control, &options.socket)
        .map_err(system("the control socket cannot be served"))?;
    let ended =
        follow(&mut signals, &publisher, &mut workers, log.as_ref(), options.limits.drain_ms);
    drop(std::fs::remove_file(&options.socket));
    if let (true, Some(log)) = (ended?, log) {
        log.finish();
    }
    Ok(())
}

/// Returns the tables that were served before the last stop, so that no control plane is needed to start.
fn last_tables(last_good: &LastGood) -> Option<Tables> {
    let (rules, instances) = last_good.load();
    Publisher::first(rules?, instances)
}

/// Turns the workers' wheels, replaces those that died, and follows signals; returns whether the workers have finished.
fn follow(
    signals: &mut Signals,
    publisher: &Publisher,
    workers: &mut Workers,
    log: Option<&LogWriter>,
    drain_ms: u64,
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
                within_ms = drain_ms,
                "The gateway finishes what is in flight and stops."
            );
            draining = Some(Instant::now());
            publisher.drain();
        }
        publisher.tick();
        match draining {
            None => publisher.note_restarts(workers.revive(log)?),
            Some(_) if workers.have_ended() => return Ok(true),
            Some(since) if since.elapsed() > Duration::from_millis(drain_ms) => {
                tracing::warn!("Requests were still in flight when the time to drain was over.");
                return Ok(false);
            }
            Some(_) => {}
        }
        next += Duration::from_millis(TICK_MS);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
