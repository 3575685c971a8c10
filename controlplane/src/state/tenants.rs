//! What tenants have: bundles and their history, as they are shown or built on.
//!
//! Owns the reading side of bundles. Changes nothing ([`super::bundles`] does).

use std::{path::PathBuf, sync::Arc};

use halftone_core::policy::Judged;

use super::{State, StateError, bundles::FILE_SOURCE};
use crate::store::{StoredBundle, StoredRevision};

/// A tenant as it is listed.
#[derive(Clone, Debug)]
pub(crate) struct TenantSummary {
    /// Its name.
    pub(crate) tenant: String,
    /// The number of its bundle.
    pub(crate) revision: u64,
    /// The digest of its bundle.
    pub(crate) digest: String,
    /// How it was stored.
    pub(crate) newest: Option<StoredRevision>,
    /// The file that owns it.
    pub(crate) owner: Option<PathBuf>,
}

impl TenantSummary {
    /// Returns the file its bundle came from, if it came from one.
    #[must_use]
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.newest.as_ref()?.source.strip_prefix(FILE_SOURCE).map(PathBuf::from)
    }
}

impl State {
    /// Returns the stored bundle of `tenant`.
    #[must_use]
    pub(crate) fn bundle(&self, tenant: &str) -> Option<Arc<StoredBundle>> {
        self.read().tenants.find(tenant).map(|tenant| Arc::clone(&tenant.stored))
    }

    /// Returns the bundle of `tenant` with every change that was asked for.
    #[must_use]
    pub(crate) fn judged(&self, tenant: &str) -> Option<Judged> {
        self.newest().tenants.find(tenant).and_then(|known| known.bundle.as_ref().ok().cloned())
    }

    /// Returns the bundle of `tenant` as it is shown: durable.
    #[must_use]
    pub(crate) fn shown(&self, tenant: &str) -> Option<Judged> {
        self.read().tenants.find(tenant).and_then(|known| known.bundle.as_ref().ok().cloned())
    }

    /// Returns every tenant with a bundle, oldest first.
    #[must_use]
    pub(crate) fn tenants(&self) -> Vec<TenantSummary> {
        let model = self.read();
        let summary = |tenant: &crate::tenants::Tenant| TenantSummary {
            tenant: tenant.stored.tenant.clone(),
            revision: tenant.stored.revision,
            digest: tenant.stored.digest.clone(),
            newest: model.history.of(&tenant.stored.tenant).last().cloned(),
            owner: model.owners.get(&tenant.stored.tenant).cloned(),
        };
        model.tenants.list().iter().map(summary).collect()
    }

    /// Returns the kept revisions of `tenant`, oldest first.
    #[must_use]
    pub(crate) fn revisions(&self, tenant: &str) -> Vec<StoredRevision> {
        self.read().history.of(tenant).to_vec()
    }

    /// Returns a kept revision of `tenant` with its text, which a deletion has not. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// [`StateError::Store`].
    pub(crate) fn revision(
        &self,
        tenant: &str,
        revision: u64,
    ) -> Result<Option<(StoredRevision, Option<String>)>, StateError> {
        let revisions = self.revisions(tenant);
        let Some(found) = revisions.into_iter().find(|one| one.revision == revision) else {
            return Ok(None);
        };
        let text = self.store.text(&found.key())?;
        Ok(Some((found, text)))
    }
}
