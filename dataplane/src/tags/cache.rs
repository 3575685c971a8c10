//! What a worker remembers of users, and which it need not ask for.
//!
//! Owns the bound on its memory and what is forgotten first. Does not ask and does not wait.
//!
//! Invariants:
//! - it holds [`TAG_CACHE_BYTES`] at most, whatever ids are asked for: what nobody reads goes first;
//! - a sweep looks at one shard, so that no request pays for all of it;
//! - a lookup that finds something allocates nothing;
//! - what is of an older revision than its tenant's is not found.

use std::{
    cell::Cell,
    hash::{BuildHasher as _, Hasher as _},
    sync::Arc,
};

use ahash::{AHashMap, RandomState};
use halftone_core::{
    limits::{TAG_ABSENT_MS, TAG_CACHE_BYTES, TAG_MISSED_MS, TICK_MS},
    signal::tags::{Tags, size},
    table::{TagFilter, archive::Archive},
};
use hashbrown::{HashTable, hash_table::Entry as Place};

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
/// The lowest bit of a hash that chooses the shard: a table takes those at either end.
const SHARD_SHIFT: u32 = 40;

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
    slot: u32,
    id: Box<str>,
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
    /// By the hash of slot and id.
    entries: HashTable<Entry>,
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
        let hash = hash(&self.hasher, tenant.slot, id);
        let entry = self.shards[shard(hash)].entries.find(hash, |one| one.is_of(tenant.slot, id));
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
        self.put(key, remembered, revision, until, now);
    }

    /// Remembers for a while that nothing could be learnt, and why.
    pub(super) fn miss(&mut self, key: &Key, result: usize, now: u64) {
        let (remembered, until) = (Remembered::Missed(result), now + TAG_MISSED_MS / TICK_MS);
        self.put(key, remembered, 0, until, now);
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

    fn put(&mut self, key: &Key, remembered: Remembered, revision: u64, until: u64, born: u64) {
        // Without a filter nobody is looked for.
        let Some(&Tenant { slot, .. }) = self.tenants.get(&key.tenant) else { return };
        let (id, reads) = (key.id.clone(), Cell::new(0));
        let entry = Entry { slot, id, remembered, revision, until, born, reads };
        let hash = hash(&self.hasher, slot, &key.id);
        self.shards[shard(hash)].put(hash, entry, &self.hasher);
    }
}

impl Shard {
    fn put(&mut self, hash: u64, entry: Entry, hasher: &RandomState) {
        let bytes = entry.bytes();
        if self.bytes + bytes > SHARD_BYTES {
            self.sweep(entry.born);
        }
        self.bytes += bytes;
        let is_same = |one: &Entry| one.is_of(entry.slot, &entry.id);
        let place = self.entries.entry(hash, is_same, |one| one.hash(hasher));
        match place {
            Place::Occupied(mut old) => {
                self.bytes -= old.get().bytes();
                *old.get_mut() = entry;
            }
            Place::Vacant(place) => drop(place.insert(entry)),
        }
    }

    /// Forgets what was read by nobody else since the last time, unless it came just `now`: somebody may be about to
    /// read it. If what stays is still much, half of it goes.
    fn sweep(&mut self, now: u64) {
        self.entries.retain(|entry| {
            let is_hot = entry.reads.get() >= HOT;
            entry.reads.set(u8::from(is_hot));
            is_hot || entry.born == now
        });
        let bytes = |entries: &HashTable<Entry>| entries.iter().map(Entry::bytes).sum::<usize>();
        if bytes(&self.entries) > SHARD_BYTES / 4 * 3 {
            let mut keeps = false;
            self.entries.retain(|_| {
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
        ENTRY_BYTES + self.id.len() + tags
    }

    fn is_of(&self, slot: u32, id: &str) -> bool {
        self.slot == slot && *self.id == *id
    }

    fn hash(&self, hasher: &RandomState) -> u64 {
        hash(hasher, self.slot, &self.id)
    }
}

fn hash(hasher: &RandomState, slot: u32, id: &str) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write_u32(slot);
    hasher.write(id.as_bytes());
    hasher.finish()
}

/// Returns the shard of a hash.
fn shard(hash: u64) -> usize {
    (hash >> SHARD_SHIFT) as usize % SHARDS
}

#[cfg(test)]
mod tests;
