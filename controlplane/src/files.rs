//! Bundles in files: each the only source of its tenant.
//!
//! Owns what each file said last and what became of it, and who owns which tenant by that. Does not
//! own what a bundle may say ([`crate::source`]) or its admission ([`crate::state`]).
//!
//! Invariants:
//! - a file is read once it has been left alone for [`SETTLED`]; equal content is never applied twice,
//!   so a save, a move and a swap of links are one reload each;
//! - what cannot be read or admitted is told once, and the last good bundle stays; a file or a folder
//!   that is gone, or empty, removes nothing;
//! - a tenant belongs to the file that named it first, while that file is given;
//! - a file that names another tenant takes what it owns along, in one step or not at all.

pub(crate) mod scan;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use halftone_core::{limits::BUNDLE_BYTES_MAX, table::archive::fingerprint};
use tokio::sync::watch as channel;

use crate::{
    counts::Counts,
    source::{Format, SourceError, read_bundle},
    state::{Asked, Origin, State, StateError},
};
use scan::{Fingerprint, files_of, read};
use watch::Events;

/// How long a file must not have changed before it is read.
const SETTLED: Duration = Duration::from_millis(100);
/// What is said of a file that is gone.
const GONE: &str = "the file is gone; what it said last is kept";

/// The files that were given, and what is known of them.
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    state: Arc<State>,
    counts: Arc<Counts>,
    entries: Mutex<BTreeMap<PathBuf, Entry>>,
    /// How often a file came to own another tenant, or none.
    claims: AtomicU64,
}

/// What a dispute may hang on: the number of the newest change, and of claims.
type Moment = (u64, u64);

/// What is known of one file.
#[derive(Clone, Debug, Default)]
struct Entry {
    shown: Source,
    /// What was dealt with last; nothing when the file was gone.
    seen: Option<Option<Fingerprint>>,
    /// What is there now, since when.
    pending: Option<(Option<Fingerprint>, Instant)>,
    content: Option<u64>,
    /// It was not there when it was looked at last.
    gone: bool,
    retry: Retry,
}

/// Whether the same content is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Retry {
    #[default]
    Never,
    /// When this is the past: a dispute may be over.
    After(Moment),
    /// With every scan: the disk may be well again.
    Always,
}

/// A file as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// The tenant it owns.
    pub(crate) tenant: Option<String>,
    /// The digest and the revision of the bundle of it that was applied last.
    pub(crate) applied: Option<(String, u64)>,
    /// Why what it says now is not applied.
    pub(crate) error: Option<String>,
}

impl Files {
    /// Reads every file of `paths` once. Blocks.
    #[must_use]
    pub(crate) fn load(paths: Vec<PathBuf>, state: Arc<State>, counts: Arc<Counts>) -> Arc<Self> {
        let (entries, claims) = (Mutex::default(), AtomicU64::default());
        let files = Arc::new(Self { paths, state, counts, entries, claims });
        files.scan(None);
        files.claim_by_history();
        files.scan(None);
        files.forget_renamed();
        files
    }

    /// Follows the files until `stopped`.
    pub(crate) fn watch(self: &Arc<Self>, stopped: channel::Receiver<bool>) {
        let (files, events) = (Arc::clone(self), Events::new());
        let wake = Arc::clone(&events.sender);
        let mut told = stopped.clone();
        tokio::spawn(async move {
            let _ = told.wait_for(|stopped| *stopped).await;
            let _ = wake.try_send(());
        });
        tokio::task::spawn_blocking(move || watch::run(&files, &stopped, &events));
    }

    /// Returns what is known of each file, in order.
    #[must_use]
    pub(crate) fn sources(&self) -> Vec<(PathBuf, Source)> {
        let entries = self.entries();
        // A folder that was missing once is itself no source.
        let known = entries.iter().filter(|(_, entry)| entry.shown != Source::default());
        known.map(|(path, entry)| (path.clone(), entry.shown.clone())).collect()
    }

