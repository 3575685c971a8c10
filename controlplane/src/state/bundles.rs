//! Changes of bundles.
//!
//! Owns the conditions under which a tenant's bundle is replaced, rolled back or forgotten, and the
//! owners of tenants.
//!
//! Invariants:
//! - a tenant that a watched file owns is changed by that file only;
//! - whoever asks under a condition is answered by the state in which the change would be made;
//! - every revision that changed rules is in the history, with where it came from.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use halftone_core::{
    both::Both as _,
    compile::unserved,
    policy::{Bundle, Diagnostic, Instance, Judged},
};
use halftone_link::AtOnce;

use super::{Decided, Model, State, StateError};
use crate::{
    clock,
    conditions::Conditions,
    source::{Format, read_bundle},
    stages::Stages,
    store::{BundleChange, Change, Counters, StoredBundle, StoredRevision, Text},
    tenants::Admitted,
};

/// What the source of a bundle from a file begins with.
pub(super) const FILE_SOURCE: &str = "file:";

/// Where a bundle comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A call of the API.
    Rest,
    /// A watched file.
    File(PathBuf),
    /// An earlier revision.
    Rollback(u64),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rest => f.write_str("rest"),
            Self::File(path) => write!(f, "{FILE_SOURCE}{}", path.display()),
            Self::Rollback(revision) => write!(f, "rollback:{revision}"),
        }
    }
}

/// How a bundle is asked to be changed.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// By whom.
    pub(crate) origin: Origin,
    /// Under which conditions.
    pub(crate) conditions: Conditions,
    /// When, milliseconds since 1970 (UTC).
    pub(crate) at_ms: u64,
    /// Where its time goes.
    pub(crate) stages: Stages,
}

/// A bundle that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PutBundle {
    /// Its number.
    pub(crate) revision: u64,
    /// Its digest.
    pub(crate) digest: String,
    /// The change it is part of.
    pub(crate) change: u64,
}

/// A bundle that could be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Its digest.
    pub(crate) digest: String,
    /// The digest it would replace.
    pub(crate) current: Option<String>,
}

impl State {
    /// Returns what [`State::put_bundle`] would do. Holds up no change, and changes nothing.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn check_bundle(
        &self,
        judged: &Judged,
        asked: &Asked,
    ) -> Result<Checked, StateError> {
        let (tenants, current) = {
            let model = self.read();
            let current = model.current(&judged.bundle().metadata.tenant, asked)?;
            (Arc::clone(&model.tenants), current)
        };
        tenants.admit(judged, 0, &asked.stages)?;
        Ok(Checked { digest: judged.digest().to_owned(), current })
    }

    /// Returns a warning for each variant of `bundle` that has neither an instance nor an address, as of now.
    pub(crate) fn unserved(&self, bundle: &Bundle) -> Vec<Diagnostic> {
        let registry = Arc::clone(&self.read().registry);
        let serving = registry.records().filter(|record| !record.draining);
        let serving: Vec<Instance> = serving.map(|record| record.instance.clone()).collect();
        let warning = |(upstream, variant): (&str, &str)| {
            let path = format!("upstreams.{upstream}.variants.{variant}");
            Diagnostic::new(path, "the variant has no instance: give it addresses, or register one")
        };
        unserved(bundle, &serving).into_iter().map(warning).collect()
    }

    /// Replaces the bundle of its tenant with a validated one. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn put_bundle(
        &self,
        judged: Judged,
        asked: &Asked,
    ) -> Result<PutBundle, StateError> {
        self.replace(judged, None, None, asked)
    }

    /// Replaces the bundle of its tenant with one that was made of `base`. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::Outrun`] when the tenant has another one than `base` by now.
    pub(crate) fn put_after(
        &self,
        base: &Judged,
        judged: Judged,
        asked: &Asked,
    ) -> Result<PutBundle, StateError> {
        self.replace(judged, None, Some(base), asked)
    }

    /// Replaces the bundle of its tenant with a judged one and forgets that of the tenant `from`,
    /// whose ranges go along: one change, or none. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn move_bundle(
        &self,
        judged: Judged,
        from: &str,
        asked: &Asked,
    ) -> Result<PutBundle, StateError> {
        self.replace(judged, Some(from), None, asked)
    }

    fn replace(
        &self,
        judged: Judged,
        from: Option<&str>,
        base: Option<&Judged>,
        asked: &Asked,
    ) -> Result<PutBundle, StateError> {
        let tenant = judged.bundle().metadata.tenant.clone();
        let (begun, mut admitting) = (Instant::now(), Duration::ZERO);
        let put = self.change(|model| {
            for changed in [Some(tenant.as_str()), from].into_iter().flatten() {
                model.current(changed, asked)?;
            }
            let known = model.tenants.find(&tenant);
            let current = known.and_then(|known| known.bundle.as_ref().ok());
            let is_base =
                |base: &Judged| current.is_some_and(|now| Arc::ptr_eq(now.bundle(), base.bundle()));
            if base.is_some_and(|base| !is_base(base)) {
                return Err(StateError::Outrun { tenant: tenant.clone() });
            }
            let same = current.is_some_and(|current| current.canonical() == judged.canonical());
            if let Some(same) = known.filter(|_| same && from.is_none()) {
                let (revision, digest) = (same.stored.revision, same.stored.digest.clone());
                let change = model.counters.change;
                return Ok(Decided::Nothing(PutBundle { revision, digest, change }));
            }
            let (counters, admission) = (model.next(true), Instant::now());
            let admit = || match from {
                None => model.tenants.admit(&judged, counters.revision, &asked.stages),
                Some(from) => model.tenants.renamed(from, &tenant).admit(
                    &judged,
                    counters.revision,
                    &asked.stages,
                ),
            };
            // Each reads everything there is, and neither needs the other.
            let (admitted, digest) = AtOnce::over(judged.canonical().bytes())
                .both(admit, || asked.stages.timed("digest", || judged.digest().to_owned()));
            let admitted = admitted?;
            admitting = admission.elapsed();
            let put = PutBundle { revision: counters.revision, digest, change: counters.change };
            let change = bundle_change(model, (judged, admitted), counters, from, asked);
            Ok(Decided::Change(counters, Change::PutBundle(Box::new(change)), put))
        });
        asked.stages.note("store", begun.elapsed().saturating_sub(admitting));
        put
    }

    /// Stores the bundle of an earlier revision as a new one; the ranges of its splits move from where
    /// they are now. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::NoRevision`] and [`StateError::Unreadable`] are about the
    /// revision gone back to.
    pub(crate) fn rollback(
        &self,
        tenant: &str,
        revision: u64,
        asked: &Asked,
    ) -> Result<PutBundle, StateError> {
        let missing = || StateError::NoRevision { tenant: tenant.to_owned(), revision };
        let (_, text) = self.revision(tenant, revision)?.ok_or_else(missing)?;
        let text = text.ok_or_else(missing)?;
        let (judged, _) = read_bundle(text.as_bytes(), Format::Json, &|of| self.judged(of))?;
        self.put_bundle(judged, asked)
    }

    /// Forgets a tenant's bundle, not its history; returns the change, or nothing when there was
    /// none. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn delete_bundle(
        &self,
        tenant: &str,
        asked: &Asked,
    ) -> Result<Option<u64>, StateError> {
        self.change(|model| {
            if model.current(tenant, asked)?.is_none() {
                return Ok(Decided::Nothing(None));
            }
            let counters = model.next(true);
            let revision = asked.deletion_of(tenant, counters);
            let pruned = model.history.pruned_by(&revision);
            let change = Change::DeleteBundle(revision, pruned);
            Ok(Decided::Change(counters, change, Some(counters.change)))
        })
    }

    /// Makes the watched files the owners of their tenants; others own none.
    pub(crate) fn set_owners(&self, owners: BTreeMap<String, PathBuf>) {
        let mut newest = self.newest();
        self.write().owners.clone_from(&owners);
        newest.owners = owners;
    }
}

