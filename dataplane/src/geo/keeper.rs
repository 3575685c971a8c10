//! Copies of the region databases on disk: a gateway starts with them, with no control plane.
//!
//! Owns one file per kind, beside the last good tables. Invariants:
//! - a file is whole or absent: it is written beside its place, synced, and moved there;
//! - its name has its digest, and what is read back is hostile: it is checked like anything that crossed a socket;
//! - a file that cannot be served is left where it is, for a person to look at, and named in the log.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use halftone_core::{
    limits::GEO_BYTES_MAX,
    signal::geo::{Database, Databases, GeoError, GeoKind},
};
use thiserror::Error;

use crate::last_good::write;

/// Why a kept database is not served.
#[derive(Debug, Error)]
enum KeptError {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] GeoError),
    #[error("its content is not what its name says: it is damaged")]
    Digest,
}

/// The folder of the copies.
#[derive(Clone, Debug)]
pub struct GeoKeeper {
    folder: PathBuf,
}

impl GeoKeeper {
    /// Keeps copies below `data`, in a folder made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("last-good");
        fs::create_dir_all(&folder)?;
        // What a write that was cut short has left.
        for entry in fs::read_dir(&folder)?.flatten() {
            let name = entry.file_name();
            let is_left = |name: &str| name.starts_with("geo-") && name.ends_with(".new");
            if name.to_str().is_some_and(is_left) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { folder })
    }

    /// Reads the databases that were served last; what cannot be served is logged.
    #[must_use]
    pub fn load(&self) -> Databases {
        let mut databases = Databases::default();
        for kind in GeoKind::ALL {
            // There is one of each, unless the last write was cut short before the older one was removed.
            for (path, digest) in self.files(kind) {
                match read(&path, &digest) {
                    Ok(database) => databases = databases.with(Arc::new(database)),
                    Err(error) => {
                        tracing::error!(file = %path.display(), %error, "A kept region database cannot be served; it is left as it is.");
                    }
                }
            }
        }
        databases
    }

    /// Writes `bytes`, which have this digest, in place of the copy of their kind.
    ///
    /// # Errors
    /// What the disk said; the copy before is there still.
    pub fn keep(&self, kind: GeoKind, digest: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(format!("geo-{kind}-{digest}.mmdb"));
        write(&path, bytes)?;
        for (old, _) in self.files(kind).into_iter().filter(|(old, _)| *old != path) {
            fs::remove_file(old)?;
        }
        Ok(())
    }

    /// Removes the copies of other kinds.
    ///
    /// # Errors
    /// What the disk said.
    pub fn keep_only(&self, kinds: &[GeoKind]) -> io::Result<()> {
        for kind in GeoKind::ALL.into_iter().filter(|kind| !kinds.contains(kind)) {
            for (path, _) in self.files(kind) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Returns the copies of a kind, the oldest first, with the digests in their names.
    fn files(&self, kind: GeoKind) -> Vec<(PathBuf, String)> {
        let prefix = format!("geo-{kind}-");
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let digest = name.strip_prefix(&prefix)?.strip_suffix(".mmdb")?.to_owned();
                let written = entry.metadata().and_then(|metadata| metadata.modified()).ok()?;
                Some((written, entry.path(), digest))
            })
            .collect();
        files.sort();
        files.into_iter().map(|(_, path, digest)| (path, digest)).collect()
    }
}

fn read(path: &Path, digest: &str) -> Result<Database, KeptError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(GEO_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let database = Database::open(bytes)?;
    if database.state().digest == digest { Ok(database) } else { Err(KeptError::Digest) }
}

#[cfg(test)]
mod tests;