    /// Looks at every file, and deals with those that changed and have settled; without a time they
    /// all count as settled. Returns whether one has not.
    fn scan(&self, now: Option<Instant>) -> bool {
        let mut places: BTreeSet<PathBuf> = self.entries().keys().cloned().collect();
        for path in &self.paths {
            match files_of(path) {
                Ok(files) => places.extend(files),
                Err(_) => drop(places.insert(path.clone())),
            }
        }
        let mut unsettled = false;
        for path in places {
            // Others read entries meanwhile; nobody else writes them.
            let mut entry = self.entries().get(&path).cloned().unwrap_or_default();
            unsettled |= self.look(&path, &mut entry, now);
            self.entries().insert(path, entry);
        }
        unsettled
    }

    fn look(&self, path: &Path, entry: &mut Entry, now: Option<Instant>) -> bool {
        let found = Fingerprint::take(path).ok().filter(|_| !path.is_dir());
        let again = match entry.retry {
            // A folder that was missing.
            Retry::Never => entry.shown.error.is_some() && path.is_dir(),
            Retry::After(moment) => self.moment() != moment,
            Retry::Always => true,
        };
        if entry.seen == Some(found) && !again {
            entry.pending = None;
            return false;
        }
        if let Some(now) = now.filter(|_| entry.seen != Some(found)) {
            let since = entry.pending.filter(|(pending, _)| *pending == found);
            let (_, since) = *entry.pending.insert(since.unwrap_or((found, now)));
            if now.duration_since(since) < SETTLED {
                return true;
            }
        }
        let text = match found.map(|found| read(path, &found, BUNDLE_BYTES_MAX)).transpose() {
            Ok(Some(None)) => return true,
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(missing(path, &self.paths)),
            Err(error) => Err(Some(format!("{}: {error}", path.display()))),
        };
        (entry.seen, entry.pending) = (Some(found), None);
        let again = again || std::mem::replace(&mut entry.gone, found.is_none());
        match text {
            Ok(text) => self.take(path, entry, &text.unwrap_or_default(), again),
            Err(error) => entry.refuse(path, error),
        }
        false
    }

    /// Deals with the content of a file.
    fn take(&self, path: &Path, entry: &mut Entry, text: &[u8], again: bool) {
        let content = fingerprint(text);
        if entry.content == Some(content) && !again {
            return;
        }
        entry.content = Some(content);
        entry.retry = Retry::Never;
        let known = |tenant: &str| self.state.judged(tenant);
        let (judged, warnings) = match read_bundle(text, Format::of_path(path), &known) {
            Ok(read) => read,
            Err(error) => return self.refuse(path, entry, in_words(path, &error), again),
        };
        let tenant = judged.bundle().metadata.tenant.clone();
        let asked = asked(path);
        let before = entry.shown.tenant.clone();
        let from = before.clone().filter(|owned| *owned != tenant && self.is_from(path, owned));
        self.claim(path, entry, &tenant, from.as_deref());
        let put = match &from {
            Some(from) => self.state.move_bundle(judged, from, &asked),
            None => self.state.put_bundle(judged, &asked),
        };
        if let Some(from) = from {
            self.claim(path, entry, if put.is_ok() { &tenant } else { &from }, None);
        }
        if entry.shown.tenant != before {
            self.claims.fetch_add(1, Ordering::Relaxed);
        }
        match put {
            Ok(put) => {
                entry.shown.error = None;
                entry.shown.applied = Some((put.digest.clone(), put.revision));
                tracing::info!(path = %path.display(), %tenant, digest = %put.digest, revision = put.revision, "a file is applied");
                let file = path.display().to_string();
                for warning in warnings {
                    tracing::warn!(warning = %warning.in_file(&file), "a file should be looked at");
                }
            }
            Err(error) => {
                entry.retry = match &error {
                    StateError::Store(_) => Retry::Always,
                    _ => Retry::After(self.moment()),
                };
                self.refuse(path, entry, format!("{}: {error}", path.display()), again);
            }
        }
    }

    /// Shows why a bundle is refused, and counts it unless it is the same one, tried again.
    fn refuse(&self, path: &Path, entry: &mut Entry, error: String, again: bool) {
        if !again || entry.shown.error.as_ref() != Some(&error) {
            self.counts.refuse(&Origin::File(path.to_owned()));
        }
        entry.refuse(path, Some(error));
    }

    fn moment(&self) -> Moment {
        (*self.state.changes().borrow(), self.claims.load(Ordering::Relaxed))
    }

