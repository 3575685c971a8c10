//! The tag store: what is known of users, by tenant and id.
//!
//! Owns one redb file of its own: a load of millions must not keep a registration waiting, and redb has one
//! writer per file. Does not read requests or files ([`lines`] reads what people load, [`load`] in which portions).
//!
//! Invariants:
//! - a write is one transaction, durable when it returns, or it has not happened, or it is said that nobody knows; what the store
//!   has then is what is told of it afterwards;
//! - a tenant's revision grows with every write that changes any of its tags, in the same transaction;
//! - what is read of several ids is of one revision;
//! - an id without tags is not kept.

mod filters;
mod lines;
pub(crate) mod load;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use halftone_core::{limits::TAG_IDS_MAX, signal::tags::Tags};
use redb::{ReadableTable as _, Table, TableDefinition, TableError};
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    healing::Kept,
    store::{AGAIN_AFTER, DatabaseFile, Health, StoreError},
};
use filters::Filters;

const FILE: &str = "tags.redb";
/// Pages kept in memory: hot ids, and the upper levels of the tree for the others.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// By tenant and id: its tags, as JSON.
const TAGS: TableDefinition<'static, (&str, &str), &[u8]> = TableDefinition::new("tags");
/// By tenant: its revision, and how many ids it has.
const TENANTS: TableDefinition<'static, &str, (u64, u64)> = TableDefinition::new("tenants");

/// Why tags were not written.
#[derive(Debug, Error)]
pub(crate) enum TagStoreError {
    /// The tenant has as many ids as are ever served.
    #[error("tenant {tenant:?} has tags of {TAG_IDS_MAX} ids; no more are kept")]
    Full {
        /// The tenant.
        tenant: String,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known of a tenant's tags as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The number of its newest change; 0 before the first.
    pub(crate) revision: u64,
    /// How many ids have tags.
    pub(crate) ids: u64,
}

/// An id and all of its tags.
pub(crate) type Row = (String, Tags);

/// The revisions of tags, by tenant.
pub(crate) type Revisions = Arc<BTreeMap<String, u64>>;

/// The tags of every tenant.
pub(crate) struct TagStore {
    file: DatabaseFile,
    health: Health,
    /// Held by whoever writes: tenants whose newest write may be kept or not, or whose filter is to be made anew.
    doubtful: Mutex<BTreeSet<String>>,
    revisions: watch::Sender<Revisions>,
    /// Ids that gateways asked for.
    asked: AtomicU64,
    filters: Filters,
}

impl TagStore {
    /// Opens the store in `directory`, which is there; its file is made when missing. Reads all of it once.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Open`].
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::of(DatabaseFile::open(directory.join(FILE), CACHE_BYTES)?)
    }

    /// Keeps tags in `file`.
    fn of(file: DatabaseFile) -> Result<Self, StoreError> {
        let (revisions, asked) = (watch::channel(Arc::default()).0, AtomicU64::new(0));
        let (health, filters) = (Health::new("tags"), Filters::default());
        let doubtful = Mutex::default();
        let store = Self { file, health, doubtful, revisions, asked, filters };
        store.load_filters()?;
        store.revisions.send_replace(Arc::new(store.load_revisions()?));
        Ok(store)
    }

    /// Returns the revisions of tags, and later ones as they come.
    #[must_use]
    pub(crate) fn revisions(&self) -> watch::Receiver<Revisions> {
        self.revisions.subscribe()
    }

    /// Returns how many ids gateways have asked for.
    #[must_use]
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns what is known of the tags of `tenant` as a whole. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn summary(&self, tenant: &str) -> Result<Summary, StoreError> {
        self.summary_within(tenant, Duration::ZERO)
    }

