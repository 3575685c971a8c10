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
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use halftone_core::compile::SplitKey;
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Change, Counters, DatabaseFile, Numbered, RevisionKey, SplitAllocations, Store, StoreError,
    Stored, StoredBundle, StoredRevision, Text,
    texts::{self, KnownRuns},
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
    pub(super) file: DatabaseFile,
    known: Mutex<KnownRuns>,
}

/// A bundle as it is kept.
#[derive(Serialize, Deserialize)]
struct BundleRecord {
    tenant: String,
    since: u64,
    revision: u64,
    digest: String,
    /// As earlier builds kept it; else it is in runs, as that of its revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl BundleRecord {
    fn of(stored: &StoredBundle) -> Self {
        let text = match &stored.text {
            Text::Whole(text) => Some(text.clone()),
            Text::Runs(_) => None,
        };
        let StoredBundle { tenant, since, revision, digest, .. } = stored.clone();
        Self { tenant, since, revision, digest, text }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("path", &self.file.path()).finish_non_exhaustive()
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
        Ok(Self::of(DatabaseFile::open(directory.join(FILE), CACHE_BYTES)?))
    }

    /// Keeps everything in `file`.
    pub(crate) fn of(file: DatabaseFile) -> Self {
        Self { file, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, KnownRuns> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn access<E: Into<redb::Error>>(
        &self,
        doing: &'static str,
    ) -> impl Fn(E) -> StoreError {
        self.file.access(doing)
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
                let (path, key) = (self.file.path().to_owned(), key.value().to_owned());
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

    /// Returns a bundle with its text; its runs are known to be there from now on.
    fn bundle(
        &self,
        transaction: &ReadTransaction,
        record: BundleRecord,
        known: &mut KnownRuns,
    ) -> Result<StoredBundle, StoreError> {
        let BundleRecord { tenant, since, revision, digest, text } = record;
        let text = match text {
            Some(text) => text,
            None => {
                let key = revision_key(&(tenant.clone(), revision));
                let read = texts::read(transaction, &tenant, &key);
                let missing = || redb::Error::Corrupted(format!("the text of {key} is missing"));
                let read = read.and_then(|read| read.ok_or_else(missing));
                let (text, runs) = read.map_err(self.access("read a text"))?;
                known.insert(tenant.clone(), runs);
                text
            }
        };
        Ok(StoredBundle { tenant, since, revision, digest, text: Text::Whole(text) })
    }

    fn put_text(
        &self,
        transaction: &WriteTransaction,
        key: &str,
        stored: &StoredBundle,
        known: &mut KnownRuns,
    ) -> Result<(), StoreError> {
        match &stored.text {
            Text::Whole(text) => self.put_bytes(transaction, TEXTS, key, text.as_bytes()),
            Text::Runs(canonical) => {
                let put = texts::put(transaction, &stored.tenant, key, canonical, known);
                put.map_err(self.access("write a text"))
            }
        }
    }

    fn put_moved(
        &self,
        transaction: &WriteTransaction,
        moved: &SplitAllocations,
    ) -> Result<(), StoreError> {
        for record in moved {
            self.put(transaction, MOVED, &split_key(&record.0), record)?;
        }
        Ok(())
    }

    fn write_one(
        &self,
        transaction: &WriteTransaction,
        change: &Change,
        known: &mut KnownRuns,
    ) -> Result<(), StoreError> {
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
                if let Some(gone) = &put.gone {
                    self.forget(transaction, gone)?;
                    known.remove(&gone.tenant);
                }
                self.put(transaction, BUNDLES, &stored.tenant, &BundleRecord::of(stored))?;
                match &put.moved {
                    Some(moved) => self.put_moved(transaction, moved)?,
                    None => {
                        self.put(transaction, ALLOCATIONS, &stored.tenant, &put.own_ranges())?;
                        self.settle_ranges(transaction, &stored.tenant)?;
                    }
                }
                self.put(transaction, REVISIONS, &key, &put.revision)?;
                self.put_text(transaction, &key, stored, known)?;
                self.prune(transaction, &put.pruned)?;
            }
            Change::MoveRanges(moved) => self.put_moved(transaction, moved)?,
            Change::DeleteBundle(revision, pruned) => {
                self.forget(transaction, revision)?;
                known.remove(&revision.tenant);
                self.prune(transaction, pruned)?;
            }
        }
        Ok(())
    }

    fn prune(
        &self,
        transaction: &WriteTransaction,
        pruned: &[RevisionKey],
    ) -> Result<(), StoreError> {
        for pruned in pruned {
            let key = revision_key(pruned);
            self.delete(transaction, REVISIONS, &key)?;
            self.delete(transaction, TEXTS, &key)?;
            texts::delete(transaction, &pruned.0, &key).map_err(self.access("remove a text"))?;
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
        let transaction = self.file.begin_read()?;
        let counters: Vec<Counters> = self.records(&transaction, META, "meta")?;
        let instances: Vec<Record> = self.records(&transaction, INSTANCES, "instances")?;
        let records: Vec<BundleRecord> = self.records(&transaction, BUNDLES, "bundles")?;
        let mut known = KnownRuns::new();
        let bundles = records.into_iter().map(|one| self.bundle(&transaction, one, &mut known));
        let bundles = bundles.collect::<Result<_, _>>()?;
        *self.known() = known;
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
        let transaction = self.file.begin_write()?;
        self.put(&transaction, META, COUNTERS_KEY, &counters)?;
        let mut known = self.known().clone();
        for (_, change) in changes {
            self.write_one(&transaction, change, &mut known)?;
        }
        // A transaction that is dropped on the way here is rolled back.
        let committed = transaction.commit().map_err(self.file.unknown("make a change durable"));
        // Kept or not, nobody knows which runs are there.
        *self.known() = if committed.is_ok() { known } else { KnownRuns::new() };
        committed
    }

    fn counters(&self, patience: Duration) -> Result<Counters, StoreError> {
        let transaction = self.file.begin_read_within(patience)?;
        let counters: Vec<Counters> = self.records(&transaction, META, "meta")?;
        Ok(counters.first().copied().unwrap_or_default())
    }

    fn probe(&self) -> Result<(), StoreError> {
        self.file.probe()
    }

    fn text(&self, key: &RevisionKey) -> Result<Option<String>, StoreError> {
        let transaction = self.file.begin_read()?;
        let in_runs = texts::read(&transaction, &key.0, &revision_key(key));
        if let Some((text, _)) = in_runs.map_err(self.access("read a text"))? {
            return Ok(Some(text));
        }
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

/// Names of tenants and releases have no slash; that of a split may.
fn split_key(SplitKey { tenant, release, split }: &SplitKey) -> String {
    format!("{tenant}/{release}/{split}")
}

/// A tenant's name has no slash; numbers of one length sort as they count.
fn revision_key((tenant, revision): &RevisionKey) -> String {
    format!("{tenant}/{revision:020}")
}
