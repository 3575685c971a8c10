//! The load beside pushes: kept connections, each asking at its own pace.
//!
//! Owns its counts. Invariant: a connection that breaks is a failed request and is made again.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;

use super::{PUSH_NS_MAX, caller::Caller};
use crate::compare::workload::Workload;

/// Failures that are kept in words.
const WORDS_MAX: usize = 5;

/// What became of requests.
pub(crate) struct Counts {
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) words: Vec<String>,
    pub(crate) took: Histogram<u64>,
}

impl Counts {
    fn new() -> Self {
        // The bounds are constants that the constructor accepts.
        let took = Histogram::new_with_bounds(1, PUSH_NS_MAX, 3)
            .unwrap_or_else(|_| unreachable!("constant bounds"));
        Self { answered: 0, failed: 0, words: Vec::new(), took }
    }

    fn fail(&mut self, words: String) {
        self.failed += 1;
        if self.words.len() < WORDS_MAX {
            self.words.push(words);
        }
    }
}

/// Starts so many connections that together ask so often per second (`(load, connections)`); they end when
/// `stop` says so.
pub(crate) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    (load, connections): (u32, u32),
    target: SocketAddr,
    stop: &'scope AtomicBool,
) -> Vec<ScopedJoinHandle<'scope, Counts>> {
    let pause = Duration::from_secs(u64::from(connections)) / load;
    (0..connections).map(|_| scope.spawn(move || ask(target, pause, stop))).collect()
}

/// Waits for the connections and adds up what they counted.
///
/// # Errors
/// One panicked.
pub(crate) fn join(connections: Vec<ScopedJoinHandle<'_, Counts>>) -> Result<Counts> {
    let mut all = Counts::new();
    for connection in connections {
        let Ok(one) = connection.join() else { bail!("a connection's thread panicked") };
        all.answered += one.answered;
        all.failed += one.failed;
        all.words.extend(one.words);
        all.took.add(&one.took)?;
    }
    all.words.truncate(WORDS_MAX);
    Ok(all)
}

fn ask(target: SocketAddr, pause: Duration, stop: &AtomicBool) -> Counts {
    let (mut counts, mut caller) = (Counts::new(), Caller::new(target));
    let (request, expected) = (Workload::Plain.request(""), Workload::Plain.expected());
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        match caller.send(&request) {
            Ok(answer) if answer.status != expected.status => {
                counts.fail(format!("status {}", answer.status));
            }
            Ok(answer) if Some(answer.body.len() as u64) != expected.body_bytes => {
                counts.fail(format!("{} bytes", answer.body.len()));
            }
            Ok(_) => {
                counts.answered += 1;
                let took = u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX);
                counts.took.saturating_record(took);
            }
            Err(error) => counts.fail(format!("{error:#}")),
        }
        due += pause;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    counts
}
