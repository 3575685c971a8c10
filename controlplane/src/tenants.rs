//! The stored bundles, in memory, and what may replace them.
//!
//! Owns the order of tenants, the allocations, and the check of a candidate against every other
//! tenant. Does not validate a bundle alone (`policy::validate` has) and does not keep it
//! ([`crate::store`] does).
//!
//! Invariants: tenants are ordered oldest first; a candidate is let in only if the tables it leads to
//! were compiled and archived once, so nothing acknowledged can be unpublishable.

use std::sync::Arc;

use halftone_core::{
    compile::{Allocations, CompileError, SplitKey, allocate, compile_instances, compile_rules},
    policy::{Address, Bundle, Instance, canonical_text, digest, implicit_bundle, validate},
    rollout::allocation::Allocation,
    table::{
        AddressRow,
        archive::{Archive, ArchiveError},
    },
};
use thiserror::Error;

use crate::{
    ranges::Ranges,
    store::{BundleChange, SplitAllocations, StoredBundle},
};

/// Why a bundle or an instance cannot be let in.
#[derive(Debug, Error)]
pub(crate) enum Unpublishable {
    /// The bundles do not make a table.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The table could not be served.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// A tenant and its bundle.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// What is stored of it.
    pub(crate) stored: Arc<StoredBundle>,
    /// The bundle; or why the stored text is none of this build's.
    pub(crate) bundle: Result<Arc<Bundle>, String>,
}

/// Every tenant, oldest first, with the ranges of every split.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenants {
    /// Oldest first.
    list: Vec<Tenant>,
    ranges: Ranges,
}

impl Tenants {
    /// Starts with what was stored. A text that this build cannot read stays, as a problem.
    #[must_use]
    pub(crate) fn new(bundles: Vec<StoredBundle>, allocations: SplitAllocations) -> Self {
        let mut list: Vec<Tenant> = bundles.into_iter().map(read).collect();
        list.sort_by_key(|tenant| tenant.stored.since);
        let mut allocations: Allocations = allocations.into_iter().collect();
        for bundle in list.iter().filter_map(|tenant| tenant.bundle.as_deref().ok()) {
            // Ranges that an earlier build left behind; where they do not fit, compiling says so.
            let _ = allocate(bundle, &mut allocations);
        }
        Self { list, ranges: Ranges::new(Arc::new(allocations)) }
    }

    /// Returns whether no bundle is stored.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the tenants, oldest first.
    #[must_use]
    pub(crate) fn list(&self) -> &[Tenant] {
        &self.list
    }

    /// Returns the ranges of every split.
    #[must_use]
    pub(crate) fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    /// Returns the tenant of this name.
    #[must_use]
    pub(crate) fn find(&self, name: &str) -> Option<&Tenant> {
        self.list.iter().find(|tenant| tenant.stored.tenant == name)
    }

    /// Checks `candidate` beside every other tenant, and returns the ranges of every split with it.
    ///
    /// # Errors
    /// [`Unpublishable`].
    pub(crate) fn admit(&self, candidate: &Bundle) -> Result<Allocations, Unpublishable> {
        let name = &candidate.metadata.tenant;
        let mut allocations = self.ranges.all();
        allocate(candidate, &mut allocations)?;
        let others = self.list.iter().filter(|tenant| tenant.stored.tenant != *name);
        let mut bundles: Vec<&Bundle> =
            others.filter_map(|tenant| tenant.bundle.as_deref().ok()).collect();
        // Last, whatever its age: a dispute then names the candidate as the one who asks.
        bundles.push(candidate);
        Archive::build(&compile_rules(&bundles, &allocations)?, 0)?;
        Archive::build(&compile_instances(&[candidate], &[], &any_address), 0)?;
        Ok(allocations)
    }

    /// Puts ranges that were moved as `revision` and stored in their place.
    pub(crate) fn put_ranges(&mut self, revision: u64, moved: &[(SplitKey, Allocation)]) {
        self.ranges.put(revision, moved);
    }

    /// Puts what was admitted and stored in its place.
    pub(crate) fn put(&mut self, put: &BundleChange) {
        self.ranges = Ranges::new(Arc::clone(&put.ranges));
        let tenant =
            Tenant { stored: Arc::clone(&put.stored), bundle: Ok(Arc::clone(&put.bundle)) };
        match self.list.iter_mut().find(|known| known.stored.tenant == tenant.stored.tenant) {
            Some(known) => *known = tenant,
            None => self.list.push(tenant),
        }
    }

    /// Returns these tenants without `from`, whose ranges are those of `to` where that has none.
    #[must_use]
    pub(crate) fn renamed(&self, from: &str, to: &str) -> Self {
        let mut ranges = self.ranges.all();
        for (key, own) in self.ranges.all().into_iter().filter(|(key, _)| key.tenant == from) {
            ranges.remove(&key);
            ranges.entry(SplitKey { tenant: to.to_owned(), ..key }).or_insert(own);
        }
        let others = self.list.iter().filter(|tenant| tenant.stored.tenant != from);
        Self { list: others.cloned().collect(), ranges: Ranges::new(Arc::new(ranges)) }
    }

    /// Removes a tenant and its ranges.
    pub(crate) fn remove(&mut self, name: &str) {
        self.list.retain(|tenant| tenant.stored.tenant != name);
        let mut left = self.ranges.all();
        left.retain(|key, _| key.tenant != name);
        self.ranges = Ranges::new(Arc::new(left));
    }
}

/// Checks that `instance` can be part of tables, whatever bundles there are.
///
/// # Errors
/// [`Unpublishable`].
pub(crate) fn admit_instance(instance: &Instance) -> Result<(), Unpublishable> {
    let instances = std::slice::from_ref(instance);
    let bundle = implicit_bundle(instances, None);
    Archive::build(&compile_rules(&[&bundle], &Allocations::new())?, 0)?;
    Archive::build(&compile_instances(&[&bundle], instances, &any_address), 0)?;
    Ok(())
}

/// Stands in for the resolver where only the rest of a table is checked.
fn any_address(address: &Address) -> Vec<AddressRow> {
    match address {
        Address::Unix(path) => vec![AddressRow::Unix(path.clone())],
        _ => vec![AddressRow::V4([127, 0, 0, 1], 1)],
    }
}

/// Reads a stored text. An earlier build may have had another canonical form: what is shown, and what
/// later bundles are compared with, is this build's; the history keeps what it was called then.
fn read(mut stored: StoredBundle) -> Tenant {
    let bundle = serde_json::from_str::<Bundle>(&stored.text)
        .map_err(|error| error.to_string())
        .and_then(|bundle| match validate(&bundle).first() {
            Some(problem) => Err(problem.to_string()),
            None => Ok(Arc::new(bundle)),
        })
        .map_err(|problem| {
            format!("the stored bundle of tenant {:?} is refused: {problem}", stored.tenant)
        });
    if let Ok(bundle) = &bundle {
        (stored.text, stored.digest) = (canonical_text(bundle), digest(bundle));
    }
    Tenant { stored: Arc::new(stored), bundle }
}
