//! Upstream connections: kept between requests, made when there is none.
//!
//! Owns the pools (one set per worker, nothing shared) and the order in which instances are tried.
//! Does not speak HTTP and does not choose a variant.
//!
//! Invariants:
//! - last in, first out, so that the connections least needed grow old and are closed;
//! - a kept connection is used only while it is open and silent: it listens meanwhile, or is asked (decision 0005);
//! - one that listens is let go of, not dropped: its read ends first;
//! - one that was not used for its time is closed, also when nobody asks for it again;
//! - an instance that refuses is followed by the next of its variant, never of another.

mod intake;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd as _,
    rc::Rc,
    task::Poll,
};

use ahash::{AHashMap, RandomState};
use halftone_core::{
    limits::{CONNECT_ATTEMPTS_MAX, HEADROOM_BYTES},
    table::{ArchivedAddressRow, ArchivedInstanceRow, ArchivedInstanceSet},
};

use crate::{
    engine::{Engine, Halves},
    io::{
        buffers::Buffers,
        connect::{Place, dial},
        deadline::{Deadline, End, Wheel},
    },
    limits::Limits,
    proxy::{
        Bounds,
        error::{Kind, ProxyError},
    },
    tables::choose,
    worker::Worker,
};
pub use intake::Intake;

/// A connected stream with its deadline.
pub struct Stream<E: Engine> {
    /// Ends the stream when it passes. First, so that it is dropped before the halves.
    pub deadline: Deadline,
    /// Reads.
    pub reader: E::Reader,
    /// Writes.
    pub writer: E::Writer,
}

impl<E: Engine> Stream<E> {
    /// Puts `halves` under the deadlines of `wheel`.
    pub fn new(halves: Halves<E>, wheel: &Rc<Wheel>) -> Self {
        Self { deadline: wheel.watch(halves.fd), reader: halves.reader, writer: halves.writer }
    }
}

/// A connection to an instance.
pub struct Connection<E: Engine> {
    /// Ends the connection when it passes. First, so that it is dropped before the halves.
    pub deadline: Deadline,
    /// Reads, and listens while it is kept.
    pub intake: Intake<E>,
    /// Writes.
    pub writer: E::Writer,
}

impl<E: Engine> Connection<E> {
    /// Returns whether it is open and nothing has arrived on it: bytes that came between two requests belong to no
    /// request, and the next caller would get them for its answer.
    fn is_quiet(&mut self, buffers: &Buffers) -> bool {
        if self.deadline.has_passed() {
            return false;
        }
        if !self.intake.is_listening() {
            return self.deadline.is_quiet();
        }
        match self.intake.hear_now() {
            Poll::Pending => true,
            Poll::Ready((_, buffer)) => {
                buffers.heard(buffer);
                false
            }
        }
    }

    /// Begins to listen, if it may; returns whether nothing has been heard by now.
    fn listen(&mut self, buffers: &Buffers) -> bool {
        let Some(mut buffer) = buffers.listen().filter(|_| E::LISTENS) else { return true };
        buffer.resize(HEADROOM_BYTES, 0);
        match self.intake.listen(buffer) {
            Poll::Pending => true,
            Poll::Ready((_, buffer)) => {
                buffers.heard(buffer);
                false
            }
        }
    }
}

/// A worker's idle upstream connections.
pub struct Pools<E: Engine> {
    sockets: RefCell<AHashMap<SocketAddr, Vec<Connection<E>>>>,
    unix: RefCell<BTreeMap<String, Vec<Connection<E>>>>,
    /// Those that will not be used again, until their read has ended.
    leaving: RefCell<Vec<Connection<E>>>,
    /// How long a connection is kept without a request, milliseconds.
    idle_ms: u64,
    /// Most connections kept to one place.
    most: usize,
}

