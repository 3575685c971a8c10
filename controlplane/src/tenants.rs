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
    compile::{
        Allocations, CompileError, SplitKey, allocate, allocate_after, compile_instances,
        compile_rules, replace_ranges,
    },
    policy::{Address, Bundle, Difference, Instance, Judged, implicit_bundle},
    rollout::allocation::Allocation,
    table::{AddressRow, archive::Archive},
};

use crate::{
    ranges::Ranges,
    rules::{Rules, RulesError},
    stages::Stages,
    store::{BundleChange, SplitAllocations, StoredBundle, Text},
};

/// Most splits of a tenant whose ranges are kept each for itself: beyond, all of them are written as one.
const MOVED_MAX: usize = 4096;

/// What letting a candidate in leads to.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The ranges of every split.
    pub(crate) ranges: Ranges,
    /// The splits of the tenant whose ranges are others than before; nothing when any of them may be.
    pub(crate) moved: Option<SplitAllocations>,
    /// The rules of every tenant; nothing when a stored bundle is missing in them.
    pub(crate) rules: Option<Arc<Rules>>,
}

/// A tenant and its bundle.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// What is stored of it.
    pub(crate) stored: Arc<StoredBundle>,
    /// The bundle; or why the stored text is none of this build's.
    pub(crate) bundle: Result<Judged, String>,
}

/// Every tenant, oldest first, with the ranges of every split.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenants {
    /// Oldest first.
    list: Vec<Tenant>,
    ranges: Ranges,
    /// As they were admitted with the newest bundle; ranges may have moved since.
    rules: Option<Arc<Rules>>,
    /// Splits whose ranges were kept each for itself since all of them were written.
    apart: usize,
}

