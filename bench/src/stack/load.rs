//! Load beside the work that is measured: kept connections, each asking at its own pace.
//!
//! Owns its counts. Invariants: a connection that breaks is a failed request and is made again; a request that could not
//! be sent when it was due, since the one before was not answered, counts from when it was due.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;

use super::caller::Caller;
use crate::compare::workload::Workload;

/// Failures that are kept in words.
const WORDS_MAX: usize = 5;
/// Longest time that is told apart, nanoseconds.
const TOOK_NS_MAX: u64 = 60_000_000_000;

/// How often is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Requests per second, of all connections together.
    pub(crate) per_second: u32,
    /// Kept connections.
    pub(crate) connections: u32,
}

/// What is asked, and what is a right answer: 200, with a body of one of these lengths.
pub(crate) struct Asking<'a> {
    /// Returns the next request.
    pub(crate) request: &'a (dyn Fn() -> Vec<u8> + Sync),
    /// The length that is expected.
    pub(crate) body_bytes: u64,
    /// Another length, which is counted apart.
    pub(crate) other_bytes: Option<u64>,
}

/// Asks what [`Workload::Plain`] asks.
pub(crate) fn plain() -> Asking<'static> {
    let body_bytes = Workload::Plain.expected().body_bytes.unwrap_or(0);
    Asking { request: &|| Workload::Plain.request(""), body_bytes, other_bytes: None }
}

/// Makes an empty histogram of nanoseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    // The bounds are constants that the constructor accepts.
    Histogram::new_with_bounds(1, TOOK_NS_MAX, 3)
        .unwrap_or_else(|_| unreachable!("constant bounds"))
}

/// What became of requests.
pub(crate) struct Counts {
    /// Right answers.
    pub(crate) answered: u64,
    /// Those of them that had the other length.
    pub(crate) others: u64,
    pub(crate) failed: u64,
    pub(crate) words: Vec<String>,
    pub(crate) took: Histogram<u64>,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self { answered: 0, others: 0, failed: 0, words: Vec::new(), took: histogram() }
    }

    fn fail(&mut self, words: String) {
        self.failed += 1;
        if self.words.len() < WORDS_MAX {
            self.words.push(words);
        }
    }
}

/// Starts the connections; they end when `stop` says so.
pub(super) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    pace: Pace,
    target: SocketAddr,
    asking: &'scope Asking<'_>,
    stop: &'scope AtomicBool,
) -> Vec<ScopedJoinHandle<'scope, Counts>> {
    let pause = Duration::from_secs(u64::from(pace.connections)) / pace.per_second;
    let ask = move || ask(target, pause, asking, stop);
    (0..pace.connections).map(|_| scope.spawn(ask)).collect()
}

/// Waits for the connections and adds up what they counted.
///
/// # Errors
/// One panicked.
pub(super) fn join(connections: Vec<ScopedJoinHandle<'_, Counts>>) -> Result<Counts> {
    let mut all = Counts::new();
    for connection in connections {
        let Ok(one) = connection.join() else { bail!("a connection's thread panicked") };
        all.answered += one.answered;
        all.others += one.others;
        all.failed += one.failed;
        all.words.extend(one.words);
        all.took.add(&one.took)?;
    }
    all.words.truncate(WORDS_MAX);
    Ok(all)
}

fn ask(target: SocketAddr, pause: Duration, asking: &Asking<'_>, stop: &AtomicBool) -> Counts {
    let (mut counts, mut caller) = (Counts::new(), Caller::new(target));
    let mut intended = Instant::now();
    let mut due = intended;
    while !stop.load(Ordering::Relaxed) {
        match caller.send(&(asking.request)()) {
            Ok(answer) if answer.status != 200 => counts.fail(format!("status {}", answer.status)),
            Ok(answer) => {
                let length = answer.body.len() as u64;
                let is_other = asking.other_bytes == Some(length);
                if is_other || length == asking.body_bytes {
                    counts.answered += 1;
                    counts.others += u64::from(is_other);
                    let took = u64::try_from(intended.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    counts.took.saturating_record(took);
                } else {
                    counts.fail(format!("{length} bytes"));
                }
            }
            Err(error) => counts.fail(format!("{error:#}")),
        }
        due += pause;
        let early = due.saturating_duration_since(Instant::now());
        thread::sleep(early);
        // What the timer oversleeps is none of the stack's.
        intended = if early.is_zero() { due } else { Instant::now() };
    }
    counts
}
