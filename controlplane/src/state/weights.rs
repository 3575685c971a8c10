//! Changes of weights that the bundle leaves to a schedule.
//!
//! Owns their order among other changes. Which buckets move is `core::compile::set_weight`'s.
//!
//! Invariant: ranges are run-time state beside the bundle; moving them makes no revision of the
//! bundle, and is open to callers whoever owns the tenant.

use std::sync::Arc;

use halftone_core::{compile::set_weight, policy::Percent};

use super::{State, StateError};
use crate::store::{Change, TenantAllocations};

impl State {
    /// Moves the canary of `release` to `weight` in the scheduled splits of `targets`, or in all of
    /// them when none is named; returns the change. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn set_weight(
        &self,
        tenant: &str,
        release: &str,
        targets: &[String],
        weight: Percent,
    ) -> Result<u64, StateError> {
        let _turn = self.turn();
        let (counters, tenants) = {
            let model = self.read();
            (model.next(true), Arc::clone(&model.tenants))
        };
        let known = tenants.find(tenant).and_then(|known| known.bundle.as_ref().ok());
        let missing = || StateError::NoBundle { tenant: tenant.to_owned() };
        let mut ranges = tenants.allocations().clone();
        set_weight(known.ok_or_else(missing)?, &mut ranges, release, targets, weight)?;
        if ranges == *tenants.allocations() {
            return Ok(self.read().counters.change);
        }
        tenants.admit_ranges(&ranges)?;
        drop(tenants);
        let of_tenant: TenantAllocations =
            ranges.into_iter().filter(|(key, _)| key.tenant == tenant).collect();
        self.store.write(counters, &Change::PutAllocations(tenant, &of_tenant))?;
        self.show(counters, |model| {
            Arc::make_mut(&mut model.tenants).put_ranges(of_tenant);
        });
        Ok(counters.change)
    }
}
