//! The newest state becomes tables.
//!
//! Owns the choice of bundles (the stored ones, or the implicit one), and the compiled tables of the
//! newest state. Does not send them ([`crate::link`]). Life of a change: after it is durable, before
//! gateways see it.
//!
//! Invariants:
//! - a table is compiled again only when something it is made of changed: ranges that move are laid over
//!   the rules that were compiled before (`table`);
//! - a table whose body did not change is not made again: an instance change leaves the rules, and
//!   their revision, alone;
//! - what cannot be compiled is shown as a problem, and the last good tables stay published;
//! - a flood of changes is compiled as often as there is time, and the newest state always.

mod table;

use std::{collections::BTreeSet, sync::Arc};

use halftone_core::{
    compile::{CompileError, compile_instances},
    policy::{Address, Bundle, Instance, digest, implicit_bundle},
    table::{AddressRow, archive::ArchiveError},
};
use halftone_link::SealedError;
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    resolve::{Name, Resolver},
    rules::{Rules, RulesError},
    stages::Stages,
    state::{Snapshot, State},
};
pub(crate) use table::{ReadyTable, WholeTable};

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
    /// The bundles do not make rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Compiling panicked.
    #[error("compiling ended unexpectedly: {0}")]
    Ended(#[from] tokio::task::JoinError),
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
    let mut last: Option<Arc<Compiled>> = None;
    loop {
        changes.mark_unchanged();
        let answers = *resolved.borrow_and_update();
        let snapshot = state.snapshot();
        let change = snapshot.counters.change;
        let source = Source::choose(snapshot, answers, upstream.as_ref());
        if let Ok(source) = source.as_ref()
            && !last.as_ref().is_some_and(|last| last.has_names_of(source))
        {
            resolver.want(&source.names()).await;
        }
        let (before, names) = (last.clone(), Arc::clone(&resolver));
        let made = tokio::task::spawn_blocking(move || {
            source?.compile(before.as_deref(), &|address| names.rows(address))
        });
        let made = made.await.unwrap_or_else(|error| Err(error.into()));
        let before = last.clone();
        let tables = made.map(|compiled| last.insert(Arc::new(compiled)).tables.clone());
        sender.send_modify(|publication| publication.take(change, tables));
        // Many small pieces of memory: nobody is to wait until they are given back.
        tokio::task::spawn_blocking(move || drop(before));
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
    /// Counts the answers of the resolver that changed.
    answers: u64,
}

/// What was compiled, and from what.
struct Compiled {
    bundles: Vec<Arc<Bundle>>,
    /// The version of the registry.
    registry: u64,
    answers: u64,
    tables: Tables,
}

impl Compiled {
    fn has_bundles_of(&self, source: &Source) -> bool {
        self.bundles.len() == source.bundles.len()
            && self.bundles.iter().zip(&source.bundles).all(|(a, (b, _))| Arc::ptr_eq(a, b))
    }

    fn has_upstreams_of(&self, source: &Source) -> bool {
        let same = |a: &Bundle, b: &Bundle| a.metadata == b.metadata && a.upstreams == b.upstreams;
        self.bundles.len() == source.bundles.len()
            && self
                .bundles
                .iter()
                .zip(&source.bundles)
                .all(|(a, (b, _))| Arc::ptr_eq(a, b) || same(a, b))
    }

    fn has_names_of(&self, source: &Source) -> bool {
        self.registry == source.snapshot.registry.version() && self.has_upstreams_of(source)
    }

    fn has_instances_of(&self, source: &Source) -> bool {
        self.answers == source.answers && self.has_names_of(source)
    }
}

impl Source {
    /// Takes the stored bundles, or the implicit one when none is stored.
    fn choose(
        mut snapshot: Snapshot,
        answers: u64,
        upstream: Option<&Address>,
    ) -> Result<Self, PublishError> {
        let stored = std::mem::replace(&mut snapshot.bundles, Ok(Vec::new()));
        let mut bundles = stored.map_err(PublishError::Stored)?;
        if bundles.is_empty() {
            let upstream = upstream.map(Address::to_string);
            let instances: Vec<Instance> =
                snapshot.registry.records().map(|record| record.instance.clone()).collect();
            let implicit = implicit_bundle(&instances, upstream.as_deref());
            let digest = digest(&implicit);
            bundles.push((Arc::new(implicit), digest));
        }
        Ok(Self { snapshot, bundles, answers })
    }

    /// Returns every name that has to be resolved.
    fn names(&self) -> BTreeSet<Name> {
        let registered = self.snapshot.registry.records().map(|record| &record.instance.addr);
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
        last: Option<&Compiled>,
        resolve: &dyn Fn(&Address) -> Vec<AddressRow>,
    ) -> Result<Compiled, PublishError> {
        let tables = Tables { rules: self.rules(last)?, instances: self.instances(last, resolve)? };
        Ok(Compiled {
            bundles: self.bundles.iter().map(|(bundle, _)| Arc::clone(bundle)).collect(),
            registry: self.snapshot.registry.version(),
            answers: self.answers,
            tables,
        })
    }

    fn rules(&self, last: Option<&Compiled>) -> Result<Arc<ReadyTable>, PublishError> {
        let (revision, ranges) = (self.snapshot.counters.revision, &self.snapshot.ranges);
        let same = last.filter(|last| last.has_bundles_of(self));
        if let Some(moved) = same.and_then(|last| last.tables.rules.moved(ranges, revision)) {
            return Ok(moved);
        }
        let rules = match &self.snapshot.rules {
            Some(admitted) => Arc::clone(admitted),
            None => Arc::new(Rules::of(&self.list(), &ranges.all(), revision, &Stages::default())?),
        };
        let digest = match self.bundles.as_slice() {
            [(_, digest)] => Some(digest.clone()),
            _ => None,
        };
        let last = last.map(|last| &last.tables.rules);
        ReadyTable::of_rules(rules, ranges.clone(), revision, digest, last)
    }

    fn instances(
        &self,
        last: Option<&Compiled>,
        resolve: &dyn Fn(&Address) -> Vec<AddressRow>,
    ) -> Result<Arc<ReadyTable>, PublishError> {
        if let Some(same) = last.filter(|last| last.has_instances_of(self)) {
            return Ok(Arc::clone(&same.tables.instances));
        }
        let serving = self.snapshot.registry.records().filter(|record| !record.draining);
        let serving: Vec<Instance> = serving.map(|record| record.instance.clone()).collect();
        let table = compile_instances(&self.list(), &serving, resolve);
        let last = last.map(|last| &last.tables.instances);
        ReadyTable::new(&table, self.snapshot.counters.change, None, last)
    }

    fn list(&self) -> Vec<&Bundle> {
        self.bundles.iter().map(|(bundle, _)| &**bundle).collect()
    }
}

#[cfg(test)]
mod tests;
