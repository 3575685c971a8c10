//! A worker: one pinned thread, its engine, and everything it owns.
//!
//! Owns what the tasks of a worker share, and its tables. What it is asked is [`command`]'s, its loop [`life`]'s; [`accept`]
//! takes connections. Shares nothing with other workers on the request path but read-only tables. Invariant: the worker never
//! reads the clock for a deadline; the gateway's ticker sends it a byte per tick.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    ops::Range,
    rc::Rc,
    task::{Poll, Waker},
};

use bumpalo::Bump;
use halftone_core::{
    http::HeadLimits,
    limits::DIRECT_WRITES_MAX,
    signal::{device::cache::Devices, trust::Trusted},
    table::epoch::{Pinned, Reader as EpochReader},
};

use crate::{
    conn::slot::Slots,
    engine::{Engine, Writer as _},
    fingerprint::Fingerprints,
    geo::Regions,
    io::{buffers::Buffers, deadline::Wheel, splice::Pipes},
    jwt::Tokens,
    limits::Limits,
    lists::Lists,
    shadow::Shadows,
    signing::Signing,
    tables::Tables,
    tags::Lookups,
    telemetry::{counters::Counters, faults::FaultKeys, log::AccessLog},
    upstream::Pools,
};

mod accept;
mod command;
mod explaining;
mod life;
mod ticking;

pub use command::{Applied, Command, TICK, WAKE};
pub use life::{Start, run};

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

#[cfg(test)]
mod tests;
