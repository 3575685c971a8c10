//! Deadlines: coarse, per connection, without a timer or a dropped operation.
//!
//! Owns one timing wheel per worker, turned by the worker's tick. When a deadline passes the socket
//! is shut down, so that the operation in flight ends by itself and its buffer comes back
//! (dropping an io_uring operation would lose bytes). Does not read the clock.
//!
//! Invariants:
//! - arming costs a store unless the deadline moved closer; the wheel is touched only then;
//! - a connection has one place on the wheel, and takes it with it: what the wheel holds does not grow with their rate;
//! - a deadline fires at most one tick late and never early;
//! - what a peer does not take has a deadline beside that of whatever else is waited for: neither puts the other off;
//! - a socket is shut down only while its connection lives: its [`Deadline`] clears the slot first;
//! - while a deadline watches a caller, that is looked at once per tick: a request that takes less costs nothing.

use std::{
    cell::{Cell, RefCell},
    io,
    os::fd::{BorrowedFd, RawFd},
    rc::Rc,
};

use halftone_core::limits::TICK_MS;
use rustix::net::Shutdown;

/// Places on the wheel: 102 s at 100 ms; a deadline further away is put off there.
const PLACES: usize = 1024;
/// Room of one place that is kept for its next turn, deadlines.
const KEPT: usize = 16;
const UNSET: u64 = u64::MAX;

/// Which direction ends when a deadline passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Reading: an answer can still be written.
    Read,
    /// Both.
    Both,
    /// Both, by a reset: the peer must not take what it got for whole.
    Abort,
}

#[derive(Debug)]
struct Slot {
    fd: Cell<RawFd>,
    due: Cell<u64>,
    /// When a write that is not taken is due.
    due_write: Cell<u64>,
    /// The tick beyond which it is never armed.
    until: Cell<u64>,
    /// The tick whose place on the wheel it has, and where in that.
    placed: Cell<u64>,
    position: Cell<usize>,
    end: Cell<End>,
    passed: Cell<bool>,
    phase: Cell<Phase>,
    /// The caller for whom an upstream works; when it leaves, so does the reason to wait.
    caller: RefCell<Option<Rc<Slot>>>,
    caller_left: Cell<bool>,
}

/// What a connection is doing, as far as deadlines differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Busy,
}

const CLOSED: RawFd = -1;

/// A worker's deadlines.
#[derive(Debug)]
pub struct Wheel {
    now: Cell<u64>,
    /// Deadlines that live: as many sockets are open.
    watched: Cell<usize>,
    places: RefCell<Vec<Vec<Rc<Slot>>>>,
}

impl Default for Wheel {
    fn default() -> Self {
        Self {
            now: Cell::new(0),
            watched: Cell::new(0),
            places: RefCell::new(vec![Vec::new(); PLACES]),
        }
    }
}

impl Wheel {
    /// Watches the socket `fd`, which must stay open for as long as the result lives.
    pub fn watch(self: &Rc<Self>, fd: RawFd) -> Deadline {
        let slot = Slot {
            fd: Cell::new(fd),
            due: Cell::new(UNSET),
            due_write: Cell::new(UNSET),
            until: Cell::new(UNSET),
            placed: Cell::new(UNSET),
            position: Cell::new(0),
            end: Cell::new(End::Both),
            passed: Cell::new(false),
            phase: Cell::new(Phase::Busy),
            caller: RefCell::default(),
            caller_left: Cell::new(false),
        };
        self.watched.set(self.watched.get() + 1);
        Deadline { wheel: Rc::clone(self), slot: Rc::new(slot) }
    }

