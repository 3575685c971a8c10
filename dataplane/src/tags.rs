//! Tags on the data plane: what is known of users, asked for when a decision needs it.
//!
//! Owns what a worker remembers ([`cache`]), what it waits for ([`Lookups`]), and the one thread per gateway that asks a
//! control plane on behalf of all workers ([`asker`]). Does not decide: a decision reads through [`Reader`].
//!
//! Life of a lookup: the tenant's filter → the worker's cache → the asker, which asks for an id once, whoever wants it → the control socket →
//! back as a command. Who waits is woken by the answer, or by the end of the budget, whichever comes first.
//!
//! Invariants:
//! - a worker does not block, and a request waits once, for the budget at most;
//! - what is not known then is not there: the declared default counts;
//! - who has no tags is not asked for, but for the few that pass the filter; without one nobody is;
//! - what comes too late is remembered for the next request.

pub mod asker;
mod cache;

use std::{
    cell::{Cell, Ref, RefCell},
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
    time::Instant,
};

use ahash::AHashMap;
use crossbeam::channel::Sender;
use halftone_core::{
    limits::{TAGS_MS_MAX, TICK_MS},
    route::TagReader,
    signal::tags::Tags,
    table::{TagFilter, archive::Archive},
};

use asker::{Ask, Event};
use cache::{Cache, Known};

/// How lookups end, as they are shown.
pub const RESULTS: [&str; 5] = ["cached", "answered", "late", "unreachable", "filtered"];

const CACHED: usize = 0;
const ANSWERED: usize = 1;
const LATE: usize = 2;
const UNREACHABLE: usize = 3;
const FILTERED: usize = 4;

/// Lookups by [`RESULTS`].
pub type Found = [u64; RESULTS.len()];

/// A user of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Whose user.
    pub tenant: Box<str>,
    /// Which one.
    pub id: Box<str>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered {
        /// The revision of the tenant's tags.
        revision: u64,
        /// The tags, if there are any.
        tags: Option<Tags>,
    },
    /// It was not answered within the budget.
    Late,
    /// Nobody could be asked, or who was asked could not tell.
    Unreachable,
}

/// What a worker is told.
#[derive(Clone, Debug)]
pub enum News {
    /// What became of questions.
    Told(Vec<(Key, Outcome)>),
    /// Which users of a tenant may have tags, as of a revision of their tags.
    Filter(Arc<Archive<TagFilter>>),
}

/// What a worker knows of users.
#[derive(Debug)]
pub struct Lookups {
    worker: u32,
    asker: Option<Sender<Event>>,
    cache: RefCell<Cache>,
    /// Who was asked for, and at which tick.
    pending: RefCell<AHashMap<Key, u64>>,
    wakers: RefCell<Vec<Waker>>,
    now: Cell<u64>,
    /// By [`RESULTS`].
    counts: [Cell<u64>; RESULTS.len()],
}

impl Lookups {
    /// Returns what `worker` knows at its start: nothing. Without an asker it stays so.
    #[must_use]
    pub fn new(worker: u32, asker: Option<Sender<Event>>) -> Self {
        if let Some(asker) = &asker {
            // Its predecessor was told what has come before; one that is gone tells nothing.
            let _ = asker.send(Event::Started(worker));
        }
        Self {
            worker,
            asker,
            cache: RefCell::default(),
            pending: RefCell::default(),
            wakers: RefCell::default(),
            now: Cell::new(0),
            counts: Default::default(),
        }
    }

