//! Changes of weights that the bundle leaves to a schedule.
//!
//! Owns their order among other changes. Which buckets move is `core::compile::set_weight`'s.
//!
//! Invariant: ranges are run-time state beside the bundle; moving them makes no revision of the
//! bundle, and is open to callers whoever owns the tenant.

use halftone_core::{compile::set_weight, policy::Percent};

use super::{Decided, State, StateError};
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
        self.change(|model| {
            let known = model.tenants.find(tenant).and_then(|known| known.bundle.as_ref().ok());
            let missing = || StateError::NoBundle { tenant: tenant.to_owned() };
            let mut ranges = model.tenants.allocations().clone();
            set_weight(known.ok_or_else(missing)?, &mut ranges, release, targets, weight)?;
            if ranges == *model.tenants.allocations() {
                return Ok(Decided::Nothing(model.counters.change));
            }
            model.tenants.admit_ranges(&ranges)?;
            let of_tenant: TenantAllocations =
                ranges.into_iter().filter(|(key, _)| key.tenant == tenant).collect();
            let (counters, tenant) = (model.next(true), tenant.to_owned());
            let change = Change::PutAllocations(tenant, of_tenant);
            Ok(Decided::Change(counters, change, counters.change))
        })
    }
}
