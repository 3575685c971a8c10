//! The last good tables on disk: a gateway starts serving with no control plane.
//!
//! Owns two files, one per table, written by a thread of its own after a commit: at once, but for a rest after each write.
//! Does not hold a commit up: what a crash loses, the control plane publishes again when it connects. Invariants:
//! - a file is whole or absent: it is written beside its place, synced, and moved there;
//! - what is read back is hostile: it is opened like anything that crossed a socket;
//! - a file that cannot be served is left where it is, for a person to look at, and named in the log.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, Sender, bounded};
use halftone_core::{
    limits::TABLE_BYTES_MAX,
    table::{
        InstanceTable, RuleTable, Table, TableKind,
        archive::{Archive, ArchiveError, HEADER_BYTES},
        epoch::EpochCell,
    },
};
use thiserror::Error;

use crate::tables::Tables;

/// How much longer than a write took the disk is then left to others: a control plane syncs its store on it, too.
const REST: u32 = 10;
/// Longest rest: so much is what a crash may lose, and a control plane makes good.
const REST_MAX: Duration = Duration::from_secs(1);
/// How much is written between two syncs: who syncs another file on this disk waits for a piece, and not for a table.
const PIECE_BYTES: usize = 1024 * 1024;

/// Why a kept table is not served.
#[derive(Debug, Error)]
pub enum LastGoodError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file is larger than any table.
    #[error("it has {0} bytes, more than any table")]
    TooLarge(u64),
    /// The file is no table of this build.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// The folder of the two files.
#[derive(Clone, Debug)]
pub struct LastGood {
    folder: PathBuf,
}

impl LastGood {
    /// Keeps the tables below `data`, in a folder made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("last-good");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Reads the rules that were served last, and the instances.
    ///
    /// What is not there, or cannot be served, is nothing; the latter is logged.
    #[must_use]
    pub fn load(&self) -> (Option<Archive<RuleTable>>, Option<Archive<InstanceTable>>) {
        (self.load_one(), self.load_one())
    }

    /// Starts the thread that keeps the newest of `tables` each time the result is told to.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn keep(self, tables: Arc<EpochCell<Option<Tables>>>) -> io::Result<Keeper> {
        let (told, changes) = bounded(1);
        thread::Builder::new()
            .name("last-good".to_owned())
            .spawn(move || self.follow(&tables, &changes))?;
        Ok(Keeper(told))
    }

    fn load_one<T: Table>(&self) -> Option<Archive<T>> {
        let path = self.path(T::KIND);
        match read(&path) {
            Ok(archive) => archive,
            Err(error) => {
                tracing::error!(file = %path.display(), %error, "A kept table cannot be served; it is left as it is.");
                None
            }
        }
    }

    fn path(&self, kind: TableKind) -> PathBuf {
        self.folder.join(match kind {
            TableKind::Rules => "rules.table",
            TableKind::Instances => "instances.table",
            TableKind::Tags => "tags.table",
            TableKind::List => "list.table",
        })
    }

    fn follow(&self, tables: &EpochCell<Option<Tables>>, changes: &Receiver<()>) {
        let mut kept = (0, 0);
        for () in changes {
            let begun = Instant::now();
            let newest = tables.load();
            let Some(tables) = newest.as_ref() else { continue };
            let epochs = tables.epochs();
            if epochs.0 != kept.0
                && self.write(TableKind::Rules, tables.loaded_rules().archive.bytes())
            {
                kept.0 = epochs.0;
            }
            if epochs.1 != kept.1
                && self.write(TableKind::Instances, tables.loaded_instances().archive.bytes())
            {
                kept.1 = epochs.1;
            }
            drop(newest);
            // What comes meanwhile is kept at once afterwards, the newest of it.
            thread::sleep((begun.elapsed() * REST).min(REST_MAX));
        }
    }

    fn write(&self, kind: TableKind, bytes: &[u8]) -> bool {
        let path = self.path(kind);
        match write(&path, bytes) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(
                    file = %path.display(), %error,
                    "The served table cannot be kept; a restart without control plane would serve an older one."
                );
                false
            }
        }
    }
}

/// Tells the keeping thread that there is something new; never waits.
#[derive(Clone, Debug)]
pub struct Keeper(Sender<()>);

impl Keeper {
    /// Has the newest tables kept soon; several calls in a row are one.
    pub fn tell(&self) {
        // Full means that the thread will look again anyway.
        let _ = self.0.try_send(());
    }
}

/// Reads a table; nothing when there is no such file.
pub(crate) fn read<T: Table>(path: &Path) -> Result<Option<Archive<T>>, LastGoodError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let limit = (TABLE_BYTES_MAX + HEADER_BYTES) as u64;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(LastGoodError::TooLarge(bytes.len() as u64));
    }
    Ok(Some(Archive::copy_from(&bytes)?))
}

/// Writes a file that is whole or absent, also after a crash.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    let mut pieces = bytes.chunks(PIECE_BYTES).peekable();
    while let Some(piece) = pieces.next() {
        file.write_all(piece)?;
        if pieces.peek().is_some() {
            file.sync_data()?;
        }
    }
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The move itself is on disk only once its folder is.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests;
