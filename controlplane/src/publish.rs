//! The newest state becomes tables.
//!
//! Owns the choice of bundles (the stored ones, or the implicit one), the compiled tables of the
//! newest state, and their memory files. Does not send them ([`crate::link`]). Life of a change:
//! after it is durable, before gateways see it.
//!
//! Invariants:
//! - a table whose body did not change is not made again: an instance change leaves the rules, and
//!   their revision, alone;
//! - what cannot be compiled is shown as a problem, and the last good tables stay published;
//! - a flood of changes is compiled as often as there is time, and the newest state always.

use std::{collections::BTreeSet, fmt, sync::Arc};

use halftone_core::{
    compile::{CompileError, compile_instances, compile_rules},
    policy::{Address, Bundle, Instance, digest, implicit_bundle},
    table::{
        AddressRow, Table, TableKind,
        archive::{Archive, ArchiveError, HEADER_BYTES, fingerprint},
    },
};
use halftone_link::{SealedError, SealedTable};
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    resolve::{Name, Resolver},
    state::{Snapshot, State},
};

/// Why the newest state could not be published.
#[derive(Debug, Error)]
pub(crate) enum PublishError {
    /// A stored bundle is none of this build's.
    #[error("{0}")]
    Stored(String),
    /// The bundles do not make a table.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The table could not be served.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The table could not be put into a memory file.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// Compiling panicked.
    #[error("compiling ended unexpectedly: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

/// A table, ready to be sent.
pub(crate) struct ReadyTable {
    /// Which table.
    pub(crate) kind: TableKind,
    /// The revision it was compiled as.
    pub(crate) revision: u64,
    /// What it was made from, for people.
    pub(crate) digest: String,
    /// The table.
    pub(crate) file: SealedTable,
    body: u64,
}

impl fmt::Debug for ReadyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} ({})", self.kind, self.revision, self.digest)
    }
}

/// Both tables of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// The rules.
    pub(crate) rules: Arc<ReadyTable>,
    /// The instances.
    pub(crate) instances: Arc<ReadyTable>,
}

impl Tables {
    /// Returns whether these are the very same tables.
    #[must_use]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rules, &other.rules) && Arc::ptr_eq(&self.instances, &other.instances)
    }
}

/// What is published.
#[derive(Clone, Debug, Default)]
pub(crate) struct Publication {
    /// The newest change that was compiled, or could not be; nothing before the first.
    pub(crate) change: Option<u64>,
    /// The tables of the newest state that could be compiled.
    pub(crate) tables: Option<Tables>,
    /// Why the newest state could not be.
    pub(crate) problem: Option<String>,
    /// How often tables were made that differ from those before.
    pub(crate) count: u64,
}

/// What is published, now and later.
pub(crate) type Publications = watch::Receiver<Publication>;

/// Starts to publish `state`, now and whenever it or a name in it changes; `upstream` is stable in
/// the implicit bundle where no instance is.
#[must_use]
pub(crate) fn start(
    state: Arc<State>,
    resolver: Arc<Resolver>,
    upstream: Option<Address>,
) -> Publications {
    let (sender, publications) = watch::channel(Publication::default());
    tokio::spawn(Arc::clone(&resolver).run());
    tokio::spawn(publish(state, resolver, upstream, sender));
    publications
}

async fn publish(
    state: Arc<State>,
    resolver: Arc<Resolver>,
    upstream: Option<Address>,
    sender: watch::Sender<Publication>,
) {
    let (mut changes, mut resolved) = (state.changes(), resolver.changes());
    loop {
        changes.mark_unchanged();
        resolved.mark_unchanged();
        let snapshot = state.snapshot();
        let change = snapshot.counters.change;
        let source = Source::choose(snapshot, upstream.as_ref());
        if let Ok(source) = &source {
            resolver.want(&source.names()).await;
        }
        let (last, names) = (sender.borrow().tables.clone(), Arc::clone(&resolver));
        let made = tokio::task::spawn_blocking(move || {
            source?.compile(last.as_ref(), &|address| names.rows(address))
        });
        let made = made.await.unwrap_or_else(|error| Err(error.into()));
        sender.send_modify(|publication| publication.take(change, made));
        let more = tokio::select! {
            more = changes.changed() => more,
            more = resolved.changed() => more,
        };
        if more.is_err() {
            return;
        }
    }
}