impl<E: Engine> Pools<E> {
    /// Returns pools that keep as much as `limits` allow.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let (idle_ms, most) = (limits.pool_idle_ms, limits.pool_connections);
        // Addresses come from the operator. In one order, so that a run can be repeated.
        let sockets = RefCell::new(AHashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4)));
        Self { sockets, unix: RefCell::default(), leaving: RefCell::default(), idle_ms, most }
    }

    /// Takes a kept connection to `place` that is open and silent.
    fn take(&self, place: Place<'_>, buffers: &Buffers) -> Option<Connection<E>> {
        let mut sockets = self.sockets.borrow_mut();
        let mut unix = self.unix.borrow_mut();
        let idle = match place {
            Place::Socket(address) => sockets.get_mut(&address),
            Place::Unix(path) => unix.get_mut(path),
        }?;
        while let Some(mut connection) = idle.pop() {
            if connection.is_quiet(buffers) {
                return Some(connection);
            }
            self.let_go(connection);
        }
        None
    }

    /// Closes a connection that will not be used again.
    pub fn let_go(&self, connection: Connection<E>) {
        if connection.intake.is_listening() {
            connection.deadline.end_now(End::Both);
            self.leaving.borrow_mut().push(connection);
        }
    }

    /// Closes the connections whose time is over or that were closed, and forgets places that have none.
    pub fn sweep(&self, buffers: &Buffers) {
        self.retain(|connection| connection.is_quiet(buffers));
        self.leaving.borrow_mut().retain_mut(|connection| match connection.intake.hear_now() {
            Poll::Pending => true,
            Poll::Ready((_, buffer)) => {
                buffers.heard(buffer);
                false
            }
        });
    }

    /// Closes all, and waits until nothing of them is in flight.
    pub async fn close(&self) {
        self.retain(|_| false);
        let ended = poll_fn(|context| {
            let mut leaving = self.leaving.borrow_mut();
            leaving.retain_mut(|connection| connection.intake.poll(context).is_pending());
            if leaving.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        ended.await;
    }

    fn retain(&self, mut keep: impl FnMut(&mut Connection<E>) -> bool) {
        let mut of_place = |idle: &mut Vec<Connection<E>>| {
            idle.extract_if(.., |connection| !keep(connection))
                .for_each(|connection| self.let_go(connection));
            !idle.is_empty()
        };
        self.sockets.borrow_mut().retain(|_, idle| of_place(idle));
        self.unix.borrow_mut().retain(|_, idle| of_place(idle));
    }

    /// Keeps `connection`, one to `place` with nothing left to read, for a later request.
    pub fn put(&self, place: Place<'_>, mut connection: Connection<E>, buffers: &Buffers) {
        connection.deadline.cap(u64::MAX);
        connection.deadline.arm(self.idle_ms, End::Both);
        let keep = |idle: &mut Vec<Connection<E>>| {
            if idle.len() < self.most && connection.listen(buffers) {
                idle.push(connection);
            }
        };
        match place {
            Place::Socket(address) => keep(self.sockets.borrow_mut().entry(address).or_default()),
            Place::Unix(path) => {
                let mut unix = self.unix.borrow_mut();
                match unix.get_mut(path) {
                    Some(idle) => keep(idle),
                    None => keep(unix.entry(path.to_owned()).or_default()),
                }
            }
        }
    }
}

/// How a connection for a request may be come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Kept from before or new.
    Any,
    /// A new one: a kept one has just turned out closed.
    New,
}

/// A connection for one request.
pub struct Acquired<'t, E: Engine> {
    /// The connection.
    pub connection: Connection<E>,
    /// Where it goes.
    pub place: Place<'t>,
    /// The instance's row in its set.
    pub instance: usize,
    /// Whether it has carried a request before.
    pub reused: bool,
}

/// Finds or makes a connection to an instance of `set`, beginning with the one `turn` falls on.
///
/// # Errors
/// The last [`ProxyError`] of the instances tried.
pub async fn acquire<'t, E: Engine>(
    worker: &Worker<E>,
    bounds: &Bounds,
    set: &'t ArchivedInstanceSet,
    turn: u32,
    freshness: Freshness,
) -> Result<Acquired<'t, E>, ProxyError> {
    let (first, _) = choose(set, turn).ok_or(ProxyError::internal(Kind::NoInstance))?;
    let mut failure = ProxyError::internal(Kind::NoInstance);
    for attempt in 0..set.instances.len().min(CONNECT_ATTEMPTS_MAX) {
        let instance = (first + attempt) % set.instances.len();
        let row = &set.instances[instance];
        let kept = if freshness == Freshness::New { None } else { pooled(worker, row) };
        if let Some((connection, place)) = kept {
            return Ok(Acquired { connection, place, instance, reused: true });
        }
        for address in row.addresses.iter() {
            let place = place_of(address);
            if worker.wheel.has_reached(bounds.until) {
                return Err(ProxyError::upstream(Kind::ConnectTimeout));
            }
            match connect(worker, bounds, place).await {
                Ok(connection) => {
                    return Ok(Acquired { connection, place, instance, reused: false });
                }
                Err(error) => failure = error,
            }
        }
    }
    Err(failure)
}

/// Takes a kept connection to one of the addresses.
fn pooled<'t, E: Engine>(
    worker: &Worker<E>,
    row: &'t ArchivedInstanceRow,
) -> Option<(Connection<E>, Place<'t>)> {
    row.addresses.iter().map(place_of).find_map(|place| {
        let kept = worker.pools.take(place, &worker.buffers);
        kept.map(|connection| (connection, place))
    })
}

async fn connect<E: Engine>(
    worker: &Worker<E>,
    bounds: &Bounds,
    place: Place<'_>,
) -> Result<Connection<E>, ProxyError> {
    let failed = |error: &std::io::Error| ProxyError::upstream(Kind::of_connect(error));
    if !worker.may_connect() {
        return Err(ProxyError::internal(Kind::TooManyConnections));
    }
    let socket = dial(place).map_err(|error| failed(&error))?;
    // The engine owns the socket from here on: if it fails, both end in the same poll, and the wheel
    // cannot turn in between.
    let deadline = worker.wheel.watch(socket.as_raw_fd());
    deadline.cap(bounds.until);
    deadline.arm(bounds.connect_ms, End::Both);
    let adopted = worker.engine.adopt_connecting(socket).await;
    if deadline.has_passed() {
        return Err(ProxyError::upstream(Kind::ConnectTimeout));
    }
    let Halves { reader, writer, .. } = adopted.map_err(|error| failed(&error))?;
    deadline.connected().map_err(|error| failed(&error))?;
    Ok(Connection { deadline, intake: Intake::new(reader), writer })
}

fn place_of(address: &ArchivedAddressRow) -> Place<'_> {
    match address {
        ArchivedAddressRow::V4(ip, port) => {
            Place::Socket((IpAddr::from(*ip), port.to_native()).into())
        }
        ArchivedAddressRow::V6(ip, port) => {
            Place::Socket((IpAddr::from(*ip), port.to_native()).into())
        }
        ArchivedAddressRow::Unix(path) => Place::Unix(path),
    }
}
