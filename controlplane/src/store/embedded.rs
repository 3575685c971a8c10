//! The default store: one redb file.
//!
//! Owns the tables in the file and the words for what can be wrong with it.
//!
//! Invariants: each write is one transaction with redb's immediate durability (synced before it
//! returns), and after a kill redb opens at the last one; a damaged file is an error, never a panic
//! and never read as something else.

use std::{
    fmt,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use halftone_core::compile::SplitKey;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    TableDefinition, TableError, WriteTransaction,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Change, Counters, Numbered, RevisionKey, SplitAllocations, Store, StoreError, Stored,
    StoredBundle, StoredRevision,
};
use crate::registry::Record;

const FILE: &str = "control.redb";
/// Pages kept in memory: everything is read once, at the start.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
const COUNTERS_KEY: &str = "counters";

type Definition = TableDefinition<'static, &'static str, &'static [u8]>;

const META: Definition = TableDefinition::new("meta");
const INSTANCES: Definition = TableDefinition::new("instances");
const BUNDLES: Definition = TableDefinition::new("bundles");
const ALLOCATIONS: Definition = TableDefinition::new("allocations");
/// Ranges that moved since their tenant's record in `allocations` was written, one record per split.
const MOVED: Definition = TableDefinition::new("moved_ranges");
const REVISIONS: Definition = TableDefinition::new("revisions");
const TEXTS: Definition = TableDefinition::new("revision_texts");

/// A store in one file.
pub(crate) struct Embedded {
    path: PathBuf,
    database: Database,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store in `directory`; both are made when missing (the directory with mode 0700).
    ///
    /// # Errors
    /// [`StoreError::Directory`], [`StoreError::Locked`], [`StoreError::Open`].
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|source| StoreError::Directory { path: directory.to_owned(), source })?;
        let path = directory.join(FILE);
        let database = open_database(&path, CACHE_BYTES)?;
        Ok(Self { path, database })
    }

    fn access<E: Into<redb::Error>>(&self, doing: &'static str) -> impl Fn(E) -> StoreError {
        move |error| StoreError::Access {
            path: self.path.clone(),
            doing,
            source: Box::new(error.into()),
        }
    }

    /// Reads every record of `definition`; a table that was never written is empty.
    fn records<T: DeserializeOwned>(
        &self,
        transaction: &ReadTransaction,
        definition: Definition,
        name: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let table = match transaction.open_table(definition) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(self.access("read a table")(error)),
        };
        let mut records = Vec::new();
        for entry in table.iter().map_err(self.access("read a table"))? {
            let (key, value) = entry.map_err(self.access("read a record"))?;
            let record = serde_json::from_slice(value.value()).map_err(|source| {
                let (path, key) = (self.path.clone(), key.value().to_owned());
                StoreError::Record { path, table: name, key, source }
            })?;
            records.push(record);
        }
        Ok(records)
    }

    fn put<T: Serialize>(
        &self,
        transaction: &WriteTransaction,
        definition: Definition,
        key: &str,
        record: &T,
    ) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(record)
            .map_err(|error| self.access("encode a record")(redb::Error::Io(error.into())))?;
        self.put_bytes(transaction, definition, key, &bytes)
    }

    fn put_bytes(
        &self,
        transaction: &WriteTransaction,
        definition: Definition,
        key: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let mut table = transaction.open_table(definition).map_err(self.access("write a table"))?;
        table.insert(key, bytes).map_err(self.access("write a record"))?;
        Ok(())
    }

    fn write_one(&self, transaction: &WriteTransaction, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::PutInstance(record) => {
                self.put(transaction, INSTANCES, &record.instance.id(), record)?;
            }
            Change::DeleteInstances(ids) => {
                for id in ids {
                    self.delete(transaction, INSTANCES, id)?;
                }
            }
            Change::PutBundle(put) => {
                let (stored, key) = (&*put.stored, revision_key(&put.revision.key()));
                self.prune(transaction, &put.pruned)?;
                if let Some(gone) = &put.gone {
                    self.forget(transaction, gone)?;
                }
                self.put(transaction, BUNDLES, &stored.tenant, stored)?;
                self.put(transaction, ALLOCATIONS, &stored.tenant, &put.own_ranges())?;
                self.settle_ranges(transaction, &stored.tenant)?;
                self.put(transaction, REVISIONS, &key, &put.revision)?;
                self.put_bytes(transaction, TEXTS, &key, stored.text.as_bytes())?;
            }
            Change::MoveRanges(moved) => {
                for record in moved {
                    self.put(transaction, MOVED, &split_key(&record.0), record)?;
                }
            }
            Change::DeleteBundle(revision, pruned) => {
                self.prune(transaction, pruned)?;
                self.forget(transaction, revision)?;
            }
        }
        Ok(())
    }

    fn prune(
        &self,
        transaction: &WriteTransaction,
        pruned: &[RevisionKey],
    ) -> Result<(), StoreError> {
        for key in pruned.iter().map(revision_key) {
            self.delete(transaction, REVISIONS, &key)?;
            self.delete(transaction, TEXTS, &key)?;
        }
        Ok(())
    }

    /// Deletes the bundle and the ranges of the tenant of `gone`, which says so in the history.
    fn forget(
        &self,
        transaction: &WriteTransaction,
        gone: &StoredRevision,
    ) -> Result<(), StoreError> {
        self.delete(transaction, BUNDLES, &gone.tenant)?;
        self.delete(transaction, ALLOCATIONS, &gone.tenant)?;
        self.settle_ranges(transaction, &gone.tenant)?;
        self.put(transaction, REVISIONS, &revision_key(&gone.key()), gone)
    }

    /// Forgets moved ranges of a tenant: its record has them, or nothing.
    fn settle_ranges(
        &self,
        transaction: &WriteTransaction,
        tenant: &str,
    ) -> Result<(), StoreError> {
        let mut table = transaction.open_table(MOVED).map_err(self.access("write a table"))?;
        // The slash and what comes after it: names have neither.
        let (first, beyond) = (format!("{tenant}/"), format!("{tenant}0"));
        table
            .retain_in(first.as_str()..beyond.as_str(), |_, _| false)
            .map_err(self.access("remove records"))
    }

    fn delete(
        &self,
        transaction: &WriteTransaction,
        definition: Definition,
        key: &str,
    ) -> Result<(), StoreError> {
        let mut table = transaction.open_table(definition).map_err(self.access("write a table"))?;
        table.remove(key).map_err(self.access("remove a record"))?;
        Ok(())
    }
}