impl Model {
    /// Returns the digest of what `tenant` has, if that may be changed as asked.
    fn current(&self, tenant: &str, asked: &Asked) -> Result<Option<String>, StateError> {
        let owner = self.owners.get(tenant);
        if let Some(owner) = owner.filter(|owner| asked.origin != Origin::File((*owner).clone())) {
            return Err(StateError::Owned { tenant: tenant.to_owned(), owner: owner.clone() });
        }
        let current = self.tenants.find(tenant).map(|known| known.stored.digest.clone());
        if asked.conditions.hold(current.as_deref()) {
            Ok(current)
        } else {
            Err(StateError::Condition { tenant: tenant.to_owned(), current })
        }
    }
}

/// Returns the change that puts a bundle in its place, with what goes in the same step.
fn bundle_change(
    model: &Model,
    (judged, admitted): (Judged, Admitted),
    counters: Counters,
    from: Option<&str>,
    asked: &Asked,
) -> BundleChange {
    let tenant = judged.bundle().metadata.tenant.clone();
    let known = model.tenants.find(&tenant);
    let since = known.map_or(counters.change, |known| known.stored.since);
    let (digest, bytes) = (judged.digest().to_owned(), judged.canonical().bytes() as u64);
    let revision = StoredRevision {
        tenant: tenant.clone(),
        revision: counters.revision,
        digest: Some(digest.clone()),
        bytes,
        at_ms: asked.at_ms,
        source: asked.origin.to_string(),
    };
    let gone = from.map(|from| asked.deletion_of(from, counters));
    let forgotten = gone.iter().chain([&revision]);
    let pruned = forgotten.flat_map(|one| model.history.pruned_by(one)).collect();
    let text = Text::Runs(Arc::clone(judged.canonical()));
    let stored = StoredBundle { tenant, since, revision: counters.revision, digest, text };
    let Admitted { ranges, moved, rules } = admitted;
    BundleChange { stored: Arc::new(stored), judged, ranges, moved, rules, revision, gone, pruned }
}

impl Asked {
    /// Asks without conditions, now.
    pub(crate) fn now(origin: Origin) -> Self {
        let (conditions, stages) = (Conditions::default(), Stages::default());
        Self { origin, conditions, at_ms: clock::unix_ms(), stages }
    }

    /// Returns what the history says when the bundle of `tenant` goes.
    fn deletion_of(&self, tenant: &str, counters: Counters) -> StoredRevision {
        StoredRevision {
            tenant: tenant.to_owned(),
            revision: counters.revision,
            digest: None,
            bytes: 0,
            at_ms: self.at_ms,
            source: self.origin.to_string(),
        }
    }
}