    /// Returns whether the bundle that `tenant` has was put there by this file.
    fn is_from(&self, path: &Path, tenant: &str) -> bool {
        let applied = self.entries().get(path).and_then(|entry| entry.shown.applied.clone());
        self.state.tenants().into_iter().filter(|known| known.tenant == tenant).any(|known| {
            known.file().as_deref() == Some(path)
                || applied.as_ref().is_some_and(|(digest, _)| *digest == known.digest)
        })
    }

    /// Makes the file the owner of `tenant`, unless another one is, and of nothing else but `from`.
    fn claim(&self, path: &Path, entry: &mut Entry, tenant: &str, from: Option<&str>) {
        entry.shown.tenant = None;
        let mut owners = self.owners();
        owners.retain(|owned, owner| owner != path || Some(owned.as_str()) == from);
        if !owners.contains_key(tenant) {
            owners.insert(tenant.to_owned(), path.to_owned());
            entry.shown.tenant = Some(tenant.to_owned());
        }
        self.state.set_owners(owners);
    }

    /// A file that is not applied from the start still owns the tenant it was applied to last.
    fn claim_by_history(&self) {
        let mut claimed = BTreeSet::new();
        for tenant in self.state.tenants().into_iter().filter(|tenant| tenant.owner.is_none()) {
            let Some(path) = tenant.file() else { continue };
            let mut entries = self.entries();
            let entry = entries.get_mut(&path).filter(|entry| matches!(entry.seen, Some(Some(_))));
            let entry = entry.filter(|entry| entry.shown.applied.is_none());
            if let Some(entry) = entry.filter(|_| claimed.insert(path)) {
                entry.shown.tenant = Some(tenant.tenant);
                self.claims.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.state.set_owners(self.owners());
    }

    /// What a file said last goes when it was applied to another tenant meanwhile, as it does when
    /// that happens under watch.
    fn forget_renamed(&self) {
        for tenant in self.state.tenants().into_iter().filter(|tenant| tenant.owner.is_none()) {
            let Some(path) = tenant.file() else { continue };
            let owned = self.entries().get(&path).and_then(|entry| {
                entry.shown.tenant.clone().filter(|_| entry.shown.applied.is_some())
            });
            let Some(now) = owned else { continue };
            match self.state.delete_bundle(&tenant.tenant, &asked(&path)) {
                Ok(_) => {
                    tracing::warn!(path = %path.display(), before = tenant.tenant, %now, "a file names another tenant; the bundle of the one before is gone");
                }
                Err(error) => {
                    tracing::error!(path = %path.display(), before = tenant.tenant, %error, "a file names another tenant; the bundle of the one before stays");
                }
            }
        }
    }

    fn owners(&self) -> BTreeMap<String, PathBuf> {
        let entries = self.entries();
        let owned = entries.iter().filter_map(|(path, entry)| {
            entry.shown.tenant.clone().map(|tenant| (tenant, path.clone()))
        });
        owned.collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn refuse(&mut self, path: &Path, error: Option<String>) {
        if self.shown.error != error
            && let Some(error) = &error
        {
            tracing::error!(path = %path.display(), %error, "a file is not applied; its last good bundle is kept");
        }
        self.shown.error = error;
    }
}

fn asked(path: &Path) -> Asked {
    Asked::now(Origin::File(path.to_owned()))
}

/// Says what is wrong with a place at which there is no file; a folder is no fault.
fn missing(path: &Path, given: &[PathBuf]) -> Option<String> {
    match files_of(path) {
        Ok(_) => None,
        Err(error) if given.iter().any(|given| given == path) => {
            Some(format!("{}: {error}; what it said last is kept", path.display()))
        }
        Err(_) => Some(GONE.to_owned()),
    }
}

/// Returns every problem of a text, each with its place.
fn in_words(path: &Path, error: &SourceError) -> String {
    let file = path.display().to_string();
    match error {
        SourceError::Invalid(problems) => {
            let lines = problems.iter().map(|problem| problem.clone().in_file(&file).to_string());
            lines.collect::<Vec<_>>().join("\n")
        }
        SourceError::Syntax(place) => {
            let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
            let column = place.column.map(|column| format!(":{column}")).unwrap_or_default();
            format!("{file}{line}{column}: {error}")
        }
    }
}
