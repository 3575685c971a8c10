//! The issuers on disk: a gateway starts with them, with no control plane.
//!
//! Owns one file beside the last good tables, in the form of `halftone_core::signal::jwt::kept`. Invariants:
//! - the file is whole or absent: it is written beside its place, synced, and moved there;
//! - what is read back is hostile: it is checked like anything that crossed a socket;
//! - a file that cannot be served is left where it is, for a person to look at, and named in the log.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use halftone_core::{
    limits::FRAME_BYTES_MAX,
    signal::jwt::{Issuer, Issuers, kept},
};
use thiserror::Error;

use crate::last_good::write;

/// Why kept issuers are not served.
#[derive(Debug, Error)]
enum KeptError {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Kept(#[from] kept::KeptError),
}

/// The file of the issuers.
#[derive(Clone, Debug)]
pub struct IssuerKeeper {
    path: PathBuf,
}

impl IssuerKeeper {
    /// Keeps issuers below `data`, in a folder made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("last-good");
        fs::create_dir_all(&folder)?;
        Ok(Self { path: folder.join("issuers.json") })
    }

    /// Reads the issuers that were believed last; what cannot be served is logged.
    #[must_use]
    pub fn load(&self) -> Issuers {
        match read(&self.path) {
            Ok(issuers) => issuers,
            Err(KeptError::Read(error)) if error.kind() == io::ErrorKind::NotFound => {
                Issuers::default()
            }
            Err(error) => {
                tracing::error!(file = %self.path.display(), %error, "Kept issuers cannot be served; they are left as they are.");
                Issuers::default()
            }
        }
    }

    /// Writes a list in place of the one before.
    ///
    /// # Errors
    /// What the disk said; the list before is there still.
    pub fn keep(&self, issuers: &[Issuer]) -> io::Result<()> {
        write(&self.path, &kept::write(issuers)?)
    }
}

fn read(path: &Path) -> Result<Issuers, KeptError> {
    let mut text = Vec::new();
    File::open(path)?.take(FRAME_BYTES_MAX as u64).read_to_end(&mut text)?;
    Ok(kept::read(&text)?)
}

#[cfg(test)]
mod tests;
