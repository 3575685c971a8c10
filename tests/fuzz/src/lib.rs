//! What strangers send, read by everything of ours that reads it.
//!
//! Owns what is fuzzed ([`TARGETS`]), what a fuzzer starts from ([`Target::seeds`]), and what must hold of whatever it
//! finds. Does not draw bytes: `src/main.rs` has a fuzzer do that (`make fuzz`), and a test goes through the seeds.
//!
//! Invariant: a target ends, and does not panic, whatever the bytes are. What one accepts keeps the promises that are
//! made of it: a good policy compiles, a verified table decides, a head that is sent on is read as it was.

mod target;

use target::{archive, frame, head, policy, region, token};

/// Something of ours that reads what strangers send.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&[u8]),
    /// Returns what is good, or nearly: a fuzzer changes it.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Everything that is fuzzed.
pub const TARGETS: [Target; 8] = [
    Target { name: "policy", read: policy::read, seeds: policy::seeds },
    Target { name: "expression", read: policy::read_expression, seeds: policy::expressions },
    Target { name: "archive", read: archive::read, seeds: archive::seeds },
    Target { name: "request", read: head::read_request, seeds: head::requests },
    Target { name: "response", read: head::read_response, seeds: head::responses },
    Target { name: "region", read: region::read, seeds: region::seeds },
    Target { name: "token", read: token::read, seeds: token::seeds },
    Target { name: "frame", read: frame::read, seeds: frame::seeds },
];

/// Returns the target of this name.
#[must_use]
pub fn named(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests;
