//! The client side of a phase: the connections to the contender and what comes back on them.
//!
//! Owns sending, receiving, checking and counting. Does not own the event loop or the clock: the
//! loop calls in with events, the time is read through [`Clock`].
//!
//! Invariants:
//! - at most one request is in flight per connection;
//! - a request's latency counts from its intended time, so waiting for a free connection counts, and
//!   connecting where each request has a connection of its own;
//! - every request meant for the window ends up answered, failed or unanswered;
//! - sockets are edge-triggered; a read that fills less than the buffer has emptied the socket;
//! - of a long body only the first bytes are copied: the rest is counted and dropped in the kernel.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::response::{Malformed, Response, ResponseScanner};
use super::schedule::Schedule;
use super::token::Token;
use super::{Clock, ErrorCounts, Outcome, Pace, Phase, socket};

/// Latencies are kept from 100 ns to a minute, to three significant digits.
const LATENCY_NS_MIN: u64 = 100;
const LATENCY_NS_MAX: u64 = 60_000_000_000;
const LATENCY_DIGITS: u8 = 3;
/// Read while a head is awaited: every head, and the bodies that are cheaper copied than counted.
const HEAD_READ_BYTES: usize = 4 * 1024;
/// Broken connections after which a phase is given up: it would measure connecting.
const BROKEN_MAX: u64 = 10_000;

/// The clients of one phase.
pub(super) struct Load<'a> {
    epoll: BorrowedFd<'a>,
    clock: Clock,
    phase: &'a Phase<'a>,
    connections: Vec<Connection>,
    /// Connections without a request, longest idle first.
    free: VecDeque<usize>,
    /// `None` when saturated: a connection then sends again as soon as it was answered.
    schedule: Option<Schedule>,
    window: Window,
    latencies: Histogram<u64>,
    /// Requests sent, and so the number of the next one.
    sent: usize,
    /// Connections made, for the address that the next one comes from.
    opened: usize,
    completed: u64,
    bodies: Vec<Option<u64>>,
    errors: ErrorCounts,
}

#[derive(Default)]
struct Connection {
    /// Absent where each request opens its own.
    stream: Option<TcpStream>,
    scanner: ResponseScanner,
    in_flight: Option<InFlight>,
}

/// A request without an answer.
#[derive(Clone, Copy)]
struct InFlight {
    intended_ns: u64,
    number: usize,
}

/// The measured stretch of a phase, nanoseconds on the phase's clock; both ends open at first.
#[derive(Clone, Copy)]
struct Window {
    start_ns: u64,
    end_ns: u64,
}

/// What reading a connection has shown.
enum Reading {
    Pending,
    Answered,
    Broken,
}

