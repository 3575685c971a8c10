//! Filters of the tag store: whose tags there may be, in memory.
//!
//! Owns their room and when they are made anew. An id that is forgotten leaves its bits behind until then.
//!
//! Invariants:
//! - every id that has tags is in its tenant's filter before a revision with it is told;
//! - a filter has room for the ids that were added to it, so that its share of false answers holds.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use halftone_core::table::TagFilter;
use redb::TableError;

use super::{Row, TAGS, TagStore};
use crate::store::StoreError;

/// Least ids that there is room for.
const ROOM_MIN: u64 = 1_024;

/// By tenant.
#[derive(Debug, Default)]
pub(super) struct Filters(Mutex<BTreeMap<String, Filter>>);

#[derive(Debug)]
struct Filter {
    table: TagFilter,
    /// How many ids may still be added.
    room: u64,
}

impl Filters {
    /// Adds the ids of `rows`; returns whether there was room for them.
    pub(super) fn add(&self, tenant: &str, rows: &[Row], ids: u64) -> bool {
        let mut filters = self.lock();
        let filter = filters.entry(tenant.to_owned()).or_insert_with(|| Filter::new(tenant, ids));
        let tagged = rows.iter().filter(|(_, tags)| !tags.is_empty());
        let added = tagged.map(|(id, _)| filter.table.insert(id)).count() as u64;
        // An id that was there is counted again: a filter is made anew too soon, never too late.
        filter.room = filter.room.saturating_sub(added);
        filter.room > 0
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Filter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filter {
    /// Returns an empty filter with room for twice `ids`.
    fn new(tenant: &str, ids: u64) -> Self {
        let room = (2 * ids).max(ROOM_MIN);
        Self { table: TagFilter::with_room(tenant, room), room }
    }
}

impl TagStore {
    /// Returns the filter of `tenant`; every id of every revision that was told is in it.
    #[must_use]
    pub(crate) fn filter(&self, tenant: &str) -> TagFilter {
        let filters = self.filters.lock();
        let known = filters.get(tenant).map(|filter| filter.table.clone());
        known.unwrap_or_else(|| TagFilter::with_room(tenant, 0))
    }

    /// Makes the filters of all tenants anew.
    pub(super) fn load_filters(&self) -> Result<(), StoreError> {
        for tenant in self.load_revisions()?.into_keys() {
            let ids = self.summary(&tenant)?.ids;
            self.load_filter(&tenant, ids)?;
        }
        Ok(())
    }

    /// Makes the filter of `tenant`, which has so many ids, anew. What is written meanwhile is added to the old one, too:
    /// that happens under the same lock.
    pub(super) fn load_filter(&self, tenant: &str, ids: u64) -> Result<(), StoreError> {
        let mut filters = self.filters.lock();
        let transaction = self.file.begin_read()?;
        let table = match transaction.open_table(TAGS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(self.access("read a table")(error)),
        };
        let mut filter = Filter::new(tenant, ids);
        // The next name there could be.
        let beyond = format!("{tenant}\0");
        let range = (tenant, "")..(beyond.as_str(), "");
        for entry in table.range(range).map_err(self.access("read a table"))? {
            let (key, _) = entry.map_err(self.access("read a record"))?;
            filter.table.insert(key.value().1);
            filter.room = filter.room.saturating_sub(1);
        }
        filters.insert(tenant.to_owned(), filter);
        Ok(())
    }
}
