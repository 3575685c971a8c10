//! What a worker is asked, and what it says of itself.
//!
//! Owns the two bytes of the wake-up channel, the commands behind them and the acknowledgement of tables. Does not carry them
//! out ([`super::life`]). Invariant: whoever asks is not waited for: a reply that nobody takes is dropped.

use std::{sync::Arc, time::Instant};

use crossbeam::channel::Sender;
use halftone_core::{
    telemetry::moves::Tally,
    wire::{ExplainRequest, Explained},
};

use crate::{explain::ExplainError, shadow::Candidate, tags::News, telemetry::counters::Snapshot};

/// The byte that means: a tick has passed.
pub const TICK: u8 = b't';
/// The byte that means: look at the tables and the commands.
pub const WAKE: u8 = b'w';

/// What a worker is asked, besides its byte.
#[derive(Debug)]
pub enum Command {
    /// Send a copy of the counters.
    Report(Sender<(u32, Snapshot)>),
    /// Explain what would be decided.
    Explain(Box<ExplainRequest>, Sender<Result<Explained, ExplainError>>),
    /// Take what is known of users.
    Tags(News),
    /// Decide a candidate besides, or none, and say so.
    Shadow(Option<Arc<Candidate>>, Sender<u32>),
    /// Send what was counted of it; nothing when there is none.
    Shadowed(Sender<Option<(bool, Tally)>>),
    /// Take no more connections, finish what is in flight, stop.
    Drain,
}

/// A worker decides with these epochs from `at` on.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// The worker.
    pub worker: u32,
    /// The epochs of rules and instances.
    pub epochs: (u64, u64),
    /// When it first saw them.
    pub at: Instant,
}
