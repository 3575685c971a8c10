//! Being told of changes in the watched places.
//!
//! Owns the watched folders and the pace of scans. Does not look into files ([`super::Files`] does).
//!
//! Invariants: a scan follows every event, and comes every [`RESCAN`] without one: what the kernel
//! does not tell (a target of a link, a folder that was replaced, a file system without events) is
//! found all the same.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::sync::watch;

use super::{Files, scan::Fingerprint};

/// How long after the last scan the next one comes.
const RESCAN: Duration = Duration::from_secs(2);
/// How soon a scan follows one that found a file being written.
const SOON: Duration = Duration::from_millis(20);

/// The kernel's watcher, and the folders it watches.
struct Watched {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeMap<PathBuf, Option<Fingerprint>>,
}

/// Scans `files` until `stopped`. Blocks.
pub(super) fn run(files: &Files, stopped: &watch::Receiver<bool>, events: &Events) {
    let mut watched = Watched::new(&files.paths, events.sender.clone());
    let mut unsettled = false;
    while !*stopped.borrow() {
        watched.follow();
        let wait = if unsettled { SOON } else { RESCAN };
        match events.receiver.recv_timeout(wait) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        unsettled = files.scan(Some(Instant::now()));
    }
}

/// Wakes the scanner; many wakes are one.
pub(super) struct Events {
    /// The waking end.
    pub(super) sender: Arc<SyncSender<()>>,
    receiver: Receiver<()>,
}

impl Events {
    /// Makes a pair of ends.
    pub(super) fn new() -> Self {
        let (sender, receiver) = sync_channel(1);
        Self { sender: Arc::new(sender), receiver }
    }
}

impl Watched {
    fn new(paths: &[PathBuf], wake: Arc<SyncSender<()>>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Looking at a folder is an event, too; only those that may change something count.
            let closed_after_write = AccessKind::Close(AccessMode::Write);
            let looked = match &event {
                Ok(Event { kind: EventKind::Access(kind), .. }) => *kind != closed_after_write,
                _ => false,
            };
            if !looked {
                let _ = wake.try_send(());
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes of files are not told; they are looked for instead");
        }
        let folders = paths.iter().flat_map(|path| {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            [path.clone(), parent.unwrap_or(Path::new(".")).to_owned()]
        });
        Self { watcher: watcher.ok(), folders: folders.map(|folder| (folder, None)).collect() }
    }

    /// Watches the folders that are there and new, or other ones than before.
    fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for (folder, watched) in &mut self.folders {
            let now = Fingerprint::take(folder).ok().filter(|_| folder.is_dir());
            let same = match (&now, &*watched) {
                (Some(now), Some(watched)) => now.is_same_place(watched),
                (None, None) => true,
                _ => false,
            };
            if same {
                continue;
            }
            // It may not be watched, or no longer.
            let _ = watcher.unwatch(folder);
            let added = now.is_none() || watcher.watch(folder, RecursiveMode::NonRecursive).is_ok();
            *watched = now.filter(|_| added);
        }
    }
}
