//! Changes of bundles.
//!
//! Owns the conditions under which a tenant's bundle is replaced or forgotten.

use halftone_core::policy::{Bundle, digest};

use super::{State, StateError};
use crate::store::{Change, StoredBundle};

/// A bundle that was stored.
#[derive(Clone, Debug)]
pub(crate) struct PutBundle {
    /// Its number.
    pub(crate) revision: u64,
    /// Its digest.
    pub(crate) digest: String,
    /// The change it is part of.
    pub(crate) change: u64,
}

impl State {
    /// Returns the stored bundle of `tenant`.
    #[must_use]
    pub(crate) fn bundle(&self, tenant: &str) -> Option<StoredBundle> {
        self.read().tenants.find(tenant).map(|tenant| tenant.stored.clone())
    }

    /// Replaces the bundle of its tenant with a validated one. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn put_bundle(&self, bundle: Bundle) -> Result<PutBundle, StateError> {
        let _turn = self.turn();
        let digest = digest(&bundle);
        let (counters, since, allocations) = {
            let model = self.read();
            let known = model.tenants.find(&bundle.metadata.tenant);
            if let Some(same) =
                known.filter(|known| known.stored.digest == digest && known.bundle.is_ok())
            {
                let (revision, change) = (same.stored.revision, model.counters.change);
                return Ok(PutBundle { revision, digest, change });
            }
            let counters = model.next(true);
            let since = known.map_or(counters.change, |known| known.stored.since);
            (counters, since, model.tenants.admit(&bundle)?)
        };
        let stored = StoredBundle {
            tenant: bundle.metadata.tenant.clone(),
            since,
            revision: counters.revision,
            digest: digest.clone(),
            text: canonical_text(&bundle),
        };
        self.store.write(counters, &Change::PutBundle(&stored, &allocations))?;
        self.show(counters, |model| model.tenants.put(stored, bundle, allocations));
        Ok(PutBundle { revision: counters.revision, digest, change: counters.change })
    }

    /// Forgets a tenant; returns the change, or nothing when there was none. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError::Store`].
    pub(crate) fn delete_bundle(&self, tenant: &str) -> Result<Option<u64>, StateError> {
        let _turn = self.turn();
        let counters = {
            let model = self.read();
            if model.tenants.find(tenant).is_none() {
                return Ok(None);
            }
            model.next(true)
        };
        self.store.write(counters, &Change::DeleteBundle(tenant))?;
        self.show(counters, |model| model.tenants.remove(tenant));
        Ok(Some(counters.change))
    }
}

/// Returns the canonical form that is stored and shown: sorted keys, defaults written out.
fn canonical_text(bundle: &Bundle) -> String {
    serde_json::to_value(bundle).map(|value| value.to_string()).unwrap_or_default()
}
