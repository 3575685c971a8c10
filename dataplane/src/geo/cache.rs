//! What a worker remembers of addresses.
//!
//! Owns the bound on its memory and what is forgotten first. Does not look anything up.
//!
//! Invariants:
//! - it holds twice [`GEO_ADDRESSES_MAX`] addresses at most, whatever addresses come: those that came lately, and those
//!   before them;
//! - what is forgotten at once is one shard's, so that no request pays for all of it;
//! - finding what is remembered allocates nothing;
//! - what was remembered of other databases is not found.

use std::{cell::OnceCell, net::IpAddr, rc::Rc};

use ahash::RandomState;
use halftone_core::{
    limits::GEO_ADDRESSES_MAX,
    signal::geo::{GeoField, GeoLang},
};
use hashbrown::HashTable;

const SHARDS: usize = 16;
const SHARD_ADDRESSES: usize = GEO_ADDRESSES_MAX / SHARDS;
/// The lowest bit of a hash that chooses the shard: a table takes those at either end.
const SHARD_SHIFT: u32 = 40;

/// What is known of an address: what was asked for so far.
#[derive(Debug)]
pub(super) struct Record {
    /// As callers are known by it; one address has one text.
    text: Box<str>,
    address: IpAddr,
    position: OnceCell<Option<(f64, f64)>>,
    first: OnceCell<Box<Entry>>,
}

/// A field, and those that were asked for after it. There are few fields, so there are few of these.
#[derive(Debug)]
struct Entry {
    field: GeoField,
    lang: GeoLang,
    value: Option<Box<str>>,
    next: OnceCell<Box<Entry>>,
}

impl Record {
    /// Reads `text`; nothing when it is no address.
    fn new(text: &str) -> Option<Self> {
        let address = text.parse::<IpAddr>().ok()?.to_canonical();
        Some(Self { text: text.into(), address, position: OnceCell::new(), first: OnceCell::new() })
    }

    /// Returns a field; the first time it is what `find` finds.
    pub(super) fn field(
        &self,
        field: GeoField,
        lang: GeoLang,
        find: impl FnOnce(IpAddr) -> Option<Box<str>>,
    ) -> Option<&str> {
        let mut place = &self.first;
        while let Some(entry) = place.get() {
            if (entry.field, entry.lang) == (field, lang) {
                return entry.value.as_deref();
            }
            place = &entry.next;
        }
        let value = find(self.address);
        let new = || Box::new(Entry { field, lang, value, next: OnceCell::new() });
        place.get_or_init(new).value.as_deref()
    }

    /// Returns where the address is; the first time it is what `find` finds.
    pub(super) fn position(
        &self,
        find: impl FnOnce(IpAddr) -> Option<(f64, f64)>,
    ) -> Option<(f64, f64)> {
        *self.position.get_or_init(|| find(self.address))
    }
}

/// The addresses that a worker remembers.
#[derive(Debug)]
pub(super) struct Cache {
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

impl Default for Cache {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: Default::default() }
    }
}

#[derive(Debug, Default)]
struct Shard {
    /// The databases that all of this is of.
    generation: u64,
    /// By the hash of the text.
    lately: HashTable<Rc<Record>>,
    before: HashTable<Rc<Record>>,
}

impl Cache {
    /// Returns what is remembered of the address that `text` is, and whether it is new; nothing when it is none.
    pub(super) fn find(&mut self, text: &str, generation: u64) -> Option<(Rc<Record>, bool)> {
        let hash = self.hasher.hash_one(text);
        let shard = &mut self.shards[(hash >> SHARD_SHIFT) as usize % SHARDS];
        shard.find(text, hash, generation, &self.hasher)
    }
}

impl Shard {
    fn find(
        &mut self,
        text: &str,
        hash: u64,
        generation: u64,
        hasher: &RandomState,
    ) -> Option<(Rc<Record>, bool)> {
        if self.generation != generation {
            self.lately.clear();
            self.before.clear();
            self.generation = generation;
        }
        let is_same = |record: &Rc<Record>| *record.text == *text;
        if let Some(record) = self.lately.find(hash, is_same) {
            return Some((Rc::clone(record), false));
        }
        let old = self.before.find_entry(hash, is_same).ok().map(|old| old.remove().0);
        let is_new = old.is_none();
        let record = match old {
            Some(record) => record,
            None => Rc::new(Record::new(text)?),
        };
        if self.lately.len() >= SHARD_ADDRESSES {
            std::mem::swap(&mut self.lately, &mut self.before);
            self.lately.clear();
        }
        let place = Rc::clone(&record);
        self.lately.insert_unique(hash, place, |record| hasher.hash_one(&*record.text));
        Some((record, is_new))
    }
}

#[cfg(test)]
mod tests;
