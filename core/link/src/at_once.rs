//! Two pieces of work at once, for both ends of the socket.
//!
//! Owns the second thread, which lives as long as the work. Not for workers: they go through nothing that is large.

use std::{
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

use halftone_core::both::Both;

/// From how many bytes on a thread is started: below, that takes as long as the work.
const WORTH_BYTES: usize = 1024 * 1024;

/// Does the second piece of work on a thread of its own meanwhile, where that is worth it and a thread can be had; else
/// in turn.
#[derive(Clone, Copy, Debug)]
pub struct AtOnce {
    worth: bool,
}

impl AtOnce {
    /// Is to go through so many bytes.
    #[must_use]
    pub fn over(bytes: usize) -> Self {
        Self { worth: bytes >= WORTH_BYTES }
    }
}

impl Both for AtOnce {
    fn both<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        if !self.worth {
            return (a(), b());
        }
        // Where no thread can be had, the work is still there.
        let left = Mutex::new(Some(b));
        let take = || left.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (a, done) = thread::scope(|scope| {
            let beside = thread::Builder::new().name("beside".to_owned());
            let beside = beside.spawn_scoped(scope, || take().map(|b| b()));
            let a = a();
            let done = beside.ok().and_then(|beside| {
                // A panic there is one for whoever asked.
                beside.join().unwrap_or_else(|panic| resume_unwind(panic))
            });
            (a, done)
        });
        match (done, take()) {
            (Some(b), _) => (a, b),
            (None, Some(b)) => (a, b()),
            (None, None) => unreachable!("work that was taken is done, or has panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_done_whatever_they_are_worth() {
        for bytes in [0, WORTH_BYTES] {
            let (mut here, mut there) = (0, 0);
            let both = AtOnce::over(bytes).both(|| here += 1, || there += 1);
            assert_eq!((both, here, there), (((), ()), 1, 1));
        }
    }

    #[test]
    fn large_work_is_done_by_another_thread() {
        let name = || thread::current().name().map(str::to_owned);
        let (here, there) = AtOnce::over(WORTH_BYTES).both(name, name);
        assert_eq!(there.as_deref(), Some("beside"));
        assert_ne!(here, there);
    }

    #[test]
    #[should_panic(expected = "as it happens")]
    fn a_panic_beside_is_the_callers() {
        AtOnce::over(WORTH_BYTES).both(|| (), || panic!("as it happens"));
    }
}
