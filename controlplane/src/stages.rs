//! Where the time of a change goes, for whoever asked for it.
//!
//! Owns the names and the form: `Server-Timing` (W3C), which browsers and benches read. Does not decide anything.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Stages and the time each took, in the order they ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stages(Arc<Mutex<Vec<(&'static str, Duration)>>>);

impl Stages {
    /// Adds a stage.
    pub(crate) fn note(&self, stage: &'static str, took: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((stage, took));
    }

    /// Adds a stage that is `work`; returns what that returns.
    pub(crate) fn timed<T>(&self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.note(stage, begun.elapsed());
        done
    }

    /// Returns the value of the header: `judge;dur=1.250, …`, milliseconds.
    #[must_use]
    pub(crate) fn header(&self) -> String {
        let mut text = String::new();
        for (stage, took) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}{stage};dur={:.3}", took.as_secs_f64() * 1e3);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_told_in_milliseconds_and_in_order() {
        let stages = Stages::default();
        assert_eq!(stages.header(), "");
        stages.note("judge", Duration::from_micros(1250));
        assert_eq!(stages.timed("store", || 7), 7);
        let header = stages.header();
        assert!(header.starts_with("judge;dur=1.250, store;dur="), "{header}");
    }
}