impl Publication {
    fn take(&mut self, change: u64, made: Result<Tables, PublishError>) {
        self.change = Some(change);
        match made {
            Ok(tables) => {
                if self.problem.take().is_some() {
                    tracing::info!(change, "the state can be published again");
                }
                self.count += u64::from(!self.tables.as_ref().is_some_and(|last| last.is(&tables)));
                self.tables = Some(tables);
            }
            Err(error) => {
                let problem = error.to_string();
                if self.problem.as_ref() != Some(&problem) {
                    tracing::error!(change, %error, "the state cannot be published; gateways keep what they serve");
                }
                self.problem = Some(problem);
            }
        }
    }
}

/// What tables are compiled from.
struct Source {
    snapshot: Snapshot,
    /// Oldest tenant first, with digests.
    bundles: Vec<(Arc<Bundle>, String)>,
}

impl Source {
    /// Takes the stored bundles, or the implicit one when none is stored.
    fn choose(mut snapshot: Snapshot, upstream: Option<&Address>) -> Result<Self, PublishError> {
        let stored = std::mem::replace(&mut snapshot.bundles, Ok(Vec::new()));
        let mut bundles = stored.map_err(PublishError::Stored)?;
        if bundles.is_empty() {
            let upstream = upstream.map(Address::to_string);
            let implicit = implicit_bundle(&snapshot.instances, upstream.as_deref());
            let digest = digest(&implicit);
            bundles.push((Arc::new(implicit), digest));
        }
        Ok(Self { snapshot, bundles })
    }

    /// Returns every name that has to be resolved.
    fn names(&self) -> BTreeSet<Name> {
        let registered = self.snapshot.instances.iter().map(|instance: &Instance| &instance.addr);
        let upstreams = self.bundles.iter().flat_map(|(bundle, _)| bundle.upstreams.values());
        let fixed = upstreams.flat_map(|upstream| upstream.variants.values());
        let addresses = registered.chain(fixed.flat_map(|variant| &variant.addresses));
        let name = |address: &String| match Address::parse(address) {
            Some(Address::Name(name, port)) => Some((name, port)),
            _ => None,
        };
        addresses.filter_map(name).collect()
    }

    fn compile(
        &self,
        last: Option<&Tables>,
        resolve: &dyn Fn(&Address) -> Vec<AddressRow>,
    ) -> Result<Tables, PublishError> {
        let bundles: Vec<&Bundle> = self.bundles.iter().map(|(bundle, _)| &**bundle).collect();
        let counters = self.snapshot.counters;
        let rules = compile_rules(&bundles, &self.snapshot.allocations)?;
        let instances = compile_instances(&bundles, &self.snapshot.serving, resolve);
        let digest = match self.bundles.as_slice() {
            [(_, digest)] => Some(digest.clone()),
            _ => None,
        };
        Ok(Tables {
            rules: ready(&rules, counters.revision, digest, last.map(|last| &last.rules))?,
            instances: ready(&instances, counters.change, None, last.map(|last| &last.instances))?,
        })
    }
}

/// Archives `table`, unless its body is that of `last`. Without a `digest` its fingerprint is given.
fn ready<T: Table>(
    table: &T,
    revision: u64,
    digest: Option<String>,
    last: Option<&Arc<ReadyTable>>,
) -> Result<Arc<ReadyTable>, PublishError> {
    let archive = Archive::build(table, revision)?;
    let body = fingerprint(&archive.bytes()[HEADER_BYTES..]);
    if let Some(last) = last.filter(|last| last.body == body) {
        return Ok(Arc::clone(last));
    }
    let file = SealedTable::create(archive.bytes())?;
    let digest = digest.unwrap_or_else(|| format!("xxh3:{body:016x}"));
    Ok(Arc::new(ReadyTable { kind: T::KIND, revision, digest, file, body }))
}

#[cfg(test)]
mod tests;
