//! Faults: targets of which nobody could say whether they match.
//!
//! Owns the recorder that notes them while a request is decided (POLICY stage 6). They are counted once the decision
//! stands: one that waits for tags is taken again. Invariant: a target is counted without allocation, but for the first
//! time.

use halftone_core::{
    route::trace::{Read, Recorder, Seen, Step, Trace},
    table::ArchivedReleaseRow,
};

use super::counters::Counters;

/// Targets, one after the other.
#[derive(Debug, Default)]
pub struct FaultKeys {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl FaultKeys {
    /// Counts them, and forgets them.
    pub fn count(&mut self, counters: &mut Counters) {
        let mut start = 0;
        for end in self.ends.drain(..) {
            let key = std::str::from_utf8(&self.text[start..end]).unwrap_or_default();
            counters.record_fault(key);
            start = end;
        }
        self.text.clear();
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// Notes faults, and records nothing else.
pub struct Faults<'c>(pub &'c mut FaultKeys);

impl Recorder for Faults<'_> {
    #[inline(always)]
    fn condition(&mut self, _: impl FnOnce() -> Seen) {}

    #[inline(always)]
    fn step(&mut self, _: impl FnOnce() -> Step) {}

    #[inline(always)]
    fn read(&mut self, _: impl FnOnce() -> Read) {}

    fn fault(&mut self, release: &ArchivedReleaseRow, target: u32) {
        let id = release.targets.get(target as usize).map_or("", |target| target.id.as_str());
        for part in [&release.tenant, "/", &release.name, "/", id] {
            self.0.text.extend_from_slice(part.as_bytes());
        }
        self.0.ends.push(self.0.text.len());
    }
}

/// Notes faults, and keeps every step for somebody who may be told.
pub struct FaultsTold<'c> {
    /// The faults.
    pub faults: Faults<'c>,
    /// The steps.
    pub trace: Trace,
}

impl Recorder for FaultsTold<'_> {
    fn condition(&mut self, seen: impl FnOnce() -> Seen) {
        self.trace.condition(seen);
    }

    fn step(&mut self, step: impl FnOnce() -> Step) {
        self.trace.step(step);
    }

    fn read(&mut self, read: impl FnOnce() -> Read) {
        self.trace.read(read);
    }

    fn fault(&mut self, release: &ArchivedReleaseRow, target: u32) {
        self.faults.fault(release, target);
    }
}
