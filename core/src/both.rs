//! Two pieces of work, done by whoever can do them at once.
//!
//! Owns the question alone: `core` starts no threads, and what is large here (a table, a bundle) is gone through by
//! several checks that do not need each other. Callers that may start threads say so.
//!
//! Invariant: what comes of both is the same, whoever does them.

/// Does two pieces of work.
pub trait Both {
    /// Returns what both return, when both are done.
    fn both<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B);
}

/// Does one after the other.
#[derive(Clone, Copy, Debug)]
pub struct InTurn;

impl Both for InTurn {
    fn both<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        (a(), b())
    }
}
