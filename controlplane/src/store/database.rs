//! A redb file that comes back after its disk has failed.
//!
//! Owns when a file is opened, and opened again. redb answers nothing any more once a read or a write has failed, also when
//! there is room on the disk again, until the file is opened anew. Does not know what is in the file.
//!
//! Invariants:
//! - what was committed is there after it was opened again: redb recovers as after a kill. One that is gone, or empty, is not
//!   made anew then;
//! - a file that is empty is no new store: it is made beside its place, and whole when it comes there;
//! - it is opened again once a second at most, however many ask for it, and whether that helps or not;
//! - whoever notes a failure waits for nobody: a transaction that fails holds what reopening waits for.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase as _, TableDefinition,
    WriteTransaction,
};

use super::StoreError;

/// How soon a file that was opened again is opened again.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long a pause of waiting is.
const AWHILE: Duration = Duration::from_millis(20);
/// A record that says nothing, and is written to see whether one can be.
const PROBE: TableDefinition<'static, (), ()> = TableDefinition::new("probe");

/// How a file that is there is opened.
type Open = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// A redb file.
pub(crate) struct DatabaseFile {
    path: PathBuf,
    open: Open,
    /// Nothing while it cannot be opened.
    database: RwLock<Option<Database>>,
    /// Whether its disk has failed since it was opened.
    failed: AtomicBool,
    /// Whether that was for lack of room.
    full: AtomicBool,
    /// When it was last opened again. Whoever does so holds this, and nobody waits for it with a transaction.
    opened_again: Mutex<Option<Instant>>,
}

impl DatabaseFile {
    /// Opens the file at `path`, or makes it, with so much of it kept in memory.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Empty`], [`StoreError::Open`].
    pub(crate) fn open(path: PathBuf, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = match fs::metadata(&path) {
            Ok(found) if found.len() == 0 => return Err(StoreError::Empty { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path, cache_bytes),
            _ => builder(cache_bytes).open(&path),
        };
        Self::opened(path, database, Box::new(move |path| builder(cache_bytes).open(path)))
    }

    fn opened(
        path: PathBuf,
        database: Result<Database, DatabaseError>,
        open: Open,
    ) -> Result<Self, StoreError> {
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::Locked { path: path.clone() },
            error => StoreError::Open { path: path.clone(), source: Box::new(error.into()) },
        })?;
        Ok(Self {
            path,
            open,
            database: RwLock::new(Some(database)),
            failed: AtomicBool::new(false),
            full: AtomicBool::new(false),
            opened_again: Mutex::default(),
        })
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts reading.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        self.begin_read_within(Duration::ZERO)
    }

    /// Starts reading; a file that was opened again just now is waited for, so long.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn begin_read_within(
        &self,
        patience: Duration,
    ) -> Result<ReadTransaction, StoreError> {
        let until = Instant::now() + patience;
        while Instant::now() < until && self.failed.load(Ordering::Acquire) && self.is_to_rest() {
            thread::sleep(AWHILE);
        }
        self.begin(|database| database.begin_read().map_err(self.access("start reading")))
    }

    /// Starts writing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        self.begin(|database| database.begin_write().map_err(self.access("start writing")))
    }

    /// Writes what says nothing, durably.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        let transaction = self.begin_write()?;
        {
            let mut table = transaction.open_table(PROBE).map_err(self.access("write a table"))?;
            table.insert((), ()).map_err(self.access("write a record"))?;
        }
        transaction.commit().map_err(self.access("make a change durable"))
    }

    /// Says what was being done when an error came. One of the disk has the file opened anew.
    pub(crate) fn access<E: Into<redb::Error>>(
        &self,
        doing: &'static str,
    ) -> impl Fn(E) -> StoreError {
        move |error| {
            let source: redb::Error = error.into();
            match &source {
                redb::Error::Io(error) => {
                    self.full.store(is_full(error), Ordering::Relaxed);
                    self.failed.store(true, Ordering::Release);
                }
                redb::Error::PreviousIo => {
                    self.failed.store(true, Ordering::Release);
                    return self.failing(doing);
                }
                _ => {}
            }
            StoreError::Access { path: self.path.clone(), doing, source: Box::new(source) }
        }
    }

    /// Says what was being done when an error came at the end of a write: its outcome is not known.
    pub(crate) fn unknown<E: Into<redb::Error>>(
        &self,
        doing: &'static str,
    ) -> impl Fn(E) -> StoreError {
        let access = self.access(doing);
        move |error| StoreError::Unknown(Arc::new(access(error)))
    }

    /// Returns whether it was opened again just now.
    fn is_to_rest(&self) -> bool {
        let opened_again = self.opened_again.lock().unwrap_or_else(PoisonError::into_inner);
        opened_again.is_some_and(|at| at.elapsed() < AGAIN_AFTER)
    }

    fn begin<T>(
        &self,
        begin: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.recover()?;
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().map_or_else(|| Err(self.failing("use it")), begin)
    }

    /// Opens it anew, if it has failed, and that was not tried just now.
    fn recover(&self) -> Result<(), StoreError> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut opened_again = self.opened_again.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        if opened_again.is_some_and(|at| at.elapsed() < AGAIN_AFTER) {
            return Err(self.failing("use it so soon again"));
        }
        *opened_again = Some(Instant::now());
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The file is locked by whoever has it open.
        drop(database.take());
        let opened = (self.open)(&self.path);
        *database = Some(opened.map_err(self.access("open it again"))?);
        self.failed.store(false, Ordering::Release);
        tracing::debug!(path = %self.path.display(), "a store is opened again after its disk had failed");
        Ok(())
    }

    /// Returns the error of whoever comes after a failure: its cause, as far as it matters to people.
    fn failing(&self, doing: &'static str) -> StoreError {
        let source = match self.full.load(Ordering::Relaxed) {
            true => redb::Error::Io(io::ErrorKind::StorageFull.into()),
            false => redb::Error::PreviousIo,
        };
        StoreError::Access { path: self.path.clone(), doing, source: Box::new(source) }
    }
}

/// Makes an empty file at `path`. It grows beside its place and is moved there: what was begun and not ended is no store.
fn make(path: &Path, cache_bytes: usize) -> Result<Database, DatabaseError> {
    let beside = path.with_extension("redb.new");
    let made = builder(cache_bytes).create(&beside);
    let database = match made {
        Ok(_) | Err(DatabaseError::DatabaseAlreadyOpen) => made?,
        // What a process that was killed has left: the last thing that is written is what tells a store.
        Err(_) => {
            fs::remove_file(&beside)?;
            builder(cache_bytes).create(&beside)?
        }
    };
    // Who has it open is the only one who may move it: it was moved before by somebody else, or by nobody.
    if path.exists() {
        let _ = fs::remove_file(&beside);
        drop(database);
        return builder(cache_bytes).open(path);
    }
    fs::rename(&beside, path)?;
    // The move itself is on disk only once its folder is.
    File::open(path.parent().unwrap_or(path))?.sync_all()?;
    Ok(database)
}

/// Returns whether an error of the disk is that there is no room for more.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn builder(cache_bytes: usize) -> redb::Builder {
    // Every page is checked: redb may panic over a file it trusts and somebody else damaged.
    let mut builder = Database::builder();
    builder.set_check_integrity_on_open(true).set_cache_size(cache_bytes);
    builder
}

#[cfg(test)]
pub(crate) mod faults;
#[cfg(test)]
mod tests;
