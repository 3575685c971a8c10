//! Upstream connections: kept between requests, made when there is none.
//!
//! Owns the pools (one set per worker, nothing shared) and the order in which instances are tried.
//! Does not speak HTTP and does not choose a variant.
//!
//! Invariants:
//! - last in, first out, so that the connections least needed grow old and are closed;
//! - a kept connection is used only while it is open and silent (one system call, as nginx pays one);
//! - one that was not used for its time is closed, also when nobody asks for it again;
//! - an instance that refuses is followed by the next of its variant, never of another.

use std::{
    cell::RefCell,
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd as _,
    rc::Rc,
};

use ahash::AHashMap;
use halftone_core::{
    limits::CONNECT_ATTEMPTS_MAX,
    table::{ArchivedAddressRow, ArchivedInstanceRow, ArchivedInstanceSet},
};

use crate::{
    engine::{Engine, Halves},
    io::{
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

/// A worker's idle upstream connections.
pub struct Pools<E: Engine> {
    sockets: RefCell<AHashMap<SocketAddr, Vec<Stream<E>>>>,
    unix: RefCell<AHashMap<String, Vec<Stream<E>>>>,
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
        Self { sockets: RefCell::default(), unix: RefCell::default(), idle_ms, most }
    }

    fn take(&self, place: Place<'_>) -> Option<Stream<E>> {
        let mut sockets = self.sockets.borrow_mut();
        let mut unix = self.unix.borrow_mut();
        let idle = match place {
            Place::Socket(address) => sockets.get_mut(&address),
            Place::Unix(path) => unix.get_mut(path),
        }?;
        std::iter::from_fn(|| idle.pop()).find(|stream| !stream.deadline.has_passed())
    }

    /// Closes the connections whose time is over, and forgets places that have none.
    pub fn sweep(&self) {
        fn keep<E: Engine, K>(idle: &mut AHashMap<K, Vec<Stream<E>>>) {
            idle.retain(|_, idle| {
                idle.retain(|stream| !stream.deadline.has_passed());
                !idle.is_empty()
            });
        }
        keep(&mut self.sockets.borrow_mut());
        keep(&mut self.unix.borrow_mut());
    }

    /// Keeps `stream`, a connection to `place` with nothing left to read, for a later request.
    pub fn put(&self, place: Place<'_>, stream: Stream<E>) {
        stream.deadline.cap(u64::MAX);
        stream.deadline.arm(self.idle_ms, End::Both);
        let keep = |idle: &mut Vec<Stream<E>>, stream| {
            if idle.len() < self.most {
                idle.push(stream);
            }
        };
        match place {
            Place::Socket(address) => {
                keep(self.sockets.borrow_mut().entry(address).or_default(), stream)
            }
            Place::Unix(path) => {
                let mut unix = self.unix.borrow_mut();
                match unix.get_mut(path) {
                    Some(idle) => keep(idle, stream),
                    None => keep(unix.entry(path.to_owned()).or_default(), stream),
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
    pub stream: Stream<E>,
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
        let kept = if freshness == Freshness::New { None } else { pooled(&worker.pools, row) };
        if let Some((stream, place)) = kept {
            return Ok(Acquired { stream, place, instance, reused: true });
        }
        for address in row.addresses.iter() {
            let place = place_of(address);
            if worker.wheel.has_reached(bounds.until) {
                return Err(ProxyError::upstream(Kind::ConnectTimeout));
            }
            match connect(worker, bounds, place).await {
                Ok(stream) => return Ok(Acquired { stream, place, instance, reused: false }),
                Err(error) => failure = error,
            }
        }
    }
    Err(failure)
}

/// Takes a kept connection that is open and silent. Bytes that came between two requests belong to no
/// request: the next caller would get them for its answer.
fn pooled<'t, E: Engine>(
    pools: &Pools<E>,
    row: &'t ArchivedInstanceRow,
) -> Option<(Stream<E>, Place<'t>)> {
    row.addresses.iter().map(place_of).find_map(|place| {
        let quiet = std::iter::from_fn(|| pools.take(place)).find(|kept| kept.deadline.is_quiet());
        quiet.map(|stream| (stream, place))
    })
}

async fn connect<E: Engine>(
    worker: &Worker<E>,
    bounds: &Bounds,
    place: Place<'_>,
) -> Result<Stream<E>, ProxyError> {
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
    Ok(Stream { deadline, reader, writer })
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
