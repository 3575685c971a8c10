//! A redb file that comes back after its disk has failed.
//!
//! Owns when a file is opened, and opened again. redb answers nothing any more once a read or a write has failed, also when
//! there is room on the disk again, until the file is opened anew. Does not know what is in the file.
//!
//! Invariants:
//! - what was committed is there after it was opened again, and nothing of what was not: redb recovers as after a kill;
//! - a file whose disk still fails is tried once a second, however many ask for it.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase as _, WriteTransaction};

use super::StoreError;

/// How soon a file that failed is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A redb file.
pub(crate) struct DatabaseFile {
    path: PathBuf,
    cache_bytes: usize,
    /// Nothing while it cannot be opened.
    database: RwLock<Option<Database>>,
    /// From when on it is to be opened anew, if it has failed.
    failed: Mutex<Option<Instant>>,
}

impl DatabaseFile {
    /// Opens the file at `path`, or makes it, with so much of it kept in memory.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Open`].
    pub(crate) fn open(path: PathBuf, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = RwLock::new(Some(open_database(&path, cache_bytes)?));
        Ok(Self { path, cache_bytes, database, failed: Mutex::default() })
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
        self.begin(|database| database.begin_read().map_err(self.access("start reading")))
    }

    /// Starts writing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        self.begin(|database| database.begin_write().map_err(self.access("start writing")))
    }

    /// Says what was being done when an error came. One of the disk has the file opened anew.
    pub(crate) fn access<E: Into<redb::Error>>(
        &self,
        doing: &'static str,
    ) -> impl Fn(E) -> StoreError {
        move |error| {
            let source: redb::Error = error.into();
            if matches!(source, redb::Error::Io(_) | redb::Error::PreviousIo) {
                self.failed().get_or_insert_with(Instant::now);
            }
            StoreError::Access { path: self.path.clone(), doing, source: Box::new(source) }
        }
    }

    fn begin<T>(
        &self,
        begin: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.recover()?;
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().map_or_else(|| Err(self.closed()), begin)
    }

    /// Opens it anew, if it has failed, and that was not tried just now.
    fn recover(&self) -> Result<(), StoreError> {
        // Nobody else tries meanwhile.
        let mut failed = self.failed();
        let Some(from) = *failed else { return Ok(()) };
        if Instant::now() < from {
            return Err(self.closed());
        }
        *failed = Some(Instant::now() + AGAIN_AFTER);
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The file is locked by whoever has it open.
        drop(database.take());
        *database = Some(open_database(&self.path, self.cache_bytes)?);
        *failed = None;
        tracing::info!(path = %self.path.display(), "a store is opened again after its disk had failed");
        Ok(())
    }

    fn failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> StoreError {
        let (path, doing) = (self.path.clone(), "use the file while its disk fails");
        StoreError::Access { path, doing, source: Box::new(redb::Error::PreviousIo) }
    }
}

/// Opens the file at `path`, or makes it, with so much of it kept in memory.
///
/// # Errors
/// [`StoreError::Locked`], [`StoreError::Open`].
fn open_database(path: &Path, cache_bytes: usize) -> Result<Database, StoreError> {
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

#[cfg(test)]
mod tests;
