//! What a worker remembers of users, and which it need not ask for.
//!
//! Owns the bound on its memory and what is forgotten first. Does not ask and does not wait.
//!
//! Invariants:
//! - it holds [`TAG_CACHE_BYTES`] at most, whatever ids are asked for: what nobody reads goes first;
//! - a sweep looks at one shard, so that no request pays for all of it;
//! - a lookup that finds something allocates nothing;
//! - what is of an older revision than its tenant's is not found.

use std::{cell::Cell, sync::Arc};

use ahash::{AHashMap, RandomState};
use halftone_core::{
    limits::{TAG_ABSENT_MS, TAG_CACHE_BYTES, TAG_MISSED_MS, TICK_MS},
    signal::tags::{Tags, size},
    table::{TagFilter, archive::Archive},
};
use smallvec::SmallVec;

use super::Key;

const SHARDS: usize = 64;
const SHARD_BYTES: usize = TAG_CACHE_BYTES / SHARDS;
/// What an entry takes beside its texts, bytes: about, with the nodes of its map.
const ENTRY_BYTES: usize = 160;
/// What each tag takes beside its texts, bytes.
const TAG_BYTES: usize = 64;
/// Reads from which on an entry outlives a sweep.
const HOT: u8 = 2;
const FOR_EVER: u64 = u64::MAX;

/// What is known of a user.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known<'c> {
    /// Its tags.
    Yes(&'c Tags),
    /// It has none.
    Absent,
    /// It has none, by the filter.
    Never,
    /// It was asked for a moment ago, in vain; what became of that, by [`super::RESULTS`].
    Missed(usize),
    /// Nothing.
    No,
}

#[derive(Debug)]
enum Remembered {
    Tags(Tags),
    Absent,
    Missed(usize),
}

#[derive(Debug)]
struct Entry {
    remembered: Remembered,
    revision: u64,
    /// The tick from which on it is not found.
    until: u64,
    /// The tick it came at.
    born: u64,
    /// How often it was read since the last sweep, as far as [`HOT`]. Who asked for it reads it once.
    reads: Cell<u8>,
}

#[derive(Debug)]
struct Tenant {
    /// Stands for the tenant in keys.
    slot: u32,
    /// Which of its users may have tags, as of the newest revision that was told.
    filter: Arc<Archive<TagFilter>>,
}

#[derive(Debug, Default)]
struct Shard {
    entries: AHashMap<Box<[u8]>, Entry>,
    bytes: usize,
}

/// The users that a worker remembers.
#[derive(Debug)]
pub(super) struct Cache {
    hasher: RandomState,
    tenants: AHashMap<Box<str>, Tenant>,
    slots: u32,
    shards: Vec<Shard>,
}

impl Default for Cache {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        Self { hasher: RandomState::new(), tenants: AHashMap::new(), slots: 0, shards }
    }
}

impl Cache {
    /// Returns what is known of `id` at tick `now`.
    pub(super) fn find(&self, tenant: &str, id: &str, now: u64) -> Known<'_> {
        let Some(tenant) = self.tenants.get(tenant) else { return Known::Never };
        if !tenant.filter.table().may_have(id) {
            return Known::Never;
        }
        let key = key(tenant.slot, id);
        let entry = self.shards[self.shard(&key)].entries.get(&*key);
        let Some(entry) = entry.filter(|entry| entry.until > now) else { return Known::No };
        if let Remembered::Missed(result) = entry.remembered {
            return Known::Missed(result);
        }
        if entry.revision < tenant.filter.revision() {
            return Known::No;
        }
        entry.reads.set(entry.reads.get().saturating_add(1).min(HOT));
        match &entry.remembered {
            Remembered::Tags(tags) => Known::Yes(tags),
            Remembered::Absent | Remembered::Missed(_) => Known::Absent,
        }
    }

    /// Remembers what the store said.
    pub(super) fn insert(&mut self, key: &Key, revision: u64, tags: Option<Tags>, now: u64) {
        let until = if tags.is_some() { FOR_EVER } else { now + TAG_ABSENT_MS / TICK_MS };
        let remembered = tags.map_or(Remembered::Absent, Remembered::Tags);
        self.put(key, Entry { remembered, revision, until, born: now, reads: Cell::new(0) });
    }

    /// Remembers for a while that nothing could be learnt, and why.
    pub(super) fn miss(&mut self, key: &Key, result: usize, now: u64) {
        let (remembered, until) = (Remembered::Missed(result), now + TAG_MISSED_MS / TICK_MS);
        self.put(key, Entry { remembered, revision: 0, until, born: now, reads: Cell::new(0) });
    }

    /// Takes a tenant's filter: what is of an older revision is not found any more.
    pub(super) fn follow(&mut self, filter: Arc<Archive<TagFilter>>) {
        let slot = match self.tenants.get(&*filter.table().tenant) {
            // Else it is a store that was restored: its numbers mean something else.
            Some(tenant) if tenant.filter.revision() <= filter.revision() => tenant.slot,
            _ => {
                self.slots += 1;
                self.slots
            }
        };
        self.tenants.insert(filter.table().tenant.as_str().into(), Tenant { slot, filter });
    }

    fn put(&mut self, Key { tenant, id }: &Key, entry: Entry) {
        // Without a filter nobody is looked for.
        let Some(tenant) = self.tenants.get(tenant) else { return };
        let key = key(tenant.slot, id);
        let shard = self.shard(&key);
        self.shards[shard].put(key.as_slice().into(), entry);
    }

    fn shard(&self, key: &[u8]) -> usize {
        // The map inside takes other bits of another hash.
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0)
    }
}

impl Shard {
    fn put(&mut self, key: Box<[u8]>, entry: Entry) {
        let bytes = key.len() + entry.bytes();
        if self.bytes + bytes > SHARD_BYTES {
            self.sweep(entry.born);
        }
        self.bytes += bytes;
        let length = key.len();
        if let Some(old) = self.entries.insert(key, entry) {
            self.bytes -= length + old.bytes();
        }
    }

    /// Forgets what was read by nobody else since the last time, unless it came just `now`: somebody may be about to
    /// read it. If what stays is still much, half of it goes.
    fn sweep(&mut self, now: u64) {
        self.entries.retain(|_, entry| {
            let is_hot = entry.reads.get() >= HOT;
            entry.reads.set(u8::from(is_hot));
            is_hot || entry.born == now
        });
        let bytes = |entries: &AHashMap<Box<[u8]>, Entry>| {
            entries.iter().map(|(key, entry)| key.len() + entry.bytes()).sum::<usize>()
        };
        if bytes(&self.entries) > SHARD_BYTES / 4 * 3 {
            let mut keeps = false;
            self.entries.retain(|_, _| {
                keeps = !keeps;
                keeps
            });
        }
        self.bytes = bytes(&self.entries);
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        let tags = match &self.remembered {
            Remembered::Tags(tags) => size(tags) + tags.len() * TAG_BYTES,
            Remembered::Absent | Remembered::Missed(_) => 0,
        };
        ENTRY_BYTES + tags
    }
}

fn key(slot: u32, id: &str) -> SmallVec<[u8; 64]> {
    let mut key = SmallVec::new();
    key.extend_from_slice(&slot.to_le_bytes());
    key.extend_from_slice(id.as_bytes());
    key
}

#[cfg(test)]
mod tests;
