//! A worker's life: from what it is given to the end of its last connection.
//!
//! Owns the loop that follows ticks, tables and commands. Invariants: tables are acknowledged before the commands that came with
//! them are looked at; a worker that drains ends once it has no connection left, and one that nobody can wake any more at once.

use std::{
    cell::{Cell, RefCell},
    os::fd::OwnedFd,
    rc::Rc,
    sync::Arc,
};

use crossbeam::channel::{Receiver, Sender};
use halftone_core::{
    signal::{
        device::cache::Devices, geo::Databases, jwt::Issuers, lists::IdLists, trust::Trusted,
    },
    table::epoch::{EpochCell, Reader as EpochReader},
};

use super::{
    Applied, Command, TICK, Worker,
    accept::accept,
    explaining::explain,
    ticking::{tick, wall_clock_s},
};
use crate::{
    conn::slot::Slots,
    engine::{Engine, Halves, Reader as _},
    fingerprint::Fingerprints,
    geo::Regions,
    io::{
        buffers::Buffers,
        deadline::{Deadline, End, Wheel},
        splice::Pipes,
    },
    jwt::Tokens,
    limits::Limits,
    lists::Lists,
    shadow::Shadows,
    signing::{Given, Signing},
    tables::Tables,
    tags::{Lookups, asker::Event},
    telemetry::log::AccessLog,
    upstream::Pools,
};

/// What a worker is given.
pub struct Start {
    /// Its number.
    pub id: u32,
    /// Its listening sockets.
    pub listeners: Vec<OwnedFd>,
    /// Its end of the wake-up channel.
    pub wake: OwnedFd,
    /// Commands, announced by [`super::WAKE`].
    pub commands: Receiver<Command>,
    /// Where it acknowledges tables.
    pub applied: Sender<Applied>,
    /// The tables.
    pub tables: Arc<EpochCell<Option<Tables>>>,
    /// The peers that are believed.
    pub trusted: Trusted,
    /// What connections are held to.
    pub limits: Limits,
    /// Most sockets it may have open.
    pub sockets: usize,
    /// Its access log.
    pub log: Option<AccessLog>,
    /// Who asks about users on its behalf; without one nobody is known.
    pub asker: Option<Sender<Event>>,
    /// The region databases.
    pub databases: Arc<EpochCell<Databases>>,
    /// The lists of ids.
    pub lists: Arc<EpochCell<IdLists>>,
    /// The issuers whose tokens are believed.
    pub issuers: Arc<EpochCell<Issuers>>,
    /// Where its random numbers start.
    pub seed: u64,
    /// What it signs with.
    pub signing: Given,
    /// Whether it serves fingerprints.
    pub fingerprint: bool,
}

/// Runs a worker to its end.
pub async fn run<E: Engine>(engine: E, start: Start) {
    let worker = Rc::new(Worker {
        engine: engine.clone(),
        id: start.id,
        wheel: Rc::new(Wheel::default()),
        buffers: Buffers::default(),
        pipes: Pipes::default(),
        slots: Slots::default(),
        pools: Pools::new(&start.limits),
        trusted: start.trusted,
        head_limits: start.limits.head(),
        limits: start.limits,
        sockets: start.sockets,
        tags: Lookups::new(start.id, start.asker),
        regions: Regions::new(start.databases),
        lists: Lists::new(start.lists),
        tokens: Tokens::new(start.issuers),
        arena: RefCell::default(),
        signing: Signing::new(start.signing),
        fingerprints: Fingerprints::new(start.fingerprint),
        devices: Devices::new(start.seed),
        counters: RefCell::default(),
        faults: RefCell::default(),
        shadows: Shadows::default(),
        log: start.log,
        tables: RefCell::new(EpochReader::new(start.tables)),
        random: Cell::new(start.seed | 1),
        turn: Cell::new(0),
        draining: Cell::new(false),
        connections: Cell::new(0),
        shedding: Cell::new(0),
        requests: Cell::new(0),
        waiting: RefCell::default(),
        ticks: Cell::new(0),
        unix_s: Cell::new(wall_clock_s()),
    });
    let mut listening = Vec::new();
    for socket in start.listeners {
        use std::os::fd::AsRawFd as _;
        let watched = worker.wheel.watch(socket.as_raw_fd());
        match engine.listen(socket) {
            Ok(listener) => {
                listening.push(watched);
                engine.spawn(accept(Rc::clone(&worker), listener));
            }
            Err(error) => {
                tracing::error!(worker = start.id, %error, "A listening socket cannot be served.")
            }
        }
    }
    match engine.adopt(start.wake) {
        Ok(wake) => follow(&worker, wake, &start.commands, &start.applied, &listening).await,
        Err(error) => {
            tracing::error!(worker = start.id, %error, "The worker cannot be woken; it stops.")
        }
    }
    worker.pools.close().await;
    if let Some(log) = &worker.log {
        log.flush(worker.engine.now());
    }
}

/// Follows ticks, tables and commands until the worker is drained.
async fn follow<E: Engine>(
    worker: &Rc<Worker<E>>,
    mut wake: Halves<E>,
    commands: &Receiver<Command>,
    applied: &Sender<Applied>,
    listening: &[Deadline],
) {
    let mut seen = (0, 0);
    let mut bytes = Vec::with_capacity(64);
    loop {
        bytes.clear();
        let (result, filled) = wake.reader.read(bytes).await;
        bytes = filled;
        // The gateway is gone: nobody will ever wake this worker again.
        if !matches!(result, Ok(1..)) {
            return;
        }
        acknowledge(worker, &mut seen, applied);
        worker.regions.follow();
        worker.lists.follow();
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Report(reply) => {
                    let mut snapshot = worker.counters.borrow().snapshot();
                    snapshot.tags = worker.tags.counts();
                    snapshot.geo = worker.regions.counts();
                    snapshot.signatures = worker.signing.judged();
                    snapshot.fingerprints = worker.fingerprints.counts();
                    snapshot.devices = worker.devices.counts();
                    snapshot.jwt = worker.tokens.counts();
                    snapshot.log_dropped = worker.log.as_ref().map_or(0, AccessLog::dropped);
                    let _ = reply.send((worker.id, snapshot));
                }
                Command::Explain(asked, reply) => explain(worker, asked, reply),
                Command::Tags(news) => worker.tags.take(news),
                Command::Shadow(candidate, reply) => {
                    worker.shadows.set(candidate, worker.ticks.get());
                    let _ = reply.send(worker.id);
                }
                Command::Shadowed(reply) => {
                    let _ = reply.send(worker.shadows.tally());
                }
                Command::Drain => {
                    worker.draining.set(true);
                    worker.wake_waiting();
                    listening.iter().for_each(|listener| listener.end_now(End::Both));
                    worker.wheel.end_idle();
                }
            }
        }
        for _ in bytes.iter().filter(|byte| **byte == TICK) {
            tick(worker);
        }
        if worker.draining.get() && worker.connections.get() == 0 {
            return;
        }
    }
}

fn acknowledge<E: Engine>(worker: &Worker<E>, seen: &mut (u64, u64), applied: &Sender<Applied>) {
    let pinned = worker.tables();
    if let Some(tables) = Tables::newest(&pinned)
        && tables.epochs() != *seen
    {
        *seen = tables.epochs();
        let _ = applied.send(Applied { worker: worker.id, epochs: *seen, at: worker.engine.now() });
        worker.counters.borrow_mut().follow(tables);
    }
}
