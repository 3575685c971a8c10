//! A worker: one pinned thread, its engine, and everything it owns.
//!
//! Owns the wake-up channel and the tick; [`accept`] takes connections. Shares nothing with other workers
//! on the request path but read-only tables. Invariant: the worker never reads the clock for a deadline;
//! the gateway's ticker sends it a byte per tick.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    ops::Range,
    os::fd::OwnedFd,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
    time::Instant,
};

use bumpalo::Bump;
use crossbeam::channel::{Receiver, Sender};
use halftone_core::{
    http::HeadLimits,
    limits::DIRECT_WRITES_MAX,
    signal::{
        device::cache::Devices, geo::Databases, jwt::Issuers, lists::IdLists, trust::Trusted,
    },
    table::epoch::{EpochCell, Pinned, Reader as EpochReader},
    telemetry::moves::Tally,
    wire::{ExplainRequest, Explained},
};

use crate::{
    conn::slot::Slots,
    engine::{Engine, Halves, Reader as _, Writer as _},
    explain::ExplainError,
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
    shadow::{Candidate, Shadows},
    signing::{Given, Signing},
    tables::Tables,
    tags::{Lookups, News, asker::Event},
    telemetry::{
        counters::{Counters, Snapshot},
        faults::FaultKeys,
        log::AccessLog,
    },
    upstream::Pools,
};

mod accept;
mod explaining;
mod ticking;

use accept::accept;
use explaining::explain;
use ticking::{tick, wall_clock_s};

/// The byte that means: a tick has passed.
pub const TICK: u8 = b't';
/// The byte that means: look at the tables and the commands.
pub const WAKE: u8 = b'w';

/// What a worker is asked, besides its byte.
#[derive(Debug)]
pub enum Command {
    /// Send a copy of the counters.
    Report(Sender<(u32, Snapshot)>),
    /// Explain what would be decided.
    Explain(Box<ExplainRequest>, Sender<Result<Explained, ExplainError>>),
    /// Take what is known of users.
    Tags(News),
    /// Decide a candidate besides, or none, and say so.
    Shadow(Option<Arc<Candidate>>, Sender<u32>),
    /// Send what was counted of it; nothing when there is none.
    Shadowed(Sender<Option<(bool, Tally)>>),
    /// Take no more connections, finish what is in flight, stop.
    Drain,
}

/// A worker decides with these epochs from `at` on.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// The worker.
    pub worker: u32,
    /// The epochs of rules and instances.
    pub epochs: (u64, u64),
    /// When it first saw them.
    pub at: Instant,
}

/// What a worker is given.
pub struct Start {
    /// Its number.
    pub id: u32,
    /// Its listening sockets.
    pub listeners: Vec<OwnedFd>,
    /// Its end of the wake-up channel.
    pub wake: OwnedFd,
    /// Commands, announced by [`WAKE`].
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

/// What the tasks of a worker share.
pub struct Worker<E: Engine> {
    /// The runtime.
    pub engine: E,
    /// Its number.
    pub id: u32,
    /// Deadlines.
    pub wheel: Rc<Wheel>,
    /// Buffers.
    pub buffers: Buffers,
    /// Pipes for large bodies.
    pub pipes: Pipes,
    /// Where busy connections are served.
    pub slots: Slots<E>,
    /// Upstream connections.
    pub pools: Pools<E>,
    /// The peers that are believed.
    pub trusted: Trusted,
    /// What connections are held to.
    pub limits: Limits,
    /// Most sockets it may have open.
    sockets: usize,
    /// What heads are held to.
    pub head_limits: HeadLimits,
    /// What is known of users.
    pub tags: Lookups,
    /// What is known of addresses.
    pub regions: Regions,
    /// Who is a member of what.
    pub lists: Lists,
    /// What is known of callers' tokens.
    pub tokens: Tokens,
    /// Where decisions put values together, emptied for each.
    pub arena: RefCell<Bump>,
    /// What it signs with.
    pub signing: Signing,
    /// Whose devices it is asked to know again.
    pub fingerprints: Fingerprints,
    /// What clients are, of those that were met.
    pub devices: Devices,
    /// Counters.
    pub counters: RefCell<Counters>,
    /// What a decision could not tell, until it is counted.
    pub faults: RefCell<FaultKeys>,
    /// What it decides besides.
    pub shadows: Shadows,
    /// The access log.
    pub log: Option<AccessLog>,
    tables: RefCell<EpochReader<Option<Tables>>>,
    random: Cell<u64>,
    turn: Cell<u32>,
    draining: Cell<bool>,
    connections: Cell<usize>,
    /// Connections beyond the limit that are being told so.
    shedding: Cell<usize>,
    requests: Cell<usize>,
    /// Tasks that wait for the next tick.
    waiting: RefCell<Vec<Waker>>,
    ticks: Cell<u64>,
    /// The wall clock as of the newest tick, in seconds since 1970.
    unix_s: Cell<u64>,
}

/// A request that a worker is busy with.
pub struct InFlight<E: Engine>(Rc<Worker<E>>);

impl<E: Engine> Drop for InFlight<E> {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get() - 1);
    }
}

