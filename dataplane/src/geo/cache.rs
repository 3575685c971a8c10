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

use ahash::{AHashMap, RandomState};
use halftone_core::{
    limits::GEO_ADDRESSES_MAX,
    signal::geo::{GeoField, GeoLang},
};

const SHARDS: usize = 16;
const SHARD_ADDRESSES: usize = GEO_ADDRESSES_MAX / SHARDS;

/// What is known of an address: what was asked for so far.
#[derive(Debug)]
pub(super) struct Record {
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
    fn new(address: IpAddr) -> Self {
        Self { address, position: OnceCell::new(), first: OnceCell::new() }
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
    lately: AHashMap<IpAddr, Rc<Record>>,
    before: AHashMap<IpAddr, Rc<Record>>,
}

impl Cache {
    /// Returns what is remembered of `address`, and whether it is new.
    pub(super) fn find(&mut self, address: IpAddr, generation: u64) -> (Rc<Record>, bool) {
        // The map inside takes other bits of another hash.
        let shard = usize::try_from(self.hasher.hash_one(address) % SHARDS as u64).unwrap_or(0);
        self.shards[shard].find(address, generation)
    }
}

impl Shard {
    fn find(&mut self, address: IpAddr, generation: u64) -> (Rc<Record>, bool) {
        if self.generation != generation {
            self.lately.clear();
            self.before.clear();
            self.generation = generation;
        }
        if let Some(record) = self.lately.get(&address) {
            return (Rc::clone(record), false);
        }
        let old = self.before.remove(&address);
        let is_new = old.is_none();
        let record = old.unwrap_or_else(|| Rc::new(Record::new(address)));
        if self.lately.len() >= SHARD_ADDRESSES {
            std::mem::swap(&mut self.lately, &mut self.before);
            self.lately.clear();
        }
        self.lately.insert(address, Rc::clone(&record));
        (record, is_new)
    }
}

#[cfg(test)]
mod tests;
