//! What is asked of the generator, and what it has seen.
//!
//! Owns the types only. Does not run anything.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// How requests are paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop: every connection sends again as soon as it was answered.
    Saturated,
    /// Open loop: this many requests per second, evenly spaced, whatever comes back.
    Rate(u32),
    /// Closed loop of so many requests in all, so many of them in flight at once.
    Total {
        /// Requests in all.
        requests: usize,
        /// Most in flight.
        at_once: usize,
    },
}

/// The answer every request must get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Status code.
    pub status: u16,
    /// Length of the body; `None` when the length tells who answered.
    pub body_bytes: Option<u64>,
}

/// One stretch of load on one contender.
#[derive(Debug, Clone, Copy)]
pub struct Phase<'a> {
    /// Where requests go.
    pub target: SocketAddr,
    /// Requests, each whole and without a body, sent in turn.
    pub requests: &'a [Vec<u8>],
    /// The answer each must get.
    pub expected: Expected,
    /// Connections.
    pub connections: usize,
    /// Whether each request has a connection of its own.
    pub reconnects: bool,
    /// How many addresses of 127.0.0.0/8 the connections come from; one leaves it to the kernel.
    pub sources: u8,
    /// How requests are paced.
    pub pace: Pace,
    /// Load before the measured window.
    pub warm_up: Duration,
    /// Length of the measured window; of a [`Pace::Total`], the longest it may take.
    pub measured: Duration,
}

/// An end of the measured window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The window opens.
    Start,
    /// The window closes.
    End,
}

/// Requests that failed, by kind, warm-up included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ErrorCounts {
    /// Answered with another status than expected.
    pub status: u64,
    /// Answered with a body of another length.
    pub length: u64,
    /// Answered with what is no HTTP/1 response with a `Content-Length`, or with too much.
    pub malformed: u64,
    /// Connection closed with the request in flight or at the sending of it.
    pub closed: u64,
    /// Meant for the window and not answered a second after it.
    pub unanswered: u64,
    /// Connections replaced. No failed request by itself: a contender may close an idle one.
    pub reconnects: u64,
}

impl ErrorCounts {
    /// Returns the failed requests of all kinds.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.status + self.length + self.malformed + self.closed + self.unanswered
    }

    /// Adds the counts of another phase.
    pub fn add(&mut self, other: &Self) {
        self.status += other.status;
        self.length += other.length;
        self.malformed += other.malformed;
        self.closed += other.closed;
        self.unanswered += other.unanswered;
        self.reconnects += other.reconnects;
    }
}

impl fmt::Display for ErrorCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} wrong status, {} wrong length, {} malformed, {} closed, {} unanswered, {} reconnects",
            self.status, self.length, self.malformed, self.closed, self.unanswered, self.reconnects
        )
    }
}

/// What a phase has shown.
#[derive(Debug)]
pub struct Outcome {
    /// Length of the window as it was.
    pub measured: Duration,
    /// Right answers that came within the window.
    pub completed: u64,
    /// Requests meant for the window; `None` when saturated.
    pub scheduled: Option<u64>,
    /// Latencies of the requests meant for the window, nanoseconds from the intended time.
    pub latencies: Histogram<u64>,
    /// Failures.
    pub errors: ErrorCounts,
    /// Length of the body that each request of a [`Pace::Total`] got, in their order; `None` for one
    /// that failed. Empty for other paces.
    pub bodies: Vec<Option<u64>>,
    /// Time of the window in which the generator had nothing to do.
    pub generator_idle: Duration,
}