    /// Returns a reader for one decision, to be dropped before anything is waited for.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader {
            cache: self.cache.borrow(),
            now: self.now.get(),
            wanted: RefCell::default(),
            found: Cell::default(),
        }
    }

    /// Returns a reader that asks for nobody and counts nothing, to be dropped before anything is waited for.
    #[must_use]
    pub fn peek(&self) -> Peek<'_> {
        Peek { cache: self.cache.borrow(), now: self.now.get(), missed: Cell::new(false) }
    }

    /// Counts what a decision found here, by [`RESULTS`].
    pub fn count(&self, found: &Found) {
        for (counter, count) in self.counts.iter().zip(found) {
            counter.set(counter.get() + count);
        }
    }

    /// Returns how lookups ended, by [`RESULTS`].
    #[must_use]
    pub fn counts(&self) -> Found {
        self.counts.each_ref().map(Cell::get)
    }

    /// Asks for `wanted`, and waits until each is known or its budget is over.
    pub async fn settle(&self, wanted: &[Key], now: Instant) {
        for key in wanted {
            self.ask(key, now);
        }
        poll_fn(|context| {
            let pending = self.pending.borrow();
            if !wanted.iter().any(|key| pending.contains_key(key)) {
                return Poll::Ready(());
            }
            self.wakers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Takes what the asker says, and wakes who waits for it.
    pub fn take(&self, news: News) {
        match news {
            News::Told(told) => told.into_iter().for_each(|(key, outcome)| self.end(&key, outcome)),
            News::Filter(filter) => self.cache.borrow_mut().follow(filter),
        }
        self.wake();
    }

    /// Moves on by one tick. Nobody waits for an asker that is gone.
    pub fn turn(&self) {
        let now = self.now.get() + 1;
        self.now.set(now);
        if self.pending.borrow().is_empty() {
            return;
        }
        let longest = TAGS_MS_MAX / TICK_MS + 2;
        let mut given_up = Vec::new();
        self.pending.borrow().iter().for_each(|(key, since)| {
            if since + longest <= now {
                given_up.push(key.clone());
            }
        });
        given_up.into_iter().for_each(|key| self.end(&key, Outcome::Unreachable));
        self.wake();
    }

    fn ask(&self, key: &Key, now: Instant) {
        // Another request may have been told meanwhile, or waits already.
        if self.pending.borrow().contains_key(key) {
            return;
        }
        self.pending.borrow_mut().insert(key.clone(), self.now.get());
        let ask = Ask { worker: self.worker, key: key.clone(), at: now };
        let sent = self.asker.as_ref().map(|asker| asker.send(Event::Ask(ask)));
        if !matches!(sent, Some(Ok(()))) {
            self.end(key, Outcome::Unreachable);
        }
    }

    fn end(&self, key: &Key, outcome: Outcome) {
        let waited = self.pending.borrow_mut().remove(key).is_some();
        let result = match outcome {
            Outcome::Answered { .. } => ANSWERED,
            Outcome::Late => LATE,
            Outcome::Unreachable => UNREACHABLE,
        };
        if waited {
            let counter = &self.counts[result];
            counter.set(counter.get() + 1);
        }
        let now = self.now.get();
        let mut cache = self.cache.borrow_mut();
        match outcome {
            Outcome::Answered { revision, tags } => cache.insert(key, revision, tags, now),
            Outcome::Late | Outcome::Unreachable => cache.miss(key, result, now),
        }
    }

    fn wake(&self) {
        let wakers = std::mem::take(&mut *self.wakers.borrow_mut());
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Reads what a worker knows, and notes what it does not.
pub struct Reader<'w> {
    cache: Ref<'w, Cache>,
    now: u64,
    wanted: RefCell<Vec<Key>>,
    found: Cell<Found>,
}

impl Reader<'_> {
    /// Returns who was asked for and is not known, and what the other lookups found.
    #[must_use]
    pub fn finish(self) -> (Vec<Key>, Found) {
        (self.wanted.into_inner(), self.found.get())
    }

    fn note(&self, result: usize) {
        let mut found = self.found.get();
        found[result] += 1;
        self.found.set(found);
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl TagReader for Reader<'_> {
    fn tag(&self, tenant: &str, id: &str, name: &str) -> Option<&str> {
        match self.cache.find(tenant, id, self.now) {
            Known::Yes(tags) => {
                self.note(CACHED);
                tags.get(name).map(String::as_str)
            }
            Known::Absent => {
                self.note(CACHED);
                None
            }
            Known::Never => {
                self.note(FILTERED);
                None
            }
            Known::Missed(result) => {
                self.note(result);
                None
            }
            Known::No => {
                let mut wanted = self.wanted.borrow_mut();
                if !wanted.iter().any(|key| *key.tenant == *tenant && *key.id == *id) {
                    wanted.push(Key { tenant: tenant.into(), id: id.into() });
                }
                None
            }
        }
    }
}

/// Reads what a worker knows, and notes only whether that was enough.
pub struct Peek<'w> {
    cache: Ref<'w, Cache>,
    now: u64,
    missed: Cell<bool>,
}

impl Peek<'_> {
    /// Returns whether somebody was looked for of whom it is not known whether they have tags.
    #[must_use]
    pub fn has_missed(&self) -> bool {
        self.missed.get()
    }
}

impl fmt::Debug for Peek<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peek").field("missed", &self.missed).finish_non_exhaustive()
    }
}

impl TagReader for Peek<'_> {
    fn tag(&self, tenant: &str, id: &str, name: &str) -> Option<&str> {
        match self.cache.find(tenant, id, self.now) {
            Known::Yes(tags) => tags.get(name).map(String::as_str),
            Known::Absent | Known::Never => None,
            // What could not be learnt is not guessed: the next request may know.
            Known::Missed(_) | Known::No => {
                self.missed.set(true);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
