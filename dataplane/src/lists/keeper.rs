//! Copies of the lists on disk: a gateway starts with them, with no control plane.
//!
//! Owns one file per list, beside the last good tables. Invariants:
//! - a file is whole or absent: it is written beside its place, synced, and moved there;
//! - what is read back is hostile: it is opened like anything that crossed a socket, and lies at the place of the list
//!   that it is;
//! - a file that cannot be served is left where it is, for a person to look at, and named in the log.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use halftone_core::{
    signal::lists::{IdLists, ListName, ListState},
    table::{
        IdList,
        archive::{Archive, fingerprint},
    },
};
use thiserror::Error;

use crate::last_good::{LastGoodError, read, write};

/// Why a kept list is not served.
#[derive(Debug, Error)]
enum KeptError {
    #[error(transparent)]
    File(#[from] LastGoodError),
    #[error("it is gone")]
    Gone,
    #[error("it is another list than its name says")]
    Other,
}

/// The folder of the copies.
#[derive(Clone, Debug)]
pub struct ListKeeper {
    folder: PathBuf,
}

impl ListKeeper {
    /// Keeps copies below `data`, in a folder made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("last-good");
        fs::create_dir_all(&folder)?;
        let keeper = Self { folder };
        // What a write that was cut short has left.
        for path in keeper.files("new") {
            fs::remove_file(path)?;
        }
        Ok(keeper)
    }

    /// Reads the lists that were served last; what cannot be served is logged.
    #[must_use]
    pub fn load(&self) -> IdLists {
        let mut lists = IdLists::default();
        for path in self.files("table") {
            match self.load_one(&path) {
                Ok(list) => lists = lists.with(Arc::new(list)),
                Err(error) => {
                    tracing::error!(file = %path.display(), %error, "A kept list cannot be served; it is left as it is.");
                }
            }
        }
        lists
    }

    /// Writes `list` in place of the copy of its name.
    ///
    /// # Errors
    /// What the disk said; the copy before is there still.
    pub fn keep(&self, list: &Archive<IdList>) -> io::Result<()> {
        write(&self.path(&ListState::of(list).name), list.bytes())
    }

    /// Removes the copies of other lists.
    ///
    /// # Errors
    /// What the disk said.
    pub fn keep_only(&self, names: &[ListName]) -> io::Result<()> {
        let kept: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        for path in self.files("table").into_iter().filter(|path| !kept.contains(path)) {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    fn load_one(&self, path: &Path) -> Result<Archive<IdList>, KeptError> {
        let list = read::<IdList>(path)?.ok_or(KeptError::Gone)?;
        let is_there = self.path(&ListState::of(&list).name) == path;
        if is_there { Ok(list) } else { Err(KeptError::Other) }
    }

    /// Names have any length, and letters that differ in case alone: so a file is named by a number.
    fn path(&self, ListName { tenant, list }: &ListName) -> PathBuf {
        let number = fingerprint(format!("{tenant}/{list}").as_bytes());
        self.folder.join(format!("list-{number:016x}.table"))
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("list-") && path.extension().is_some_and(|found| found == extension)
        });
        paths.collect()
    }
}

#[cfg(test)]
mod tests;
