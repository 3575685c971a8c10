//! The lists of ids: who is a member of which segment, by tenant and list.
//!
//! Owns a folder with one file per list, and what gateways are given of each. Ids are not kept: what is asked of a list is
//! whether an id is on it, and fingerprints answer that (decision 0028). Does not read what people load ([`crate::tags`]
//! reads lines) and does not send lists ([`crate::link`] does).
//!
//! Invariants:
//! - a list is replaced wholly, or not at all; what is served is what a restart would find, and it is durable before that is
//!   acknowledged;
//! - its revision grows with every change; what says nothing new has no number;
//! - a file that is not what was written ends the start: gateways would be told that there is no such list.

mod file;

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher as _, RandomState},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use halftone_core::{
    limits::{LISTS_IDS_MAX, LISTS_MAX},
    signal::lists::{ListName, ListState},
    table::{
        IdList,
        archive::{Archive, ArchiveError, fingerprint},
    },
};
use halftone_link::{SealedError, SealedTable};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};

use crate::{
    healing::Kept,
    store::{self, Health},
};
use file::Written;

const FOLDER: &str = "lists";
/// Most lists that are loaded at once: each holds its fingerprints in memory until it is whole.
const LOADS_MAX: usize = 2;

/// Why a list was not read or written.
#[derive(Debug, Error)]
pub enum ListStoreError {
    /// There is no room for it.
    #[error(
        "{lists} lists with {ids} ids are more than gateways hold: {LISTS_MAX} with {LISTS_IDS_MAX}"
    )]
    Full {
        /// How many lists there would be.
        lists: usize,
        /// How many ids they would have.
        ids: usize,
    },
    /// The disk failed; nothing was changed.
    #[error("lists {path}: cannot {doing}: {source}")]
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The folder could not be synced: what was changed is there, for as long as the machine runs.
    #[error("it is not known whether the change would outlive a crash of the machine: {0}")]
    Unknown(#[source] Box<ListStoreError>),
    /// A file is not what was written.
    #[error("list {path}: {what}; restore it from a backup, or remove it and load the list again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The list cannot be made a table.
    #[error("a list cannot be served: {0}")]
    Archive(#[from] ArchiveError),
    /// The kernel gives no memory file.
    #[error("a list cannot be handed to gateways: {0}")]
    Sealed(#[from] SealedError),
}

impl ListStoreError {
    /// Returns whether there is no room on the disk.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => store::is_full(source),
            Self::Unknown(cause) => cause.is_full(),
            _ => false,
        }
    }
}

/// A list that is held.
#[derive(Debug)]
pub(crate) struct Held {
    /// What is told of it.
    pub(crate) state: ListState,
    /// The table, as gateways get it.
    pub(crate) file: Arc<SealedTable>,
    key: u64,
    /// Tells these fingerprints from others.
    checksum: u64,
}

impl Held {
    /// Returns what tells it from every other list of its name.
    pub(crate) fn version(&self) -> String {
        format!("{}-{:016x}", self.state.revision, self.checksum ^ self.key.rotate_left(32))
    }
}

/// Every list.
pub(crate) type Lists = Arc<BTreeMap<ListName, Arc<Held>>>;

/// The lists of every tenant.
#[derive(Debug)]
pub(crate) struct ListStore {
    folder: PathBuf,
    health: Health,
    newest: watch::Sender<Lists>,
    /// Held by whoever changes a list: whether the folder has a change that may not outlive a crash.
    writing: Mutex<bool>,
    /// Bounds the lists that are loaded at once.
    pub(crate) loads: Semaphore,
}

