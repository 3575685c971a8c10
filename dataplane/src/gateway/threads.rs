//! The threads of the workers: started, pinned, reached through a channel each, and started again.
//!
//! Owns what a worker is made of for as long as the process lives: its listening sockets and its end of the
//! channel. Invariants: a worker that dies of a panic is replaced, and its successor accepts what was waiting
//! at the same sockets (closing a SO_REUSEPORT socket resets its queue); one that dies again and again, or
//! that ends without a panic, ends the gateway.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crossbeam::channel::{Receiver, Sender, unbounded};
use halftone_core::{
    limits::{RESTARTS_MAX, RESTARTS_MS},
    signal::{geo::Databases, jwt::Issuers, keys::KeyRing, lists::IdLists, trust::Trusted},
    table::epoch::EpochCell,
};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::{
    options::{GatewayError, system},
    resources::duplicate,
};
use crate::{
    engine::probe::Choice,
    limits::Limits,
    publish::WorkerHandle,
    signing::Given,
    tables::Tables,
    tags::asker::Event,
    telemetry::log::LogWriter,
    worker::{self, Applied, Command, Start},
};

/// What all workers have in common.
pub(super) struct Common {
    pub(super) engine: Choice,
    pub(super) applied: Sender<Applied>,
    pub(super) tables: Arc<EpochCell<Option<Tables>>>,
    pub(super) trusted: Trusted,
    pub(super) limits: Limits,
    pub(super) keys: Arc<EpochCell<KeyRing>>,
    pub(super) fingerprint: bool,
    pub(super) asker: Sender<Event>,
    pub(super) databases: Arc<EpochCell<Databases>>,
    pub(super) lists: Arc<EpochCell<IdLists>>,
    pub(super) issuers: Arc<EpochCell<Issuers>>,
    /// Most sockets a worker may have open.
    pub(super) sockets: usize,
    /// Runs a worker to its end: [`run_worker`], unless a test wants it to fail.
    pub(super) run: fn(Choice, Start) -> io::Result<()>,
}

/// One worker, whichever thread it runs on.
struct Place {
    cpu: u32,
    listeners: Vec<OwnedFd>,
    woken: OwnedFd,
    commands: Receiver<Command>,
    thread: Option<JoinHandle<()>>,
    /// When the newest series of restarts began, and how many it has.
    restarts: (Instant, u32),
}

/// The workers.
pub(super) struct Workers {
    common: Common,
    places: Vec<Place>,
}

impl Workers {
    /// Starts a worker per CPU, each with its listening sockets.
    pub(super) fn start(
        common: Common,
        cpus: &[u32],
        sockets: Vec<Vec<OwnedFd>>,
        log: Option<&LogWriter>,
    ) -> Result<(Self, Vec<WorkerHandle>), GatewayError> {
        let mut workers = Self { common, places: Vec::with_capacity(cpus.len()) };
        let mut handles = Vec::with_capacity(cpus.len());
        for (id, (cpu, listeners)) in cpus.iter().zip(sockets).enumerate() {
            let (handle, woken, commands) = channel()?;
            let restarts = (Instant::now(), 0);
            let place = Place { cpu: *cpu, listeners, woken, commands, thread: None, restarts };
            workers.places.push(place);
            workers.spawn(id, log)?;
            handles.push(handle);
        }
        Ok((workers, handles))
    }

    /// Starts those again that died of a panic; returns how many.
    ///
    /// # Errors
    /// [`GatewayError::WorkerEnded`] when one ended otherwise, or died too often.
    pub(super) fn revive(&mut self, log: Option<&LogWriter>) -> Result<u64, GatewayError> {
        let mut revived = 0;
        for id in 0..self.places.len() {
            let place = &mut self.places[id];
            let Some(thread) = place.thread.take_if(|thread| thread.is_finished()) else {
                continue;
            };
            if place.restarts.0.elapsed() > Duration::from_millis(RESTARTS_MS) {
                place.restarts = (Instant::now(), 0);
            }
            place.restarts.1 += 1;
            if thread.join().is_ok() || place.restarts.1 > RESTARTS_MAX {
                return Err(GatewayError::WorkerEnded(id));
            }
            tracing::error!(
                worker = id,
                "A worker died of a panic and is started again; please report the lines above."
            );
            self.spawn(id, log)?;
            revived += 1;
        }
        Ok(revived)
    }

    /// Returns whether all have ended.
    pub(super) fn have_ended(&self) -> bool {
        self.places.iter().all(|place| place.thread.as_ref().is_none_or(JoinHandle::is_finished))
    }

    fn spawn(&mut self, id: usize, log: Option<&LogWriter>) -> Result<(), GatewayError> {
        let (common, place) = (&self.common, &mut self.places[id]);
        let start = Start {
            id: u32::try_from(id).unwrap_or(u32::MAX),
            listeners: duplicate(&place.listeners)?,
            wake: place.woken.try_clone().map_err(system("a wake-up channel cannot be made"))?,
            commands: place.commands.clone(),
            applied: common.applied.clone(),
            tables: Arc::clone(&common.tables),
            trusted: common.trusted.clone(),
            limits: common.limits,
            sockets: common.sockets,
            asker: Some(common.asker.clone()),
            databases: Arc::clone(&common.databases),
            lists: Arc::clone(&common.lists),
            issuers: Arc::clone(&common.issuers),
            log: log.map(|log| log.handle(Instant::now())),
            seed: seed(id),
            signing: Given { keys: Arc::clone(&common.keys), seed: unit_seed()? },
            fingerprint: common.fingerprint,
        };
        place.thread = Some(spawn(common, place.cpu, start)?);
        Ok(())
    }
}

type Wake = (WorkerHandle, OwnedFd, Receiver<Command>);

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

/// Draws what units are drawn from; waits, early in boot, until the system can.
fn unit_seed() -> Result<[u8; 32], GatewayError> {
    let mut seed = [0; 32];
    let drawn = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| system("no random numbers can be drawn")(error.into()))?;
    // Up to 256 bytes come whole (getrandom(2)).
    debug_assert_eq!(drawn, seed.len());
    Ok(seed)
}

fn spawn(common: &Common, cpu: u32, start: Start) -> Result<JoinHandle<()>, GatewayError> {
    let (id, choice, run) = (start.id, common.engine, common.run);
    let main = move || {
        let mut set = CpuSet::new();
        set.set(cpu as usize);
        if let Err(error) = sched_setaffinity(None, &set) {
            tracing::warn!(worker = id, cpu, %error, "The worker could not be pinned to its CPU.");
        }
        if let Err(error) = run(choice, start) {
            tracing::error!(worker = id, %error, "The worker's event loop cannot be built.");
        }
    };
    thread::Builder::new()
        .name(format!("worker-{id}"))
        .spawn(main)
        .map_err(system("a worker cannot be started"))
}

/// Runs a worker on the engine that was chosen.
pub(super) fn run_worker(choice: Choice, start: Start) -> io::Result<()> {
    match choice {
        Choice::IoUring(flags) => {
            crate::engine::monoio::block_on(Some(flags), |engine| worker::run(engine, start))
        }
        Choice::Epoll => crate::engine::monoio::block_on(None, |engine| worker::run(engine, start)),
        Choice::Glommio => crate::engine::glommio::block_on(|engine| worker::run(engine, start)),
    }
}

#[cfg(test)]
mod tests;