impl<E: Engine> Worker<E> {
    /// Returns the newest tables, to be kept for as long as one request takes.
    #[inline]
    pub fn tables(&self) -> Rc<Pinned<Option<Tables>>> {
        Rc::clone(self.tables.borrow_mut().current())
    }

    /// Returns a random number (xorshift64*, Vigna 2016).
    #[inline]
    pub fn random(&self) -> u32 {
        let mut state = self.random.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.random.set(state);
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// Returns the next number of an even spread (Weyl's sequence): instances are taken in turn.
    #[inline]
    pub fn turn(&self) -> u32 {
        let turn = self.turn.get().wrapping_add(0x9E37_79B9);
        self.turn.set(turn);
        turn
    }

    /// Returns the wall clock in seconds since 1970, a tick old at most.
    #[inline]
    pub fn unix_s(&self) -> u64 {
        self.unix_s.get()
    }

    /// Counts a request as in flight for as long as the result lives.
    pub fn request(self: &Rc<Self>) -> InFlight<E> {
        self.requests.set(self.requests.get() + 1);
        InFlight(Rc::clone(self))
    }

    /// Writes `range` of `buffer`, all of it, in the way that costs least now.
    pub async fn write_all(
        &self,
        writer: &mut E::Writer,
        buffer: Vec<u8>,
        mut range: Range<usize>,
    ) -> (io::Result<()>, Vec<u8>) {
        if self.requests.get() <= DIRECT_WRITES_MAX {
            match writer.write_now(&buffer[range.clone()]) {
                Ok(bytes) if bytes == range.len() => return (Ok(()), buffer),
                Ok(bytes) => range.start += bytes,
                Err(error) => return (Err(error), buffer),
            }
        }
        writer.write_all(buffer, range).await
    }

    /// Returns whether another connection to an upstream may be made.
    #[inline]
    pub fn may_connect(&self) -> bool {
        self.open_sockets() < self.sockets
    }

    /// Returns how many sockets are open, without those that are being turned away.
    fn open_sockets(&self) -> usize {
        self.wheel.watched() - self.shedding.get()
    }

    /// Returns whether another caller may connect: the last eighth of the sockets is for upstreams.
    fn may_accept(&self) -> bool {
        let most = self.limits.connections.unwrap_or(usize::MAX);
        self.connections.get() < most && self.open_sockets() <= self.sockets - self.sockets / 8
    }

    /// Returns whether the worker is about to stop.
    #[inline]
    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    fn wake_waiting(&self) {
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }

    async fn next_tick(&self) {
        let until = self.ticks.get() + 1;
        poll_fn(|context| {
            // After a drain there may be no further tick.
            if self.ticks.get() >= until || self.is_draining() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
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

#[cfg(test)]
mod tests;
