//! The key file of a gateway: read at the start, and again whenever it is another one.
//!
//! Owns the reading, who may read and write it besides, and the thread that looks at it. What is in it is
//! `halftone_core::signal::keys`'. Workers see the keys through an [`EpochCell`], as they see tables.
//!
//! Invariants:
//! - a file that others may read, or that cannot be read whole, is refused; the keys that are used stay;
//! - no worker waits for the file, and no message says more of a key than its id.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use halftone_core::{
    limits::{KEYS_FILE_BYTES_MAX, KEYS_WATCH_MS},
    signal::keys::{KeyRing, KeysError, Secret, parse_keys},
    table::epoch::EpochCell,
};
use thiserror::Error;

/// What the group may not do, and what nobody else may: a file that is mounted for a group is readable by it.
const TOO_OPEN: u32 = 0o027;

/// Why a key file is not taken.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no file.
    #[error("{path} is not a regular file", path = path.display())]
    Kind {
        /// The path.
        path: PathBuf,
    },
    /// Others could sign.
    #[error(
        "{path} has mode {mode:04o}: whoever reads it can sign; expected 0600, or 0640 for a group (chmod 0600 {path})",
        path = path.display()
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is larger than any key file.
    #[error("{path} has more than {KEYS_FILE_BYTES_MAX} bytes", path = path.display())]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// It says something else.
    #[error("{path}: {source}", path = path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: KeysError,
    },
}

impl KeyFileError {
    /// Returns whether there is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads the keys in the file at `path`.
///
/// # Errors
/// [`KeyFileError`].
pub fn read_keys(path: &Path) -> Result<Vec<Secret>, KeyFileError> {
    let path = || path.to_owned();
    let failed = |source| KeyFileError::Io { path: path(), source };
    // Before it is opened: to open a pipe is to wait.
    check(&path(), &std::fs::metadata(path()).map_err(failed)?)?;
    let file = File::open(path()).map_err(failed)?;
    check(&path(), &file.metadata().map_err(failed)?)?;
    let mut text = String::new();
    file.take(KEYS_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > KEYS_FILE_BYTES_MAX {
        return Err(KeyFileError::Size { path: path() });
    }
    parse_keys(&text).map_err(|source| KeyFileError::Text { path: path(), source })
}

fn check(path: &Path, found: &Metadata) -> Result<(), KeyFileError> {
    let (path, mode) = (path.to_owned(), found.mode() & 0o7777);
    if !found.is_file() {
        return Err(KeyFileError::Kind { path });
    }
    if mode & TOO_OPEN != 0 { Err(KeyFileError::Mode { path, mode }) } else { Ok(()) }
}

/// Where the keys are.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// Whether it has to be there when the gateway starts.
    pub required: bool,
}

/// The keys of a gateway, as all of its threads see them.
#[derive(Debug)]
pub struct Keys {
    /// The newest.
    pub cell: Arc<EpochCell<KeyRing>>,
    /// How often a file was refused that should have replaced them.
    refused: AtomicU64,
}

impl Default for Keys {
    /// Has none, and never will.
    fn default() -> Self {
        Self { cell: Arc::new(EpochCell::new(KeyRing::default())), refused: AtomicU64::new(0) }
    }
}

impl Keys {
    /// Takes the keys in `file`, and goes on looking whether it is another one.
    ///
    /// # Errors
    /// [`KeyFileError`] when it has to be there and cannot be taken, or is there and cannot be taken; whatever happens to
    /// it later is logged and counted.
    pub fn follow(file: &KeyFile) -> Result<Arc<Self>, KeyFileError> {
        let seen = seen(&file.path);
        let ring = match read_keys(&file.path) {
            Ok(secrets) => KeyRing::new(&secrets),
            Err(error) if error.is_missing() && !file.required => KeyRing::default(),
            Err(error) => return Err(error),
        };
        let keys =
            Arc::new(Self { cell: Arc::new(EpochCell::new(ring)), refused: AtomicU64::new(0) });
        let (following, path) = (Arc::clone(&keys), file.path.clone());
        let started = thread::Builder::new().name("keys".to_owned()).spawn(move || {
            let mut seen = seen;
            loop {
                thread::sleep(Duration::from_millis(KEYS_WATCH_MS));
                following.look(&path, &mut seen);
            }
        });
        match started {
            Ok(_) => Ok(keys),
            Err(source) => Err(KeyFileError::Io { path: file.path.clone(), source }),
        }
    }

    /// Returns the ids of the keys; the first signs.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.cell.load().ids()
    }

    /// Returns how often a file was refused that should have replaced the keys.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn look(&self, path: &Path, last: &mut Option<Seen>) {
        let now = seen(path);
        if now == *last {
            return;
        }
        *last = now;
        match read_keys(path) {
            Ok(secrets) => {
                let ring = KeyRing::new(&secrets);
                tracing::info!(keys = ?ring.ids(), "Other keys are used; the first signs.");
                self.cell.publish(ring);
            }
            Err(error) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "The key file cannot be taken; the keys that were used stay.");
            }
        }
    }
}

/// What tells one state of a file from another.
type Seen = (u64, u64, i64, i64, u64, u32);

fn seen(path: &Path) -> Option<Seen> {
    let found = std::fs::metadata(path).ok()?;
    let changed = (found.ctime(), found.ctime_nsec());
    Some((found.dev(), found.ino(), changed.0, changed.1, found.size(), found.mode()))
}

#[cfg(test)]
mod tests;
