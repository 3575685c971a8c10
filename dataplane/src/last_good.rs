//! The last good tables on disk: a gateway starts serving with no control plane.
//!
//! Owns two files, one per table, written by a thread of its own after each commit. Does not hold a
//! commit up: what a crash loses, the control plane publishes again when it connects, and who has none
//! asks until it is on disk ([`Keeper::kept`]). Invariants:
//! - a file is whole or absent: it is written beside its place, synced, and moved there;
//! - what is read back is hostile: it is opened like anything that crossed a socket;
//! - a file that cannot be served is left where it is, for a person to look at, and named in the log.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
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

/// Why what is served is not known to be on disk.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotKept {
    /// A file could not be written.
    #[error("it is served, but it cannot be kept on disk: {0}")]
    Disk(String),
    /// It takes longer than anybody waits.
    #[error("it is served, but after {} ms it is not on disk yet", .0.as_millis())]
    Late(Duration),
}

/// The epochs of rules and instances.
type Epochs = (u64, u64);

/// How far the thread is.
#[derive(Debug)]
struct Progress {
    kept: Epochs,
    /// The newest that could not be written, and why.
    failed: Option<(Epochs, String)>,
}

/// What the thread tells, and who waits for it.
#[derive(Debug)]
struct Told {
    progress: Mutex<Progress>,
    changed: Condvar,
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

    /// Starts the thread that keeps the newest of `tables` each time the result is told to. What they hold now was read
    /// from here.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn keep(self, tables: Arc<EpochCell<Option<Tables>>>) -> io::Result<Keeper> {
        let (tell, changes) = bounded(1);
        let kept = tables.load().as_ref().as_ref().map_or((0, 0), Tables::epochs);
        let progress = Progress { kept, failed: None };
        let told = Arc::new(Told { progress: Mutex::new(progress), changed: Condvar::new() });
        let keeper = Keeper { tell, told: Arc::clone(&told) };
        thread::Builder::new()
            .name("last-good".to_owned())
            .spawn(move || self.follow(&tables, &changes, kept, &told))?;
        Ok(keeper)
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

    fn follow(
        &self,
        tables: &EpochCell<Option<Tables>>,
        changes: &Receiver<()>,
        mut kept: Epochs,
        told: &Told,
    ) {
        for () in changes {
            let newest = tables.load();
            let Some(tables) = newest.as_ref() else { continue };
            let failed = self.write_both(tables, &mut kept).err().map(|error| {
                tracing::error!(
                    folder = %self.folder.display(), %error,
                    "The served tables cannot be kept; a restart without control plane would serve older ones."
                );
                (tables.epochs(), error.to_string())
            });
            *told.progress.lock().unwrap_or_else(PoisonError::into_inner) =
                Progress { kept, failed };
            told.changed.notify_all();
        }
    }

    /// Writes the tables that are not `kept` yet: both are on disk before the first of them is moved to its place, so that
    /// new rules are not left with old instances for as long as a disk takes.
    fn write_both(&self, tables: &Tables, kept: &mut Epochs) -> io::Result<()> {
        let (rules, instances) = tables.epochs();
        let all = [
            (rules != kept.0, TableKind::Rules, tables.loaded_rules().archive.bytes()),
            (instances != kept.1, TableKind::Instances, tables.loaded_instances().archive.bytes()),
        ];
        let newer = || all.iter().filter(|(is_newer, ..)| *is_newer);
        for (_, kind, bytes) in newer() {
            write_beside(&self.path(*kind), bytes)?;
        }
        for (_, kind, _) in newer() {
            move_to(&self.path(*kind))?;
        }
        sync_folder(&self.folder)?;
        *kept = (rules, instances);
        Ok(())
    }
}

/// Tells the keeping thread that there is something new, and asks how far it is.
#[derive(Clone, Debug)]
pub struct Keeper {
    tell: Sender<()>,
    told: Arc<Told>,
}

impl Keeper {
    /// Has the newest tables kept soon; several calls in a row are one. Never waits.
    pub fn tell(&self) {
        // Full means that the thread will look again anyway.
        let _ = self.tell.try_send(());
    }

    /// Waits until tables of these epochs, or newer ones, are on disk.
    ///
    /// # Errors
    /// [`NotKept`]; they are served all the same.
    pub fn kept(&self, epochs: Epochs, within: Duration) -> Result<(), NotKept> {
        let until = Instant::now() + within;
        let reaches = |found: Epochs| found.0 >= epochs.0 && found.1 >= epochs.1;
        let mut progress = self.told.progress.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if reaches(progress.kept) {
                return Ok(());
            }
            if let Some((_, why)) = progress.failed.as_ref().filter(|(failed, _)| reaches(*failed))
            {
                return Err(NotKept::Disk(why.clone()));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NotKept::Late(within));
            }
            let waited = self.told.changed.wait_timeout(progress, left);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
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
    write_beside(path, bytes)?;
    move_to(path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(beside(path))?;
    let mut pieces = bytes.chunks(PIECE_BYTES).peekable();
    while let Some(piece) = pieces.next() {
        file.write_all(piece)?;
        if pieces.peek().is_some() {
            file.sync_data()?;
        }
    }
    file.sync_all()
}

fn move_to(path: &Path) -> io::Result<()> {
    fs::rename(beside(path), path)
}

/// What was moved is on disk only once its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("new")
}

#[cfg(test)]
mod tests;
