//! When a child that has ended is started again, and when it is given up.
//!
//! Owns the arithmetic alone: what time it is and how long a child lived are arguments.
//!
//! Invariants:
//! - a child that ends within its first second, twice, and never lived longer, cannot start;
//! - any other is started again for ever, less and less often while it keeps dying early.

use std::time::Duration;

/// First and longest pause before a child is started again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A child that ends sooner has not started.
const EARLY: Duration = Duration::from_secs(1);
/// A child that lived longer has earned the first pause again.
const SETTLED: Duration = Duration::from_secs(10);
/// Early ends before a child that never lived is given up.
const EARLY_ENDS_MAX: u32 = 2;

/// What becomes of a child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is started again after this pause.
    Again(Duration),
    /// It cannot start.
    GiveUp,
}

/// The past ends of one child.
#[derive(Debug)]
pub(super) struct Restarts {
    pause: Duration,
    early_ends: u32,
    has_lived: bool,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { pause: PAUSES.0, early_ends: 0, has_lived: false }
    }
}

impl Restarts {
    /// Counts an end, after the child lived for `lived`.
    pub(super) fn ended(&mut self, lived: Duration) -> Verdict {
        if lived >= EARLY {
            self.has_lived = true;
        } else {
            self.early_ends += 1;
        }
        if !self.has_lived && self.early_ends >= EARLY_ENDS_MAX {
            return Verdict::GiveUp;
        }
        if lived >= SETTLED {
            self.pause = PAUSES.0;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSES.1);
        Verdict::Again(pause)
    }
}

#[cfg(test)]
mod tests;
