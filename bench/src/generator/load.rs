//! The client side of a phase: the connections to the contender and what comes back on them.
//!
//! Owns sending, receiving, checking and counting. Does not own the event loop or the clock: the
//! loop calls in with events, the time is read through [`Clock`].
//!
//! Invariants:
//! - at most one request is in flight per connection;
//! - a request's latency counts from its intended time, so waiting for a free connection counts;
//! - every request meant for the window ends up answered, failed or unanswered;
//! - sockets are edge-triggered; a read that fills less than the buffer has emptied the socket.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::response::ResponseScanner;
use super::schedule::Schedule;
use super::token::Token;
use super::{Clock, ErrorCounts, Outcome, Pace, Phase, lighten};

/// Latencies are kept from 100 ns to a minute, to three significant digits.
const LATENCY_NS_MIN: u64 = 100;
const LATENCY_NS_MAX: u64 = 60_000_000_000;
const LATENCY_DIGITS: u8 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
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
    sent: u64,
    completed: u64,
    errors: ErrorCounts,
}

struct Connection {
    stream: TcpStream,
    scanner: ResponseScanner,
    /// Intended time of the request in flight.
    in_flight: Option<u64>,
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
            completed: 0,
            errors: ErrorCounts::default(),
        };
        for index in 0..phase.connections {
            let stream = load.open_stream(index)?;
            load.connections.push(Connection {
                stream,
                scanner: ResponseScanner::default(),
                in_flight: None,
            });
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
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends what is due at `now_ns` while a connection is free.
    pub(super) fn send_due(&mut self, now_ns: u64) -> Result<()> {
        let closed = self.closed();
        while let Some(&index) = self.free.front() {
            let intended_ns = match &mut self.schedule {
                Some(schedule) => {
                    let Some(intended_ns) = schedule.due(now_ns) else { break };
                    schedule.advance();
                    intended_ns
                }
                None if closed => break,
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
        let mut broken = false;
        let mut answered_ns = None;
        loop {
            let Some(connection) = self.connections.get(index) else { return Ok(()) };
            let length = match recv(&connection.stream, &mut *scratch, RecvFlags::empty()) {
                Ok((_, length)) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                Err(_) => 0,
            };
            let now_ns = self.clock.now_ns();
            match self.read(index, &scratch[..length], now_ns) {
                Reading::Pending => {}
                Reading::Answered => {
                    self.free.push_back(index);
                    answered_ns = Some(now_ns);
                }
                Reading::Broken => {
                    broken = true;
                    break;
                }
            }
            if length < scratch.len() && !ended {
                break;
            }
        }
        if broken {
            return self.replace(index);
        }
        answered_ns.map_or(Ok(()), |now_ns| self.send_due(now_ns))
    }

    /// Returns whether no request of the window is unsent or in flight.
    pub(super) fn drained(&self) -> bool {
        let unsent =
            self.schedule.is_some_and(|schedule| schedule.unsent_before(self.window.end_ns) > 0);
        !unsent && self.free.len() == self.connections.len()
    }

    /// Returns the result; what is still open counts as unanswered.
    pub(super) fn outcome(mut self) -> Outcome {
        let in_flight = self.connections.iter().filter_map(|connection| connection.in_flight);
        self.errors.unanswered +=
            in_flight.filter(|&intended_ns| self.meant_for_window(intended_ns)).count() as u64;
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
            generator_idle: Duration::ZERO,
        }
    }

    fn read(&mut self, index: usize, bytes: &[u8], now_ns: u64) -> Reading {
        let connection = &mut self.connections[index];
        if bytes.is_empty() {
            self.errors.closed += u64::from(connection.in_flight.is_some());
            return Reading::Broken;
        }
        let mut input = bytes;
        let response = match connection.scanner.scan(&mut input) {
            Ok(None) => return Reading::Pending,
            Ok(Some(response)) if input.is_empty() => response,
            // Bytes behind the only answer asked for, or no HTTP at all.
            Ok(Some(_)) | Err(_) => {
                self.errors.malformed += 1;
                return Reading::Broken;
            }
        };
        let Some(intended_ns) = connection.in_flight.take() else {
            self.errors.malformed += 1;
            return Reading::Broken;
        };
        if response.status != self.phase.expected.status {
            self.errors.status += 1;
        } else if response.body_bytes != self.phase.expected.body_bytes {
            self.errors.length += 1;
        } else {
            self.count(intended_ns, now_ns);
        }
        Reading::Answered
    }

    fn count(&mut self, intended_ns: u64, now_ns: u64) {
        // Before the window opens every answer counts; opening it sets the count to zero.
        self.completed += u64::from(!self.closed());
        if self.meant_for_window(intended_ns) {
            self.latencies.saturating_record(now_ns.saturating_sub(intended_ns));
        }
    }

    fn meant_for_window(&self, intended_ns: u64) -> bool {
        (self.window.start_ns..self.window.end_ns).contains(&intended_ns)
    }

    fn closed(&self) -> bool {
        self.window.end_ns != u64::MAX
    }

    fn send(&mut self, index: usize, intended_ns: u64) -> Result<()> {
        let connection = &mut self.connections[index];
        let request = self.phase.request;
        if send(&connection.stream, request, SendFlags::NOSIGNAL) == Ok(request.len()) {
            connection.in_flight = Some(intended_ns);
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
        let stream = self.open_stream(index)?;
        self.connections[index] =
            Connection { stream, scanner: ResponseScanner::default(), in_flight: None };
        if !self.free.contains(&index) {
            self.free.push_back(index);
        }
        Ok(())
    }

    fn open_stream(&self, index: usize) -> Result<TcpStream> {
        let stream = connect(self.phase.target)?;
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(self.epoll, &stream, EventData::new_u64(Token::Client(index).encode()), flags)
            .context("watching a client connection")?;
        Ok(stream)
    }
}

fn connect(target: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&target, CONNECT_TIMEOUT)
        .with_context(|| format!("connecting to the contender at {target}"))?;
    stream.set_nodelay(true).context("switching Nagle's algorithm off")?;
    lighten(&stream);
    stream.set_nonblocking(true).context("making a client connection non-blocking")?;
    Ok(stream)
}