impl Tenants {
    /// Starts with what was stored. A text that this build cannot read stays, as a problem.
    #[must_use]
    pub(crate) fn new(bundles: Vec<StoredBundle>, allocations: SplitAllocations) -> Self {
        let mut list: Vec<Tenant> = bundles.into_iter().map(read).collect();
        list.sort_by_key(|tenant| tenant.stored.since);
        let mut allocations: Allocations = allocations.into_iter().collect();
        for judged in list.iter().filter_map(|tenant| tenant.bundle.as_ref().ok()) {
            // Ranges that an earlier build left behind; where they do not fit, compiling says so.
            let _ = allocate(judged.bundle(), &mut allocations);
        }
        Self { list, ranges: Ranges::new(Arc::new(allocations)), ..Self::default() }
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

    /// Returns the rules that were admitted last.
    #[must_use]
    pub(crate) fn rules(&self) -> Option<&Arc<Rules>> {
        self.rules.as_ref()
    }

    /// Checks `candidate` beside every other tenant, and returns what comes of it as `revision`.
    ///
    /// What it shares with the bundle its tenant has is not compiled again. `stages` are told where the time goes.
    ///
    /// # Errors
    /// [`RulesError`].
    pub(crate) fn admit(
        &self,
        candidate: &Judged,
        revision: u64,
        stages: &Stages,
    ) -> Result<Admitted, RulesError> {
        let tenant = &candidate.bundle().metadata.tenant;
        let known = self.find(tenant).and_then(|known| known.bundle.as_ref().ok());
        let (ranges, moved) = self.allocated(known, candidate)?;
        let patched = match known {
            Some(known) => {
                stages.timed("compile", || self.compiled_after(known, candidate, &ranges))?
            }
            None => None,
        };
        let is_whole =
            self.list.iter().all(|one| one.bundle.is_ok() || one.stored.tenant == *tenant);
        let rules = match patched {
            Some(compiled) => Rules::new(compiled, revision, self.rules.as_deref(), stages)?,
            None => Rules::of(&self.with(candidate), ranges.base(), revision, stages)
                .map_err(|error| blame(error, tenant))?,
        };
        Archive::build(&compile_instances(&[candidate.bundle()], &[], &any_address), 0)?;
        Ok(Admitted { ranges, moved, rules: is_whole.then(|| Arc::new(rules)) })
    }

    /// Returns the ranges of every split with `candidate`, none of them moved since, and those of its tenant that
    /// are others than before.
    fn allocated(
        &self,
        known: Option<&Judged>,
        candidate: &Judged,
    ) -> Result<(Ranges, Option<SplitAllocations>), CompileError> {
        let tenant = &candidate.bundle().metadata.tenant;
        let Some(known) = known else {
            let mut all = self.ranges.all();
            allocate(candidate.bundle(), &mut all)?;
            return Ok((Ranges::new(Arc::new(all)), None));
        };
        let difference = Difference::between(known.bundle(), candidate.bundle());
        if difference.releases.is_empty() {
            return Ok((self.ranges.folded(), Some(SplitAllocations::new())));
        }
        let mut all = self.ranges.all();
        let moved = allocate_after(tenant, &difference, &mut all)?;
        let few = self.apart + moved.len() <= MOVED_MAX;
        let moved = few.then(|| moved.into_iter().collect());
        Ok((Ranges::new(Arc::new(all)), moved))
    }

    /// Compiles what a candidate changes; nothing when everything has to be.
    fn compiled_after(
        &self,
        known: &Judged,
        candidate: &Judged,
        ranges: &Ranges,
    ) -> Result<Option<halftone_core::compile::Compiled>, CompileError> {
        let Some(rules) = &self.rules else { return Ok(None) };
        if self.ranges.is_folded() {
            return rules.compiled.after(known.bundle(), candidate.bundle(), ranges.base());
        }
        let mut compiled = rules.compiled.clone();
        replace_ranges(&mut compiled.table, self.ranges.moved())?;
        compiled.after(known.bundle(), candidate.bundle(), ranges.base())
    }

    /// Returns the bundles there would be, oldest first: what cannot be read is left out.
    fn with<'a>(&'a self, candidate: &'a Judged) -> Vec<&'a Bundle> {
        let tenant = &candidate.bundle().metadata.tenant;
        let is_new = self.find(tenant).is_none();
        let there = self.list.iter().filter_map(|known| match known.stored.tenant == *tenant {
            true => Some(candidate),
            false => known.bundle.as_ref().ok(),
        });
        there.chain(is_new.then_some(candidate)).map(|judged| &**judged.bundle()).collect()
    }

    /// Puts ranges that were moved as `revision` and stored in their place.
    pub(crate) fn put_ranges(&mut self, revision: u64, moved: &[(SplitKey, Allocation)]) {
        self.ranges.put(revision, moved);
    }

    /// Puts what was admitted and stored in its place.
    pub(crate) fn put(&mut self, put: &BundleChange) {
        self.ranges = put.ranges.clone();
        self.rules.clone_from(&put.rules);
        self.apart = put.moved.as_ref().map_or(0, |moved| self.apart + moved.len());
        let tenant = Tenant { stored: Arc::clone(&put.stored), bundle: Ok(put.judged.clone()) };
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
        let list = others.cloned().collect();
        Self { list, ranges: Ranges::new(Arc::new(ranges)), ..Self::default() }
    }

    /// Removes a tenant and its ranges.
    pub(crate) fn remove(&mut self, name: &str) {
        self.list.retain(|tenant| tenant.stored.tenant != name);
        let mut left = self.ranges.all();
        left.retain(|key, _| key.tenant != name);
        self.ranges = Ranges::new(Arc::new(left));
        self.rules = None;
    }
}

/// Has a dispute name the candidate as the one who asks, whatever its age.
fn blame(error: RulesError, candidate: &str) -> RulesError {
    match error {
        RulesError::Compile(CompileError::Hostname { hostname, tenant, owner })
            if owner == candidate =>
        {
            let (tenant, owner) = (owner, tenant);
            CompileError::Hostname { hostname, tenant, owner }.into()
        }
        other => other,
    }
}

/// Checks that `instance` can be part of tables, whatever bundles there are.
///
/// # Errors
/// [`RulesError`].
pub(crate) fn admit_instance(instance: &Instance) -> Result<(), RulesError> {
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
    let bundle = serde_json::from_str::<Bundle>(&stored.text.whole())
        .map_err(|error| error.to_string())
        .and_then(|bundle| {
            Judged::new(bundle)
                .map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default())
        })
        .map_err(|problem| {
            format!("the stored bundle of tenant {:?} is refused: {problem}", stored.tenant)
        });
    if let Ok(judged) = &bundle {
        judged.digest().clone_into(&mut stored.digest);
        stored.text = Text::Runs(Arc::clone(judged.canonical()));
    }
    Tenant { stored: Arc::new(stored), bundle }
}