impl ListStore {
    /// Opens the lists in `directory`, which is there. Reads all of them.
    ///
    /// # Errors
    /// [`ListStoreError`].
    pub(crate) fn open(directory: &Path) -> Result<Self, ListStoreError> {
        let folder = directory.join(FOLDER);
        fs::create_dir_all(&folder).map_err(io_error(&folder, "make the folder"))?;
        let mut lists = BTreeMap::new();
        let entries = fs::read_dir(&folder).map_err(io_error(&folder, "read the folder"))?;
        for entry in entries {
            let path = entry.map_err(io_error(&folder, "read the folder"))?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("list") => {
                    let (held, _) = hold(file::read(&path)?)?;
                    lists.insert(held.state.name.clone(), Arc::new(held));
                }
                // What a write that was cut short has left.
                Some("new") => fs::remove_file(&path).map_err(io_error(&path, "remove it"))?,
                _ => {}
            }
        }
        let newest = watch::channel(Arc::new(lists)).0;
        let (writing, loads) = (Mutex::default(), Semaphore::new(LOADS_MAX));
        Ok(Self { folder, health: Health::new("lists"), newest, writing, loads })
    }

    /// Returns the lists, and later ones as they come.
    #[must_use]
    pub(crate) fn newest(&self) -> watch::Receiver<Lists> {
        self.newest.subscribe()
    }

    /// Returns every list of `tenant`, by name.
    #[must_use]
    pub(crate) fn of_tenant(&self, tenant: &str) -> Vec<ListState> {
        let newest = self.newest.borrow();
        let states = newest.values().map(|held| held.state.clone());
        states.filter(|state| state.name.tenant == tenant).collect()
    }

    /// Returns what is known of a list.
    #[must_use]
    pub(crate) fn find(&self, name: &ListName) -> Option<ListState> {
        self.newest.borrow().get(name).map(|held| held.state.clone())
    }

    /// Returns what the fingerprints of a list are to be made with: what they are made with now, else a number nobody can
    /// guess (the standard library takes it from the kernel).
    #[must_use]
    pub(crate) fn key(&self, name: &ListName) -> u64 {
        let known = self.newest.borrow().get(name).map(|held| held.key);
        known.unwrap_or_else(|| RandomState::new().hash_one(name.list.as_str()))
    }

    /// Replaces a list by the ids with these fingerprints, made with `key`, in any order. Blocks on the disk.
    ///
    /// # Errors
    /// [`ListStoreError`]; the list is what it was then, but for [`ListStoreError::Unknown`].
    pub(crate) fn replace(
        &self,
        name: ListName,
        key: u64,
        mut prints: Vec<u64>,
    ) -> Result<ListState, ListStoreError> {
        prints.sort_unstable();
        prints.dedup();
        let mut is_unsynced = self.turn()?;
        let lists = Arc::clone(&self.newest.borrow());
        let before = lists.get(&name);
        let others = lists.iter().filter(|(other, _)| **other != name);
        let (lists, ids) = others.fold((1, prints.len()), |(lists, ids), (_, held)| {
            (lists + 1, ids + usize::try_from(held.state.ids).unwrap_or(usize::MAX))
        });
        if lists > LISTS_MAX || ids > LISTS_IDS_MAX {
            return Err(ListStoreError::Full { lists, ids });
        }
        let checksum = fingerprint(&file::bytes(&prints));
        if let Some(before) = before.filter(|held| (held.key, held.checksum) == (key, checksum)) {
            return Ok(before.state.clone());
        }
        let revision = before.map_or(0, |held| held.state.revision) + 1;
        let (held, written) = hold(Written { name: name.clone(), revision, key, prints })?;
        self.noted(file::write(&self.folder, &written))?;
        let (state, synced) = (held.state.clone(), self.sync(&mut is_unsynced));
        self.newest.send_modify(|lists| drop(Arc::make_mut(lists).insert(name, Arc::new(held))));
        synced.map(|()| state)
    }

    /// Forgets a list; returns whether there was one. Blocks on the disk.
    ///
    /// # Errors
    /// [`ListStoreError`]; the list is there still, but for [`ListStoreError::Unknown`].
    pub(crate) fn delete(&self, name: &ListName) -> Result<bool, ListStoreError> {
        let mut is_unsynced = self.turn()?;
        if !self.newest.borrow().contains_key(name) {
            return Ok(false);
        }
        self.noted(file::remove(&self.folder, name))?;
        let synced = self.sync(&mut is_unsynced);
        self.newest.send_modify(|lists| drop(Arc::make_mut(lists).remove(name)));
        synced.map(|()| true)
    }

    /// Waits for the turn to change a list; what was changed before is durable then.
    fn turn(&self) -> Result<MutexGuard<'_, bool>, ListStoreError> {
        let mut is_unsynced = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_unsynced {
            self.noted(file::sync(&self.folder))?;
            *is_unsynced = false;
        }
        Ok(is_unsynced)
    }

    /// Makes a change of the folder durable. It is served in either case: a restart finds it.
    fn sync(&self, is_unsynced: &mut bool) -> Result<(), ListStoreError> {
        let synced = self.noted(file::sync(&self.folder));
        *is_unsynced = synced.is_err();
        synced.map_err(|error| ListStoreError::Unknown(Box::new(error)))
    }

    /// Notes what became of a write.
    fn noted(&self, written: Result<(), ListStoreError>) -> Result<(), ListStoreError> {
        match &written {
            Ok(()) => self.health.works(),
            Err(error) => self.health.failed(error),
        }
        written
    }
}

impl Kept for ListStore {
    fn health(&self) -> &Health {
        &self.health
    }

    fn probe(&self) -> Result<(), String> {
        let turn = self.turn();
        turn.and_then(|_turn| file::probe(&self.folder)).map_err(|error| error.to_string())
    }
}

/// Makes what gateways are given.
fn hold(written: Written) -> Result<(Held, Written), ListStoreError> {
    let Written { name, revision, key, prints } = written;
    let checksum = fingerprint(&file::bytes(&prints));
    let table = IdList { tenant: name.tenant, name: name.list, key, prints };
    let archive = Archive::build(&table, revision)?;
    let file = Arc::new(SealedTable::create(archive.bytes())?);
    let held = Held { state: ListState::of(&archive), file, key, checksum };
    let name = held.state.name.clone();
    Ok((held, Written { name, revision, key, prints: table.prints }))
}

fn io_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> ListStoreError {
    let path = path.to_owned();
    move |source| ListStoreError::Io { path, doing, source }
}

#[cfg(test)]
mod tests;
