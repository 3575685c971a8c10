//! The revisions of every tenant that can be gone back to.
//!
//! Owns which revisions are kept and which have to go. Keeps no text: the store does.
//!
//! Invariants: revisions of a tenant are in order; at most [`REVISIONS_MAX`] and
//! [`REVISIONS_BYTES_MAX`] are kept of each, the newest always; a tenant whose bundle was deleted
//! keeps its history while it is among the [`GONE_TENANTS_MAX`] deleted last.

use std::collections::BTreeMap;

use halftone_core::limits::{GONE_TENANTS_MAX, REVISIONS_BYTES_MAX, REVISIONS_MAX};

use crate::store::{RevisionKey, StoredRevision};

/// The revisions, by tenant, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(BTreeMap<String, Vec<StoredRevision>>);

impl History {
    /// Starts with what was stored.
    #[must_use]
    pub(crate) fn new(mut revisions: Vec<StoredRevision>) -> Self {
        revisions.sort_by_key(|revision| revision.revision);
        let mut history = Self::default();
        for revision in revisions {
            history.0.entry(revision.tenant.clone()).or_default().push(revision);
        }
        history
    }

    /// Returns the revisions of a tenant, oldest first.
    #[must_use]
    pub(crate) fn of(&self, tenant: &str) -> &[StoredRevision] {
        self.0.get(tenant).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the revisions that have to go when `next` comes.
    #[must_use]
    pub(crate) fn pruned_by(&self, next: &StoredRevision) -> Vec<RevisionKey> {
        let kept = self.of(&next.tenant);
        let (mut count, mut bytes) = (1, next.bytes);
        let stays = kept.iter().rev().take_while(|revision| {
            count += 1;
            bytes += revision.bytes;
            count <= REVISIONS_MAX && bytes <= REVISIONS_BYTES_MAX
        });
        let goes = kept.len() - stays.count();
        let mut pruned: Vec<RevisionKey> = kept[..goes].iter().map(StoredRevision::key).collect();
        if next.digest.is_none() {
            pruned.extend(self.longest_gone().iter().map(StoredRevision::key));
        }
        pruned
    }

    /// Returns the history of the tenant that was deleted first, if one more cannot be kept.
    fn longest_gone(&self) -> &[StoredRevision] {
        let deleted = |of: &&Vec<StoredRevision>| of.last().is_some_and(|r| r.digest.is_none());
        let gone: Vec<&Vec<StoredRevision>> = self.0.values().filter(deleted).collect();
        let first = gone.iter().min_by_key(|of| of.last().map(|last| last.revision));
        match first {
            Some(first) if gone.len() >= GONE_TENANTS_MAX => first,
            _ => &[],
        }
    }

    /// Adds a revision, after those that had to go.
    pub(crate) fn push(&mut self, next: StoredRevision, pruned: &[RevisionKey]) {
        for (tenant, revision) in pruned {
            if let Some(of) = self.0.get_mut(tenant) {
                of.retain(|one| one.revision != *revision);
            }
        }
        self.0.retain(|_, of| !of.is_empty());
        self.0.entry(next.tenant.clone()).or_default().push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(tenant: &str, revision: u64, bytes: u64, digest: Option<&str>) -> StoredRevision {
        let digest = digest.map(str::to_owned);
        let source = "rest".to_owned();
        StoredRevision { tenant: tenant.to_owned(), revision, digest, bytes, at_ms: 0, source }
    }

    fn push(history: &mut History, next: StoredRevision) {
        let pruned = history.pruned_by(&next);
        history.push(next, &pruned);
    }

    #[test]
    fn the_newest_revisions_are_kept() {
        let mut history = History::default();
        let count = REVISIONS_MAX as u64;
        for number in 1..=count + 5 {
            push(&mut history, revision("shop", number, 1, Some("d")));
        }
        let numbers: Vec<u64> = history.of("shop").iter().map(|one| one.revision).collect();
        assert_eq!(numbers, (6..=count + 5).collect::<Vec<_>>());
        push(&mut history, revision("shop", 1_000, REVISIONS_BYTES_MAX - 1, Some("d")));
        assert_eq!(history.of("shop").len(), 2);
        push(&mut history, revision("shop", 1_001, REVISIONS_BYTES_MAX, Some("d")));
        assert_eq!(history.of("shop").len(), 1);
    }

    #[test]
    fn tenants_deleted_long_ago_are_forgotten() {
        let mut history = History::default();
        push(&mut history, revision("lives", 1, 1, Some("d")));
        for at in 0..=GONE_TENANTS_MAX as u64 {
            let tenant = format!("gone-{at}");
            push(&mut history, revision(&tenant, 2 * at + 2, 1, Some("d")));
            push(&mut history, revision(&tenant, 2 * at + 3, 0, None));
        }
        assert_eq!(history.of("gone-0").len(), 0);
        assert_eq!((history.of("gone-1").len(), history.of("lives").len()), (2, 1));
    }
}
