//! Patience: whose time runs while a request is exchanged.
//!
//! Owns both deadlines of an exchange and says which of them runs. Does not wait itself. Invariants:
//! - a side's time runs only while it is waited for, so that nobody is ended for another's pause;
//! - an upstream's time for its answer runs only once it has the whole request: before that its caller may
//!   pause, and it has nothing to answer yet;
//! - the time of the whole request runs all the while;
//! - a caller that does not take what is written to it is ended, however much it sends meanwhile.

use std::cell::Cell;

use super::Bounds;
use crate::{
    io::deadline::{Deadline, End},
    limits::Limits,
};

/// The deadlines of one exchange.
pub(super) struct Patience<'a> {
    caller: &'a Deadline,
    upstream: &'a Deadline,
    bounds: Bounds,
    limits: &'a Limits,
    /// Whether nothing more of the request will be sent.
    asked: Cell<bool>,
    /// Whether the caller has its answer, and is read on only for a while.
    answered: Cell<bool>,
    /// How long what the upstream is waited for may take, milliseconds; nothing when it is not.
    awaited_ms: Cell<Option<u64>>,
}

impl<'a> Patience<'a> {
    /// Returns the patience with a request that is about to be sent.
    pub(super) fn new(
        caller: &'a Deadline,
        upstream: &'a Deadline,
        bounds: Bounds,
        limits: &'a Limits,
    ) -> Self {
        upstream.cap(bounds.until);
        let (asked, answered, awaited_ms) = (Cell::new(false), Cell::new(false), Cell::new(None));
        Self { caller, upstream, bounds, limits, asked, answered, awaited_ms }
    }

    /// Begins to wait for a part of the request.
    pub(super) fn take_request(&self) {
        if !self.answered.get() {
            self.caller.arm(self.limits.stall_ms, End::Read);
        }
    }

    /// Ends what [`Patience::take_request`] began.
    pub(super) fn took_request(&self) {
        if !self.answered.get() {
            self.caller.disarm();
        }
    }

    /// Begins to wait for the upstream to take a part of the request.
    pub(super) fn give_request(&self) {
        self.upstream.arm(self.bounds.idle_ms, End::Both);
    }

    /// Ends what [`Patience::give_request`] began.
    pub(super) fn gave_request(&self) {
        self.rest_upstream();
    }

    /// Says that nothing more of the request will be sent: from here on the upstream's time runs.
    pub(super) fn end_request(&self) {
        self.asked.set(true);
        match self.awaited_ms.get() {
            Some(ms) => self.upstream.arm_for(self.caller, ms, End::Both),
            None => self.rest_upstream(),
        }
    }

    /// Lets the upstream take its time while something else is waited for: until that of the whole request is over.
    fn rest_upstream(&self) {
        if self.bounds.until == u64::MAX {
            self.upstream.disarm();
        } else {
            self.upstream.arm(u64::MAX, End::Both);
        }
    }

    /// Returns whether nothing more of the request will be sent.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// Begins to wait for the answer.
    pub(super) fn await_head(&self) {
        self.await_answer(self.bounds.first_byte_ms);
    }

    /// Begins to wait for more of the answer.
    pub(super) fn await_more(&self) {
        self.await_answer(self.bounds.idle_ms);
    }

    fn await_answer(&self, ms: u64) {
        self.awaited_ms.set(Some(ms));
        if self.asked.get() {
            self.upstream.arm_for(self.caller, ms, End::Both);
        }
    }

    /// Begins to wait for the caller to take a part of the answer.
    pub(super) fn give_answer(&self) {
        self.awaited_ms.set(None);
        if self.asked.get() {
            self.rest_upstream();
        }
        self.caller.arm_write(self.limits.stall_ms);
    }

    /// Ends what [`Patience::give_answer`] began.
    pub(super) fn gave_answer(&self) {
        self.caller.disarm_write();
    }

    /// Says that the caller has its answer before the end of its request: what it still sends is read for a
    /// while and dropped, since closing now would reset the connection (RFC 9112 §9.6).
    pub(super) fn linger(&self) {
        self.answered.set(true);
        self.caller.end_write();
        self.caller.arm(self.limits.linger_ms, End::Both);
    }

    /// Returns whether the caller has its answer before the end of its request.
    pub(super) fn is_answered(&self) -> bool {
        self.answered.get()
    }

    /// Returns the caller's deadline.
    pub(super) fn caller(&self) -> &'a Deadline {
        self.caller
    }

    /// Returns the upstream's deadline.
    pub(super) fn upstream(&self) -> &'a Deadline {
        self.upstream
    }
}