    /// Returns how many sockets are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.watched.get()
    }

    /// Moves on by one tick and ends what is due.
    pub fn turn(&self) {
        let now = self.now.get() + 1;
        self.now.set(now);
        let mut due = std::mem::take(&mut self.places.borrow_mut()[place(now)]);
        for slot in due.drain(..) {
            slot.placed.set(UNSET);
            let left = slot.due.get() > now && slot.has_left();
            if slot.due_write.get() <= now {
                slot.fire(End::Abort);
            } else if left || slot.due.get() <= now {
                slot.caller_left.set(left);
                slot.fire(slot.end.get());
            }
            let next = slot.next_look(now);
            if next != UNSET {
                self.place(slot, next);
            }
        }
        // A crowd's room goes back to the allocator, that of a few is used again.
        if due.capacity() <= KEPT {
            self.places.borrow_mut()[place(now)] = due;
        }
    }

    /// Ends reading on every connection that waits for a request.
    pub fn end_idle(&self) {
        for slot in self.places.borrow().iter().flatten() {
            if slot.phase.get() == Phase::Idle {
                slot.fire(End::Read);
            }
        }
    }

    /// Returns the tick at which what begins now and may take `ms` milliseconds is due.
    #[must_use]
    pub fn due_in(&self, ms: u64) -> u64 {
        self.now.get() + ms.div_ceil(TICK_MS) + 1
    }

    /// Returns whether `tick` has come.
    #[must_use]
    pub fn has_reached(&self, tick: u64) -> bool {
        self.now.get() >= tick
    }

    /// Puts `slot`, which has no place, where it is seen at `due` or before.
    fn place(&self, slot: Rc<Slot>, due: u64) {
        let at = due.min(self.now.get() + PLACES as u64 - 1);
        slot.placed.set(at);
        let place = &mut self.places.borrow_mut()[place(at)];
        slot.position.set(place.len());
        place.push(slot);
    }

    /// Takes the place of `slot` away, if it has one.
    fn unplace(&self, slot: &Slot) {
        let at = slot.placed.replace(UNSET);
        if at != UNSET {
            let place = &mut self.places.borrow_mut()[place(at)];
            place.swap_remove(slot.position.get());
            if let Some(moved) = place.get(slot.position.get()) {
                moved.position.set(slot.position.get());
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the remainder is below PLACES")]
fn place(tick: u64) -> usize {
    (tick % PLACES as u64) as usize
}

impl Slot {
    /// Returns whether the caller that is watched has closed its connection (one system call).
    fn has_left(&self) -> bool {
        let caller = self.caller.borrow();
        let Some(caller) = caller.as_ref().filter(|caller| caller.fd.get() != CLOSED) else {
            return false;
        };
        // As nginx does, the end of what a caller sends is taken for the end of its interest. Bytes are its next request.
        !matches!(caller.peek(), Err(rustix::io::Errno::AGAIN) | Ok(1))
    }

    /// Returns the tick to look at this again.
    fn next_look(&self, now: u64) -> u64 {
        let due = self.due.get().min(self.due_write.get());
        if self.caller.borrow().is_some() { due.min(now + 1) } else { due }
    }

    fn peek(&self) -> Result<usize, rustix::io::Errno> {
        let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
        rustix::net::recv(self.socket(), &mut [0u8; 1][..], flags).map(|(bytes, _)| bytes)
    }

    fn fire(&self, end: End) {
        self.passed.set(true);
        self.due.set(UNSET);
        self.caller.take();
        if end != End::Read {
            self.due_write.set(UNSET);
        }
        match end {
            End::Read => self.shut(Shutdown::Read),
            End::Both => self.shut(Shutdown::Both),
            End::Abort => self.abort(),
        }
    }

    /// Dissolving the association sends the reset now. Closing with SO_LINGER alone would not do: an engine
    /// may shut down what it closes, and the end of a body that lasts to the end of the connection would be
    /// seen before the reset.
    fn abort(&self) {
        let _ =
            rustix::net::sockopt::set_socket_linger(self.socket(), Some(std::time::Duration::ZERO));
        // A Unix socket cannot be dissolved.
        if rustix::net::connect_unspec(self.socket()).is_err() {
            self.shut(Shutdown::Both);
        }
    }

    fn shut(&self, how: Shutdown) {
        // A peer that is gone already leaves nothing to shut down.
        let _ = rustix::net::shutdown(self.socket(), how);
    }

    #[expect(unsafe_code, reason = "the wheel outlives connections and must not own their sockets")]
    fn socket(&self) -> BorrowedFd<'_> {
        debug_assert_ne!(self.fd.get(), CLOSED);
        // SAFETY: the descriptor is open: `Deadline::drop` sets it to CLOSED, which the wheel checks
        // before it calls, and the owner of a Deadline drops it before the halves that own the socket
        // (`Stream`).
        unsafe { BorrowedFd::borrow_raw(self.fd.get()) }
    }
}

/// The deadline of one connection: one of whatever is waited for, and one of what is written to its peer.
#[derive(Debug)]
pub struct Deadline {
    wheel: Rc<Wheel>,
    slot: Rc<Slot>,
}

impl Deadline {
    /// Ends the connection's `end` unless armed anew or disarmed within `ms` milliseconds.
    #[inline]
    pub fn arm(&self, ms: u64, end: End) {
        self.slot.caller.take();
        self.set(ms, end);
    }

    /// As [`Deadline::arm`], and ends the connection too when `caller`, for whom it is waited, leaves.
    #[inline]
    pub fn arm_for(&self, caller: &Self, ms: u64, end: End) {
        self.slot.caller.replace(Some(Rc::clone(&caller.slot)));
        self.set(ms, end);
    }

    #[inline]
    fn set(&self, ms: u64, end: End) {
        let now = self.wheel.now.get();
        // What is overdue fires at the next tick: the place of this one has been visited.
        let due = self.wheel.due_in(ms).min(self.slot.until.get().max(now + 1));
        self.slot.due.set(due);
        self.slot.end.set(end);
        self.slot.phase.set(Phase::Busy);
        self.place(now);
    }

    #[inline]
    fn place(&self, now: u64) {
        let look = self.slot.next_look(now);
        if look < self.slot.placed.get() {
            self.wheel.unplace(&self.slot);
            self.wheel.place(Rc::clone(&self.slot), look);
        }
    }

    /// Resets the connection unless what is written is taken within `ms` milliseconds ([`Deadline::disarm_write`]):
    /// whatever else is armed, and whatever arrives meanwhile.
    #[inline]
    pub fn arm_write(&self, ms: u64) {
        self.slot.due_write.set(self.wheel.due_in(ms));
        self.place(self.wheel.now.get());
    }

    /// Ends what [`Deadline::arm_write`] began.
    #[inline]
    pub fn disarm_write(&self) {
        self.slot.due_write.set(UNSET);
    }

    /// Lets no later arming go beyond `tick`; the largest number lets each.
    #[inline]
    pub fn cap(&self, tick: u64) {
        self.slot.until.set(tick);
    }

    /// As [`Deadline::arm`], for a connection that waits for its next request.
    #[inline]
    pub fn arm_idle(&self, ms: u64) {
        self.arm(ms, End::Read);
        self.slot.phase.set(Phase::Idle);
    }

    /// As [`Deadline::arm`], for a connection whose request head has begun to arrive.
    pub fn arm_head(&self, ms: u64) {
        self.arm(ms, End::Read);
        self.slot.phase.set(Phase::Head);
    }

    /// Returns whether the deadline of a request head is armed.
    #[must_use]
    pub fn is_reading_head(&self) -> bool {
        self.slot.phase.get() == Phase::Head
    }

    /// Lets the connection take its time: something else watches over what it waits for.
    #[inline]
    pub fn disarm(&self) {
        self.slot.caller.take();
        self.slot.due.set(UNSET);
        self.slot.phase.set(Phase::Busy);
    }

    /// Returns the socket.
    #[must_use]
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.slot.socket()
    }

    /// Returns whether the connection was ended because the caller it worked for left.
    #[must_use]
    pub fn has_lost_caller(&self) -> bool {
        self.slot.caller_left.get()
    }

    /// Returns whether the deadline has passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.slot.passed.get()
    }

    /// Returns how the connection came about, once it was waited for.
    ///
    /// # Errors
    /// The error it ended with (SO_ERROR).
    pub fn connected(&self) -> io::Result<()> {
        Ok(rustix::net::sockopt::socket_error(self.slot.socket())??)
    }

    /// Tells the peer that nothing more will be written.
    pub fn end_write(&self) {
        self.slot.shut(Shutdown::Write);
    }

    /// Resets the connection, so that the peer cannot take what it got for whole.
    pub fn reset(&self) {
        self.slot.abort();
    }

    /// Returns whether the connection is open and nothing has arrived on it (one system call).
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(self.slot.peek(), Err(rustix::io::Errno::AGAIN))
    }

    /// Ends the connection's `end` now, as if the deadline had passed: an operation in flight ends.
    pub fn end_now(&self, end: End) {
        self.slot.fire(end);
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.slot.fd.set(CLOSED);
        self.slot.caller.take();
        self.wheel.unplace(&self.slot);
        self.wheel.watched.set(self.wheel.watched.get() - 1);
    }
}

#[cfg(test)]
mod tests;
