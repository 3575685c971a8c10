//! Changes of weights that the bundle leaves to a schedule.
//!
//! Owns their order among other changes. Which buckets move is `core::compile::set_weight`'s.
//!
//! Invariants:
//! - ranges are run-time state beside the bundle; moving them makes no revision of the bundle, and is open
//!   to callers whoever owns the tenant;
//! - a move costs what it moves, not what there is: tables that were admitted stay good when ranges of
//!   theirs, checked by themselves, are replaced, and gateways check what comes of it.

use halftone_core::{
    compile::{SplitKey, set_weight},
    policy::Percent,
};

use super::{Decided, State, StateError};
use crate::store::Change;

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
            let judged = known.ok_or_else(missing)?;
            let stored = |split: &SplitKey| model.tenants.ranges().find(split);
            let moved = set_weight(judged.bundle(), stored, release, targets, weight)?;
            if moved.is_empty() {
                return Ok(Decided::Nothing(model.counters.change));
            }
            let counters = model.next(true);
            let change = Change::MoveRanges(moved.into_iter().collect());
            Ok(Decided::Change(counters, change, counters.change))
        })
    }
}