impl<'a> Load<'a> {
    /// Connects every client of `phase`; the schedule starts now.
    pub(super) fn connect(
        epoll: BorrowedFd<'a>,
        clock: Clock,
        phase: &'a Phase<'a>,
    ) -> Result<Self> {
        let latencies = Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, LATENCY_DIGITS)
            .context("making the latency histogram")?;
        let total = if let Pace::Total { requests, .. } = phase.pace { requests } else { 0 };
        let mut load = Self {
            epoll,
            clock,
            phase,
            connections: Vec::with_capacity(phase.connections),
            free: VecDeque::with_capacity(phase.connections),
            schedule: None,
            window: Window { start_ns: u64::MAX, end_ns: u64::MAX },
            latencies,
            sent: 0,
            opened: 0,
            completed: 0,
            bodies: vec![None; total],
            errors: ErrorCounts::default(),
        };
        for index in 0..phase.connections {
            let stream = if phase.reconnects { None } else { Some(load.open_stream(index)?) };
            load.connections.push(Connection { stream, ..Connection::default() });
            load.free.push_back(index);
        }
        if let Pace::Rate(rate_per_second) = phase.pace {
            load.schedule = Some(Schedule::starting(clock.now_ns(), rate_per_second));
        }
        Ok(load)
    }

    /// Starts to count: from here on requests belong to the window.
    pub(super) fn open_window(&mut self) {
        self.window.start_ns = self.clock.now_ns();
        self.completed = 0;
    }

    /// Ends the window: no request is meant for later, and what is in flight may still end.
    pub(super) fn close_window(&mut self) {
        self.window.end_ns = self.clock.now_ns();
        if let Some(schedule) = &mut self.schedule {
            schedule.end_at(self.window.end_ns);
        }
    }

    /// Returns how many requests were sent so far.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// Sends what is due at `now_ns` while a connection is free.
    pub(super) fn send_due(&mut self, now_ns: u64) -> Result<()> {
        let closed = self.closed();
        while let Some(&index) = self.free.front() {
            let held_back = closed || self.held_back();
            let intended_ns = match &mut self.schedule {
                Some(schedule) => {
                    let Some(intended_ns) = schedule.due(now_ns) else { break };
                    schedule.advance();
                    intended_ns
                }
                None if held_back => break,
                None => now_ns,
            };
            self.free.pop_front();
            self.send(index, intended_ns)?;
        }
        Ok(())
    }

    /// Sends what has fallen due meanwhile; reads the clock only if something could be sent.
    pub(super) fn send_overdue(&mut self) -> Result<()> {
        if self.free.is_empty() { Ok(()) } else { self.send_due(self.clock.now_ns()) }
    }

    /// Reads connection `index` and follows up: counts an answer, replaces a broken connection.
    pub(super) fn on_ready(
        &mut self,
        index: usize,
        flags: EventFlags,
        scratch: &mut [u8],
    ) -> Result<()> {
        let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        loop {
            let Some(connection) = self.connections.get_mut(index) else { return Ok(()) };
            let (room, received) = match connection.receive(scratch) {
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(()),
                Err(_) => (0, Received::End),
                Ok(received) => received,
            };
            let now_ns = self.clock.now_ns();
            let emptied = received.length() < room;
            match self.read(index, received, now_ns) {
                Reading::Pending if emptied && !ended => return Ok(()),
                Reading::Pending => {}
                Reading::Broken => return self.replace(index),
                Reading::Answered => {
                    self.free.push_back(index);
                    if self.phase.reconnects {
                        self.connections[index] = Connection::default();
                    } else if ended {
                        return self.replace(index);
                    }
                    return self.send_due(now_ns);
                }
            }
        }
    }

    /// Returns whether no request of the window is unsent or in flight.
    pub(super) fn drained(&self) -> bool {
        let unsent =
            self.schedule.is_some_and(|schedule| schedule.unsent_before(self.window.end_ns) > 0);
        let left = !self.closed() && self.sent < self.bodies.len();
        !unsent && !left && self.free.len() == self.connections.len()
    }

    /// Returns the result; what is still open counts as unanswered.
    pub(super) fn outcome(mut self) -> Outcome {
        let in_flight = self.connections.iter().filter_map(|connection| connection.in_flight);
        self.errors.unanswered +=
            in_flight.filter(|request| self.meant_for_window(request.intended_ns)).count() as u64;
        self.errors.unanswered += self.bodies.len().saturating_sub(self.sent) as u64;
        let mut scheduled = None;
        if let Some(schedule) = &self.schedule {
            self.errors.unanswered += schedule.unsent_before(self.window.end_ns);
            scheduled = Some(schedule.meant_between(self.window.start_ns, self.window.end_ns));
        }
        Outcome {
            measured: Duration::from_nanos(self.window.end_ns.saturating_sub(self.window.start_ns)),
            completed: self.completed,
            scheduled,
            latencies: self.latencies,
            errors: self.errors,
            bodies: self.bodies,
            generator_idle: Duration::ZERO,
        }
    }

    fn read(&mut self, index: usize, received: Received<'_>, now_ns: u64) -> Reading {
        let connection = &mut self.connections[index];
        let scanned = match received {
            Received::End => {
                self.errors.closed += u64::from(connection.in_flight.is_some());
                return Reading::Broken;
            }
            Received::Discarded(length) => Ok(connection.scanner.skip(length as u64)),
            Received::Bytes(bytes) => scan_one(&mut connection.scanner, bytes),
        };
        let response = match scanned {
            Ok(None) => return Reading::Pending,
            Ok(Some(response)) => response,
            Err(Malformed) => {
                self.errors.malformed += 1;
                return Reading::Broken;
            }
        };
        let Some(request) = connection.in_flight.take() else {
            self.errors.malformed += 1;
            return Reading::Broken;
        };
        let expected = self.phase.expected;
        if response.status != expected.status {
            self.errors.status += 1;
        } else if expected.body_bytes.is_some_and(|length| length != response.body_bytes) {
            self.errors.length += 1;
        } else {
            self.count(request, response, now_ns);
        }
        Reading::Answered
    }

    fn count(&mut self, request: InFlight, response: Response, now_ns: u64) {
        // Before the window opens every answer counts; opening it sets the count to zero.
        self.completed += u64::from(!self.closed());
        if let Some(body) = self.bodies.get_mut(request.number) {
            *body = Some(response.body_bytes);
        }
        if self.meant_for_window(request.intended_ns) {
            self.latencies.saturating_record(now_ns.saturating_sub(request.intended_ns));
        }
    }

    fn meant_for_window(&self, intended_ns: u64) -> bool {
        (self.window.start_ns..self.window.end_ns).contains(&intended_ns)
    }

    fn closed(&self) -> bool {
        self.window.end_ns != u64::MAX
    }

    /// Returns whether all requests of the phase are sent, or as many are in flight as may be.
    fn held_back(&self) -> bool {
        let Pace::Total { requests, at_once } = self.phase.pace else { return false };
        self.sent >= requests || self.connections.len() - self.free.len() >= at_once
    }

    fn send(&mut self, index: usize, intended_ns: u64) -> Result<()> {
        if self.connections[index].stream.is_none() {
            self.connections[index].stream = Some(self.open_stream(index)?);
        }
        let request = &self.phase.requests[self.sent % self.phase.requests.len()];
        let connection = &mut self.connections[index];
        if connection.stream.as_ref().is_some_and(|stream| socket::send_whole(stream, request)) {
            connection.in_flight = Some(InFlight { intended_ns, number: self.sent });
            self.sent += 1;
            return Ok(());
        }
        // The connection has no request in flight, so its buffer is empty: it must be gone.
        self.errors.closed += 1;
        self.replace(index)
    }

    /// Puts a new connection in the place of a broken one and makes it free.
    fn replace(&mut self, index: usize) -> Result<()> {
        self.errors.reconnects += 1;
        if self.errors.reconnects > BROKEN_MAX {
            bail!("gave up after {BROKEN_MAX} broken connections: {}", self.errors);
        }
        self.connections[index] = Connection::default();
        if !self.phase.reconnects {
            self.connections[index].stream = Some(self.open_stream(index)?);
        }
        if !self.free.contains(&index) {
            self.free.push_back(index);
        }
        Ok(())
    }

    fn open_stream(&mut self, index: usize) -> Result<TcpStream> {
        let sources = usize::from(self.phase.sources);
        let source = u8::try_from(self.opened % sources.max(1) + 1).ok().filter(|_| sources > 1);
        self.opened += 1;
        let stream = socket::connect(self.phase.target, source)?;
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(self.epoll, &stream, EventData::new_u64(Token::Client(index).encode()), flags)
            .context("watching a client connection")?;
        Ok(stream)
    }
}

