//! Names become socket addresses.
//!
//! Owns what each name in use resolved to last. Does not decide which names are in use
//! ([`crate::publish`] does) and does not connect.
//!
//! Invariants:
//! - a name that once resolved keeps its last good addresses while it fails;
//! - the same addresses in another order are no change: round-robin DNS republishes nothing;
//! - a resolver that hangs delays the first publish of a new name by [`PATIENCE`] at most, and holds
//!   at most [`LOOKUPS_MAX`] threads.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use halftone_core::{limits::ADDRESSES_MAX, policy::Address, table::AddressRow};
use tokio::{
    sync::{Semaphore, watch},
    time,
};

/// How often every name is looked up again.
const REFRESH: Duration = Duration::from_secs(10);
/// How long a publish waits for names it has not seen before.
const PATIENCE: Duration = Duration::from_millis(500);
/// Lookups at the same time; the rest of the blocking threads belongs to the store.
const LOOKUPS_MAX: usize = 16;

/// A host name and a port.
pub(crate) type Name = (String, u16);

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks names up and remembers the answers.
pub(crate) struct Resolver {
    lookup: Box<Lookup>,
    known: Mutex<BTreeMap<Name, Entry>>,
    changed: watch::Sender<u64>,
    slots: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Entry {
    rows: Vec<AddressRow>,
    problem: Option<String>,
    asking: bool,
}

impl Resolver {
    /// Resolves by the system's resolver.
    #[must_use]
    pub(crate) fn system() -> Arc<Self> {
        Self::new(|name, port| Ok((name, port).to_socket_addrs()?.collect()))
    }

    /// Resolves by `lookup`, which may block.
    #[must_use]
    pub(crate) fn new(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            lookup: Box::new(lookup),
            known: Mutex::default(),
            changed: watch::channel(0).0,
            slots: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        })
    }

    /// Tells when an answer changed.
    #[must_use]
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Makes `names` the names in use: others are forgotten, new ones are looked up and waited for,
    /// for a while.
    pub(crate) async fn want(self: &Arc<Self>, names: &BTreeSet<Name>) {
        let new: Vec<Name> = {
            let mut known = self.known();
            known.retain(|name, _| names.contains(name));
            names.iter().filter(|name| !known.contains_key(*name)).cloned().collect()
        };
        let lookups: Vec<_> = new.into_iter().filter_map(|name| self.ask(name)).collect();
        let all = async {
            for lookup in lookups {
                let _ = lookup.await;
            }
        };
        // Whatever takes longer goes on, and tells by `changes`.
        let _ = time::timeout(PATIENCE, all).await;
    }

    /// Returns where `address` is; nothing while a name has not been resolved.
    #[must_use]
    pub(crate) fn rows(&self, address: &Address) -> Vec<AddressRow> {
        match address {
            Address::Socket(address) => vec![row(*address)],
            Address::Unix(path) => vec![AddressRow::Unix(path.clone())],
            Address::Name(name, port) => {
                let known = self.known();
                known
                    .get(&(name.clone(), *port))
                    .map(|entry| entry.rows.clone())
                    .unwrap_or_default()
            }
        }
    }

    /// Returns why `address` is not where it should be, for people: its name does not resolve, or has not yet.
    #[must_use]
    pub(crate) fn problem(&self, address: &Address) -> Option<String> {
        let Address::Name(name, port) = address else { return None };
        let known = self.known();
        let Entry { rows, problem, .. } = known.get(&(name.clone(), *port))?;
        match (rows.is_empty(), problem) {
            (false, None) => None,
            (false, Some(problem)) => Some(format!(
                "the name {name:?} does not resolve: {problem}; the addresses it had serve on"
            )),
            (true, Some(problem)) => Some(format!(
                "the name {name:?} does not resolve: {problem}; nothing is sent there until it does"
            )),
            (true, None) => Some(format!(
                "the name {name:?} is not resolved yet; nothing is sent there until it is"
            )),
        }
    }

    /// Looks every name in use up again and again.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            time::sleep(REFRESH).await;
            self.refresh();
        }
    }

    /// Starts to look every name in use up again, except those being looked up.
    fn refresh(self: &Arc<Self>) {
        let names: Vec<Name> = self.known().keys().cloned().collect();
        for name in names {
            drop(self.ask(name));
        }
    }

    fn ask(self: &Arc<Self>, name: Name) -> Option<tokio::task::JoinHandle<()>> {
        let mut known = self.known();
        let entry = known.entry(name.clone()).or_default();
        if std::mem::replace(&mut entry.asking, true) {
            return None;
        }
        let resolver = Arc::clone(self);
        Some(tokio::spawn(async move {
            let _slot = Arc::clone(&resolver.slots).acquire_owned().await;
            let (asked, (host, port)) = (Arc::clone(&resolver), name.clone());
            let answer = tokio::task::spawn_blocking(move || (asked.lookup)(&host, port)).await;
            let answer = answer.unwrap_or_else(|error| Err(io::Error::other(error)));
            resolver.answered(&name, answer);
        }))
    }

    fn answered(&self, name: &Name, answer: io::Result<Vec<SocketAddr>>) {
        let mut known = self.known();
        let Some(entry) = known.get_mut(name) else { return };
        entry.asking = false;
        let answer = answer.map_err(|error| error.to_string()).and_then(|addresses| {
            let rows = rows_in_order(&addresses);
            if rows.is_empty() { Err("it has no address".to_owned()) } else { Ok(rows) }
        });
        let changed = match answer {
            Ok(rows) => {
                if entry.problem.take().is_some() {
                    tracing::info!(name = %name.0, "the name resolves again");
                }
                let same = as_set(&rows) == as_set(&entry.rows);
                if !same {
                    entry.rows = rows;
                }
                !same
            }
            Err(problem) => {
                if entry.problem.as_ref() != Some(&problem) {
                    let kept = entry.rows.len();
                    tracing::warn!(name = %name.0, error = %problem, kept, "the name does not resolve; its last addresses are kept");
                }
                entry.problem = Some(problem);
                false
            }
        };
        drop(known);
        if changed {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Name, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// IPv4 before IPv6, each in the order given, none twice, as many as are served.
fn rows_in_order(addresses: &[SocketAddr]) -> Vec<AddressRow> {
    let v4 = addresses.iter().filter(|address| address.is_ipv4());
    let v6 = addresses.iter().filter(|address| address.is_ipv6());
    let mut seen = BTreeSet::new();
    let unique = v4.chain(v6).copied().filter(|address| seen.insert(*address));
    unique.take(ADDRESSES_MAX).map(row).collect()
}

fn row(address: SocketAddr) -> AddressRow {
    match address {
        SocketAddr::V4(address) => AddressRow::V4(address.ip().octets(), address.port()),
        SocketAddr::V6(address) => AddressRow::V6(address.ip().octets(), address.port()),
    }
}

fn as_set(rows: &[AddressRow]) -> std::collections::HashSet<&AddressRow> {
    rows.iter().collect()
}

#[cfg(test)]
mod tests;
