//! The load generator: one thread, one epoll loop, clients and backend together.
//!
//! Owns the event loop and the shape of a phase: warm up, measure, drain. Does not start contenders
//! and does not read their CPU time; the caller does so at the two ends of the measured window.
//!
//! Invariants:
//! - clients and backend share the loop, so that both cost one CPU less than a proxy costs another;
//! - no allocation, no `epoll_ctl` and one clock read per request and turn of the loop;
//! - it never sleeps while it has a CPU of its own: a sleeping generator would send late, and would
//!   make the contender pay for waking it.

mod load;
mod phase;
mod response;
mod schedule;
mod socket;
pub(crate) mod token;

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::sockopt::set_tcp_congestion;

use crate::backend::Backend;
use load::Load;
pub use phase::{Boundary, ErrorCounts, Expected, Outcome, Pace, Phase};
use token::Token;

/// Events taken per turn. Small, so that a due request does not wait behind a long batch.
const EVENTS_PER_TURN: usize = 64;
/// Read at once; what is discarded unread costs no memory.
const SCRATCH_BYTES: usize = 1024 * 1024;
/// The backend reads heads only.
const BACKEND_SCRATCH_BYTES: usize = 16 * 1024;
/// How long answers may come in after the window before they count as unanswered.
const DRAIN_MAX: Duration = Duration::from_secs(1);
const SLEEP_MAX: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
const NO_SLEEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What the loop does when no socket is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Asks again at once; for a generator with a CPU of its own.
    Spin,
    /// Sleeps for up to a millisecond; for one that shares its CPU.
    Sleep,
}

/// The time since the generator was made.
#[derive(Debug, Clone, Copy)]
struct Clock(Instant);

impl Clock {
    #[expect(clippy::cast_possible_truncation, reason = "2^64 nanoseconds are 584 years")]
    fn now_ns(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// Drives load and answers it.
pub struct Generator {
    epoll: OwnedFd,
    events: Vec<Event>,
    scratch: Vec<u8>,
    backend: Backend,
    clock: Clock,
    waiting: Waiting,
    idle_ns: u64,
}

impl Generator {
    /// Makes the loop and its backend, which has an address for each of `answers`.
    ///
    /// # Errors
    /// A socket call fails.
    pub fn new(waiting: Waiting, answers: Vec<Vec<u8>>) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("making an epoll set")?;
        let backend = Backend::listen(epoll.as_fd(), answers)?;
        let no_event = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
        Ok(Self {
            epoll,
            events: vec![no_event; EVENTS_PER_TURN],
            scratch: vec![0; SCRATCH_BYTES],
            backend,
            clock: Clock(Instant::now()),
            waiting,
            idle_ns: 0,
        })
    }

    /// Returns the backend, for its address and its count.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Runs one phase; calls `at_boundary` at both ends of the measured window.
    ///
    /// # Errors
    /// The contender cannot be connected to, breaks connections without end, or `at_boundary` fails.
    pub fn run(
        &mut self,
        phase: &Phase<'_>,
        at_boundary: &mut dyn FnMut(Boundary) -> Result<()>,
    ) -> Result<Outcome> {
        // The epoll set is borrowed by the load and used by the loop: a second handle keeps them apart.
        let epoll = self.epoll.try_clone().context("sharing the epoll set")?;
        let mut load = Load::connect(epoll.as_fd(), self.clock, phase)?;
        self.drive(&mut load, phase.warm_up, false)?;
        at_boundary(Boundary::Start)?;
        load.open_window();
        self.idle_ns = 0;
        self.drive(&mut load, phase.measured, false)?;
        load.close_window();
        at_boundary(Boundary::End)?;
        let generator_idle = Duration::from_nanos(self.idle_ns);
        self.drive(&mut load, DRAIN_MAX, true)?;
        Ok(Outcome { generator_idle, ..load.outcome() })
    }

    /// Runs a phase of [`Pace::Total`] to its end, keeps its connections idle for `settle`, and calls
    /// `while_open` before they close.
    ///
    /// # Errors
    /// As [`Generator::run`].
    pub fn run_total(
        &mut self,
        phase: &Phase<'_>,
        settle: Duration,
        while_open: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Outcome> {
        let epoll = self.epoll.try_clone().context("sharing the epoll set")?;
        let mut load = Load::connect(epoll.as_fd(), self.clock, phase)?;
        load.open_window();
        self.idle_ns = 0;
        self.drive(&mut load, phase.measured, true)?;
        load.close_window();
        let generator_idle = Duration::from_nanos(self.idle_ns);
        self.drive(&mut load, settle, false)?;
        while_open()?;
        Ok(Outcome { generator_idle, ..load.outcome() })
    }

    /// Serves only the backend until `done` says so; sleeps between events.
    ///
    /// # Errors
    /// The loop's own calls fail.
    pub fn serve_until(&mut self, done: &mut dyn FnMut() -> bool) -> Result<()> {
        while !done() {
            let ready = self.poll(&SLEEP_MAX)?;
            for turn in 0..ready {
                let event = self.events[turn];
                self.on_backend_event(Token::decode(event.data.u64()), event.flags)?;
            }
        }
        Ok(())
    }

    /// Turns the loop for `length`, or, when draining, until no request is left if that is sooner.
    fn drive(&mut self, load: &mut Load<'_>, length: Duration, draining: bool) -> Result<()> {
        let start_ns = self.clock.now_ns();
        let end_ns = start_ns + u64::try_from(length.as_nanos()).unwrap_or(u64::MAX / 2);
        let timeout = if self.waiting == Waiting::Spin { NO_SLEEP } else { SLEEP_MAX };
        let mut turn_ns = start_ns;
        while turn_ns < end_ns && !(draining && load.drained()) {
            let sent_before = load.sent();
            load.send_due(turn_ns)?;
            let ready = self.poll(&timeout)?;
            for turn in 0..ready {
                let event = self.events[turn];
                match Token::decode(event.data.u64()) {
                    Token::Client(index) => load.on_ready(index, event.flags, &mut self.scratch)?,
                    token => {
                        self.on_backend_event(token, event.flags)?;
                        load.send_overdue()?;
                    }
                }
            }
            let now_ns = self.clock.now_ns();
            if ready == 0 && load.sent() == sent_before {
                self.idle_ns += now_ns - turn_ns;
            }
            turn_ns = now_ns;
        }
        Ok(())
    }

    fn on_backend_event(&mut self, token: Token, flags: EventFlags) -> Result<()> {
        match token {
            Token::Listener(index) => self.backend.on_listener(self.epoll.as_fd(), index),
            Token::Backend(index) => {
                let scratch = &mut self.scratch[..BACKEND_SCRATCH_BYTES];
                self.backend.on_connection(index, flags, scratch);
                Ok(())
            }
            // A client of a phase that has ended; its socket is closed.
            Token::Client(_) => Ok(()),
        }
    }

    fn poll(&mut self, timeout: &Timespec) -> Result<usize> {
        match epoll::wait(&self.epoll, self.events.as_mut_slice(), Some(timeout)) {
            Ok(ready) => Ok(ready),
            Err(Errno::INTR) => Ok(0),
            Err(error) => Err(error).context("waiting for events"),
        }
    }
}

/// Gives a socket of the generator's own side the congestion control that costs least.
///
/// The machine's default may be a pacing one such as BBR, with a timer per socket. The contender's
/// sockets keep the default. Best effort: a kernel that refuses leaves the generator a little dearer.
pub(crate) fn lighten(socket: impl AsFd) {
    let _ = set_tcp_congestion(socket, "reno");
}

#[cfg(test)]
mod tests;