/// What a read has brought.
#[derive(Clone, Copy)]
enum Received<'a> {
    Bytes(&'a [u8]),
    /// So many bytes of the body, dropped unread.
    Discarded(usize),
    End,
}

impl Received<'_> {
    fn length(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Discarded(length) => length,
            Self::End => 0,
        }
    }
}

impl Connection {
    /// Reads once, and returns the room there was with what came; without a stream nothing comes.
    fn receive<'b>(&self, scratch: &'b mut [u8]) -> Result<(usize, Received<'b>), Errno> {
        let stream = self.stream.as_ref().ok_or(Errno::AGAIN)?;
        if let Some(left) = self.scanner.body_left() {
            let room = scratch.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let length = socket::discard(stream, &mut scratch[..room])?;
            let received = if length == 0 { Received::End } else { Received::Discarded(length) };
            return Ok((room, received));
        }
        let length = socket::read(stream, &mut scratch[..HEAD_READ_BYTES])?;
        let bytes = Received::Bytes(&scratch[..length]);
        Ok((HEAD_READ_BYTES, if length == 0 { Received::End } else { bytes }))
    }
}

/// Scans what may end one answer; more than one is an error, for one was asked for.
fn scan_one(scanner: &mut ResponseScanner, bytes: &[u8]) -> Result<Option<Response>, Malformed> {
    let mut input = bytes;
    match scanner.scan(&mut input)? {
        Some(_) if !input.is_empty() => Err(Malformed),
        scanned => Ok(scanned),
    }
}