    /// Returns the same; after a failure it waits for so long until it can.
    fn summary_within(&self, tenant: &str, patience: Duration) -> Result<Summary, StoreError> {
        let transaction = self.file.begin_read_within(patience)?;
        let table = match transaction.open_table(TENANTS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Summary::default()),
            Err(error) => return Err(self.access("read a table")(error)),
        };
        let found = table.get(tenant).map_err(self.access("read a record"))?;
        Ok(found.map(|found| summary(found.value())).unwrap_or_default())
    }

    /// Returns the tags of `id`; nothing when it has none. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn find(&self, tenant: &str, id: &str) -> Result<Option<Tags>, StoreError> {
        let transaction = self.file.begin_read()?;
        let table = match transaction.open_table(TAGS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(self.access("read a table")(error)),
        };
        let found = table.get((tenant, id)).map_err(self.access("read a record"))?;
        found.map(|bytes| self.decode(tenant, id, bytes.value())).transpose()
    }

    /// Returns the tags of each of `ids`, in their order, and the revision that they are of. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn answer(
        &self,
        tenant: &str,
        ids: &[String],
    ) -> Result<(u64, Vec<Option<Tags>>), StoreError> {
        self.asked.fetch_add(ids.len() as u64, Ordering::Relaxed);
        let transaction = self.file.begin_read()?;
        let tenants = match transaction.open_table(TENANTS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok((0, vec![None; ids.len()])),
            Err(error) => return Err(self.access("read a table")(error)),
        };
        // Both tables were made in one transaction.
        let tags = transaction.open_table(TAGS).map_err(self.access("read a table"))?;
        let found = tenants.get(tenant).map_err(self.access("read a record"))?;
        let revision = found.map(|found| summary(found.value())).unwrap_or_default().revision;
        let one = |id: &String| {
            let found = tags.get((tenant, id.as_str())).map_err(self.access("read a record"))?;
            found.map(|bytes| self.decode(tenant, id, bytes.value())).transpose()
        };
        Ok((revision, ids.iter().map(one).collect::<Result<_, _>>()?))
    }

    /// Replaces the tags of each id of `rows`, in order; one whose tags are none is forgotten. Blocks on the disk.
    ///
    /// # Errors
    /// [`TagStoreError`]; nothing of it was written then, unless it [is unknown](StoreError::is_unknown).
    pub(crate) fn write(&self, tenant: &str, rows: &[Row]) -> Result<Summary, TagStoreError> {
        let written = self.write_rows(&mut self.doubtful(), tenant, rows);
        match &written {
            Ok((_, false)) | Err(TagStoreError::Full { .. }) => {}
            Ok((_, true)) => self.health.works(),
            Err(TagStoreError::Store(error)) => self.health.failed(error.cause()),
        }
        written.map(|(summary, _)| summary)
    }

    /// Does the same, and says whether it took a write.
    fn write_rows(
        &self,
        doubtful: &mut BTreeSet<String>,
        tenant: &str,
        rows: &[Row],
    ) -> Result<(Summary, bool), TagStoreError> {
        self.end_doubts(doubtful)?;
        let transaction = self.file.begin_write()?;
        let (before, after) = {
            let mut tenants =
                transaction.open_table(TENANTS).map_err(self.access("write a table"))?;
            let mut tags = transaction.open_table(TAGS).map_err(self.access("write a table"))?;
            let before = tenants.get(tenant).map_err(self.access("read a record"))?;
            let before = before.map(|found| summary(found.value())).unwrap_or_default();
            let mut after = before;
            let mut changed = false;
            for row in rows {
                changed |= self.write_one(&mut tags, tenant, row, &mut after.ids)?;
            }
            after.revision += u64::from(changed);
            tenants
                .insert(tenant, (after.revision, after.ids))
                .map_err(self.access("write a record"))?;
            (before, after)
        };
        if after == before {
            transaction.abort().map_err(self.access("leave a change"))?;
            return Ok((before, false));
        }
        if after.ids > TAG_IDS_MAX {
            // A transaction that is dropped is rolled back.
            return Err(TagStoreError::Full { tenant: tenant.to_owned() });
        }
        let committed = transaction.commit().map_err(self.file.unknown("make a change durable"));
        if let Err(error) = committed {
            self.outcome(doubtful, tenant, (before, after), error)?;
        }
        // Before anybody is told of the revision: no filter lacks an id of its own.
        if !self.filters.add(tenant, rows, after.ids)
            && let Err(error) = self.load_filter(tenant, after.ids)
        {
            tracing::warn!(tenant, %error, "a filter of tags is larger than it should be");
            doubtful.insert(tenant.to_owned());
        }
        self.tell(tenant, after.revision);
        Ok((after, true))
    }

    /// Returns what became of a write that ended with `error`, by what the store has now.
    fn outcome(
        &self,
        doubtful: &mut BTreeSet<String>,
        tenant: &str,
        (before, after): (Summary, Summary),
        error: StoreError,
    ) -> Result<(), StoreError> {
        match self.summary_within(tenant, AGAIN_AFTER) {
            Ok(found) if found == after => {
                tracing::warn!(tenant, error = %error.cause(), "a write of tags that failed was kept in spite of it");
                self.health.failed(error.cause());
                Ok(())
            }
            Ok(found) if found == before => Err(error.of_nothing()),
            Ok(_) | Err(_) => {
                doubtful.insert(tenant.to_owned());
                Err(error)
            }
        }
    }

    /// Serves what the store has of tenants of which that was not known.
    fn end_doubts(&self, doubtful: &mut BTreeSet<String>) -> Result<(), StoreError> {
        while let Some(tenant) = doubtful.first() {
            let found = self.summary(tenant)?;
            self.load_filter(tenant, found.ids)?;
            self.tell(tenant, found.revision);
            doubtful.pop_first();
        }
        Ok(())
    }

    fn tell(&self, tenant: &str, revision: u64) {
        self.revisions.send_modify(|revisions| {
            Arc::make_mut(revisions).insert(tenant.to_owned(), revision);
        });
    }

    fn doubtful(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load_revisions(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let transaction = self.file.begin_read()?;
        let table = match transaction.open_table(TENANTS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
            Err(error) => return Err(self.access("read a table")(error)),
        };
        let mut revisions = BTreeMap::new();
        for entry in table.iter().map_err(self.access("read a table"))? {
            let (tenant, found) = entry.map_err(self.access("read a record"))?;
            revisions.insert(tenant.value().to_owned(), summary(found.value()).revision);
        }
        Ok(revisions)
    }

    /// Writes one row; returns whether it says anything new.
    fn write_one(
        &self,
        table: &mut Table<'_, (&'static str, &'static str), &'static [u8]>,
        tenant: &str,
        (id, tags): &Row,
        ids: &mut u64,
    ) -> Result<bool, StoreError> {
        let key = (tenant, id.as_str());
        if tags.is_empty() {
            let gone = table.remove(key).map_err(self.access("remove a record"))?.is_some();
            *ids -= u64::from(gone);
            return Ok(gone);
        }
        let bytes = serde_json::to_vec(tags)
            .map_err(|error| self.access("encode a record")(redb::Error::Io(error.into())))?;
        let old = table.insert(key, bytes.as_slice()).map_err(self.access("write a record"))?;
        *ids += u64::from(old.is_none());
        Ok(old.is_none_or(|old| old.value() != bytes))
    }

    fn decode(&self, tenant: &str, id: &str, bytes: &[u8]) -> Result<Tags, StoreError> {
        serde_json::from_slice(bytes).map_err(|source| StoreError::Record {
            path: self.file.path().to_owned(),
            table: "tags",
            key: format!("{tenant}/{id}"),
            source,
        })
    }

    fn access<E: Into<redb::Error>>(&self, doing: &'static str) -> impl Fn(E) -> StoreError {
        self.file.access(doing)
    }
}

impl Kept for TagStore {
    fn health(&self) -> &Health {
        &self.health
    }

    fn probe(&self) -> Result<(), String> {
        let ended = self.end_doubts(&mut self.doubtful());
        ended.and_then(|()| self.file.probe()).map_err(|error| error.to_string())
    }
}

fn summary((revision, ids): (u64, u64)) -> Summary {
    Summary { revision, ids }
}

#[cfg(test)]
mod tests;
