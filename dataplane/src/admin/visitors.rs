//! Callers of the admin address, none of whom can keep the others waiting.
//!
//! Owns their connections and one loop over all of them. Does not know what is asked or answered. Invariants:
//! - nothing here waits for one caller alone;
//! - there are at most [`VISITORS_MAX`]; the one that has been silent longest makes room for the next;
//! - each has a time to ask in and a time to take its answer in, however many pieces either comes in.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use halftone_core::limits::TICK_MS;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Most callers at once: a probe, a few scrapers, people, and slack.
pub(super) const VISITORS_MAX: usize = 64;
/// How long a caller may take to send its request.
const ASK: Duration = Duration::from_secs(2);
/// How long it may take to receive the answer: a page of metrics can be long, and a line slow.
const TAKE: Duration = Duration::from_secs(10);

/// One caller.
struct Visitor {
    stream: TcpStream,
    until: Instant,
    received: Vec<u8>,
    answer: Vec<u8>,
    taken: usize,
}

/// Serves callers until waiting fails. `answer` is given what has arrived of a request; it returns nothing as long as
/// more of it is needed.
pub(super) fn serve(
    listener: &TcpListener,
    answer: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut visitors: Vec<Visitor> = Vec::with_capacity(VISITORS_MAX);
    loop {
        wait(listener, &visitors)?;
        visitors.retain_mut(|visitor| match visitor.step(&answer) {
            Ok(goes_on) => goes_on && Instant::now() < visitor.until,
            Err(error) => {
                tracing::debug!(%error, "A caller of the admin address was not answered.");
                false
            }
        });
        admit(listener, &mut visitors);
    }
}

/// Waits until there is something to do.
fn wait(listener: &TcpListener, visitors: &[Visitor]) -> io::Result<()> {
    let soonest = visitors.iter().map(|visitor| visitor.until).min();
    let left = soonest.map(|until| until.saturating_duration_since(Instant::now()));
    // A little later rather than sooner, so that what is due is over.
    let left = left.map(|left| left + Duration::from_millis(1));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let mut watched = vec![PollFd::new(listener, PollFlags::IN)];
    watched.extend(visitors.iter().map(|visitor| {
        let asks = visitor.answer.is_empty();
        PollFd::new(&visitor.stream, if asks { PollFlags::IN } else { PollFlags::OUT })
    }));
    match poll(&mut watched, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Takes the callers that wait.
fn admit(listener: &TcpListener, visitors: &mut Vec<Visitor>) {
    // Only so many at a time: those that are here already have their turn.
    for _ in 0..VISITORS_MAX {
        let accepted = listener.accept().and_then(|(stream, _)| {
            stream.set_nonblocking(true)?;
            Ok(stream)
        });
        match accepted {
            Ok(stream) => {
                if visitors.len() == VISITORS_MAX {
                    let silent = visitors.iter().position(|visitor| visitor.answer.is_empty());
                    visitors.remove(silent.unwrap_or(0));
                }
                let (until, received) = (Instant::now() + ASK, Vec::new());
                visitors.push(Visitor { stream, until, received, answer: Vec::new(), taken: 0 });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                tracing::warn!(%error, "A caller of the admin address was not accepted.");
                // It may be for want of descriptors, and the next attempt would fail as this one did.
                thread::sleep(Duration::from_millis(TICK_MS));
                return;
            }
        }
    }
}

impl Visitor {
    /// Does what can be done without waiting; returns whether there is more to do.
    fn step(&mut self, answer: impl Fn(&[u8]) -> Option<Vec<u8>>) -> io::Result<bool> {
        let mut piece = [0; 1024];
        while self.answer.is_empty() {
            let bytes = match self.stream.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                other => other?,
            };
            if bytes == 0 {
                return Ok(false);
            }
            self.received.extend_from_slice(&piece[..bytes]);
            if let Some(answer) = answer(&self.received) {
                (self.answer, self.until) = (answer, Instant::now() + TAKE);
            }
        }
        while self.taken < self.answer.len() {
            match self.stream.write(&self.answer[self.taken..]) {
                Ok(bytes) => self.taken += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