impl Store for Embedded {
    fn load(&self) -> Result<Stored, StoreError> {
        let transaction = self.database.begin_read().map_err(self.access("start reading"))?;
        let counters: Vec<Counters> = self.records(&transaction, META, "meta")?;
        let instances: Vec<Record> = self.records(&transaction, INSTANCES, "instances")?;
        let bundles: Vec<StoredBundle> = self.records(&transaction, BUNDLES, "bundles")?;
        let allocations: Vec<SplitAllocations> =
            self.records(&transaction, ALLOCATIONS, "allocations")?;
        let moved: SplitAllocations = self.records(&transaction, MOVED, "moved_ranges")?;
        let revisions: Vec<StoredRevision> = self.records(&transaction, REVISIONS, "revisions")?;
        Ok(Stored {
            counters: counters.first().copied().unwrap_or_default(),
            instances,
            bundles,
            allocations: allocations.into_iter().flatten().chain(moved).collect(),
            revisions,
        })
    }

    fn write(&self, counters: Counters, changes: &[Numbered]) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(self.access("start writing"))?;
        self.put(&transaction, META, COUNTERS_KEY, &counters)?;
        for (_, change) in changes {
            self.write_one(&transaction, change)?;
        }
        // A transaction that is dropped on the way here is rolled back.
        transaction.commit().map_err(self.access("make a change durable"))
    }

    fn text(&self, key: &RevisionKey) -> Result<Option<String>, StoreError> {
        let transaction = self.database.begin_read().map_err(self.access("start reading"))?;
        let table = match transaction.open_table(TEXTS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(self.access("read a table")(error)),
        };
        let key = revision_key(key);
        let text = table.get(key.as_str()).map_err(self.access("read a record"))?;
        Ok(text.map(|text| String::from_utf8_lossy(text.value()).into_owned()))
    }
}

/// Opens the file at `path`, or makes it, with so much of it kept in memory.
///
/// # Errors
/// [`StoreError::Locked`], [`StoreError::Open`].
pub(crate) fn open_database(path: &Path, cache_bytes: usize) -> Result<Database, StoreError> {
    // Every page is checked: redb may panic over a file it trusts and somebody else damaged.
    let mut builder = Database::builder();
    builder.set_check_integrity_on_open(true).set_cache_size(cache_bytes);
    let path = path.to_owned();
    match builder.create(&path) {
        Ok(database) => Ok(database),
        Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::Locked { path }),
        Err(error) => Err(StoreError::Open { path, source: Box::new(error.into()) }),
    }
}

/// Names of tenants and releases have no slash; that of a split may.
fn split_key(SplitKey { tenant, release, split }: &SplitKey) -> String {
    format!("{tenant}/{release}/{split}")
}

/// A tenant's name has no slash; numbers of one length sort as they count.
fn revision_key((tenant, revision): &RevisionKey) -> String {
    format!("{tenant}/{revision:020}")
}
