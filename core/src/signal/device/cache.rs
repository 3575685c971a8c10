//! What a worker remembers of clients: the devices it has recognised.
//!
//! Owns the bound on its memory and what is forgotten first. Does not recognise: [`Device::recognise`] does, whose
//! answers it repeats.
//!
//! Invariants:
//! - [`DEVICES_MAX`] clients at most, of bounded fields each; a new one takes the place of one that was met less lately;
//! - an answer is of the very fields that are asked for, not of others with the same hash;
//! - who is remembered is found without allocation; who is new takes memory that is already there, as a rule.

use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    hash::{BuildHasher as _, Hasher as _},
};

use ahash::RandomState;

use super::{Client, Device, DeviceReader, FIELDS};
use crate::limits::DEVICES_MAX;

/// Places that one client may take.
const WAYS: usize = 2;

/// A client that was recognised.
#[derive(Debug, Default)]
struct Entry {
    /// The values of its fields, one behind the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: [u16; FIELDS.len()],
    device: Option<Device>,
    /// Whether it was met again since it last could have been forgotten.
    is_met: bool,
}

impl Entry {
    fn is_of(&self, client: &Client<'_>) -> bool {
        if self.device.is_none() {
            return false;
        }
        let mut start = 0;
        for (value, end) in client.0.iter().zip(&self.ends) {
            let end = usize::from(*end);
            // Nothing is not compared: it lies nowhere, where comparing takes 50 ns.
            let is_same = value.is_empty() || self.bytes[start..end] == **value;
            if end - start != value.len() || !is_same {
                return false;
            }
            start = end;
        }
        true
    }

    fn keep(&mut self, client: &Client<'_>, device: Device) {
        self.bytes.clear();
        // What is never returned is not taken in advance.
        self.bytes.reserve_exact(client.0.iter().map(|value| value.len()).sum());
        for (value, end) in client.0.iter().zip(&mut self.ends) {
            self.bytes.extend_from_slice(value);
            // The fields are bounded, so that this is where it ends.
            *end = u16::try_from(self.bytes.len()).unwrap_or(0);
        }
        (self.device, self.is_met) = (Some(device), false);
    }
}

/// How often a device was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of a client that was remembered.
    pub cached: u64,
    /// Of one that had to be recognised.
    pub recognised: u64,
}

/// The devices that a worker remembers.
pub struct Devices {
    hasher: RandomState,
    entries: RefCell<Vec<Entry>>,
    counts: Cell<Counts>,
}

impl Devices {
    /// Returns a memory without anyone in it, whose places nobody can foresee who does not know the `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            hasher: RandomState::with_seeds(
                seed,
                !seed,
                seed.rotate_left(32),
                seed ^ 0x9E37_79B9_7F4A_7C15,
            ),
            entries: RefCell::default(),
            counts: Cell::default(),
        }
    }

    /// Returns a reader for one decision.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader { devices: self, device: OnceCell::new(), counts: true }
    }

    /// Returns a reader for one decision that is not acted on: it is not counted.
    #[must_use]
    pub fn uncounted(&self) -> Reader<'_> {
        Reader { counts: false, ..self.reader() }
    }

    /// Returns how often devices were asked for.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Returns what `client` is; nothing when it says nothing.
    #[must_use]
    pub fn find(&self, client: &Client<'_>) -> Option<Device> {
        if client.says_nothing() {
            return None;
        }
        let mut counts = self.counts.get();
        let mut entries = self.entries.borrow_mut();
        if entries.is_empty() {
            // Who never asks takes no memory.
            entries.resize_with(DEVICES_MAX, Entry::default);
        }
        let start = self.start(client);
        let set = &mut entries[start..start + WAYS];
        if let Some(entry) = set.iter_mut().find(|entry| entry.is_of(client)) {
            entry.is_met = true;
            counts.cached += 1;
            self.counts.set(counts);
            return entry.device;
        }
        counts.recognised += 1;
        self.counts.set(counts);
        let device = Device::recognise(client)?;
        let at = set.iter().position(|entry| !entry.is_met).unwrap_or(0);
        // Who was met gets one more chance.
        set.iter_mut().for_each(|entry| entry.is_met = false);
        set[at].keep(client, device);
        // The next one takes the other place, as long as nobody is met again.
        set.swap(at, WAYS - 1);
        Some(device)
    }

    fn start(&self, client: &Client<'_>) -> usize {
        let mut hasher = self.hasher.build_hasher();
        for value in client.0 {
            hasher.write_usize(value.len());
            if !value.is_empty() {
                hasher.write(value);
            }
        }
        let sets = (DEVICES_MAX / WAYS) as u64;
        usize::try_from(hasher.finish() % sets).unwrap_or(0) * WAYS
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// Reads what a worker remembers, for one decision.
#[derive(Debug)]
pub struct Reader<'d> {
    devices: &'d Devices,
    device: OnceCell<Option<Device>>,
    counts: bool,
}

impl DeviceReader for Reader<'_> {
    fn device<'c>(&self, client: &dyn Fn() -> Client<'c>) -> Option<&Device> {
        let find = || {
            let before = self.devices.counts();
            let found = self.devices.find(&client());
            if !self.counts {
                self.devices.counts.set(before);
            }
            found
        };
        self.device.get_or_init(find).as_ref()
    }
}

#[cfg(test)]
mod tests;
