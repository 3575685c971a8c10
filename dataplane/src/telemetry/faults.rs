//! Faults: targets of which nobody could say whether they match.
//!
//! Owns the recorder that counts them while a request is decided (POLICY stage 6). Invariant: a target
//! is counted without allocation, but for the first time.

use halftone_core::{
    route::trace::{Read, Recorder, Seen, Step},
    table::ArchivedReleaseRow,
};
use smallvec::SmallVec;

use super::counters::Counters;

/// Counts faults, and records nothing else.
pub struct Faults<'c>(pub &'c mut Counters);

impl Recorder for Faults<'_> {
    #[inline(always)]
    fn condition(&mut self, _: impl FnOnce() -> Seen) {}

    #[inline(always)]
    fn step(&mut self, _: impl FnOnce() -> Step) {}

    #[inline(always)]
    fn read(&mut self, _: impl FnOnce() -> Read) {}

    fn fault(&mut self, release: &ArchivedReleaseRow, target: u32) {
        let id = release.targets.get(target as usize).map_or("", |target| target.id.as_str());
        let mut key = SmallVec::<[u8; 256]>::new();
        for part in [&release.tenant, "/", &release.name, "/", id] {
            key.extend_from_slice(part.as_bytes());
        }
        self.0.record_fault(std::str::from_utf8(&key).unwrap_or_default());
    }
}
