//! The demo's own callers.
//!
//! Owns the requests that are sent: from whom, how many, and what became of them. Gentle and paced;
//! the load generator that measures is the bench's.
//!
//! Invariants: every user asks equally often, so that shares come out as the buckets say; a request
//! that was cut off by the end of the demo counts as neither answered nor failed.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use halftone_core::bucket::bucket;
use ureq::Agent;

use super::{CANARY_PPM, RELEASE};
use crate::supervise::Stopping;

/// Callers, each with its own connection.
const CALLERS: u64 = 2;
/// Requests per second of all callers.
pub(super) const RATE: u64 = 200;
/// Users.
pub(super) const USERS: u64 = 1_000;
/// One request in so many asks for the canary by header.
pub(super) const OVERRIDE_EVERY: u64 = 40;
/// The step from one user to the next: coprime to [`USERS`], so that all are met.
const STRIDE: u64 = 617;
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The users whose bucket is the canary's.
pub(super) fn canary_users() -> usize {
    let is_canary = |user: &u64| bucket(RELEASE.as_bytes(), name(*user).as_bytes()) < CANARY_PPM;
    (0..USERS).filter(is_canary).count()
}

fn name(user: u64) -> String {
    format!("user-{user}")
}

/// What callers have met so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Requests that were answered, well or not.
    pub(super) answered: u64,
    /// Requests that were not answered, or with 5xx.
    pub(super) failed: u64,
    /// The last failure, in words.
    pub(super) last_failure: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    answered: AtomicU64,
    failed: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

/// Callers at work.
#[derive(Debug)]
pub(super) struct Traffic {
    shared: Arc<Shared>,
    own: Stopping,
    callers: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Starts calling `gateway`, until [`Self::stop`] or the word to stop.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn start(gateway: SocketAddr, stopping: &Stopping) -> Result<Self> {
        let mut traffic =
            Self { shared: Arc::default(), own: Stopping::default(), callers: Vec::new() };
        for first in 0..CALLERS {
            let caller = Caller {
                url: format!("http://{gateway}/"),
                agent: agent(),
                shared: Arc::clone(&traffic.shared),
                stopping: [traffic.own.clone(), stopping.clone()],
            };
            let thread = thread::Builder::new().name("caller".to_owned());
            let spawned = thread.spawn(move || caller.run(first));
            traffic.callers.push(spawned.context("cannot start a thread")?);
        }
        Ok(traffic)
    }

    /// Returns what callers have met so far.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            answered: self.shared.answered.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
            last_failure: self
                .shared
                .last_failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// Stops calling and returns what was met.
    pub(super) fn stop(mut self) -> Counts {
        self.own.set();
        for caller in self.callers.drain(..) {
            // A caller that panicked has told so on standard error; its counts are still here.
            let _ = caller.join();
        }
        self.counts()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.own.set();
    }
}

fn agent() -> Agent {
    let config =
        Agent::config_builder().timeout_global(Some(ANSWER_MAX)).http_status_as_error(false);
    config.build().into()
}

struct Caller {
    url: String,
    agent: Agent,
    shared: Arc<Shared>,
    stopping: [Stopping; 2],
}

impl Caller {
    /// Sends every [`CALLERS`]th request, beginning with `first`, each at its time.
    fn run(&self, first: u64) {
        let start = Instant::now();
        let [own, all] = &self.stopping;
        for request in (first..).step_by(usize::try_from(CALLERS).unwrap_or(1)) {
            let due = start + Duration::from_nanos(request.saturating_mul(1_000_000_000 / RATE));
            if own.wait(due.saturating_duration_since(Instant::now())) {
                return;
            }
            let answer = self.call(request);
            if all.is_set() {
                return;
            }
            self.count(answer);
        }
    }

    /// Sends one request; returns its status, or why there is none.
    fn call(&self, request: u64) -> Result<u16, ureq::Error> {
        let user = name(request.wrapping_mul(STRIDE) % USERS);
        let mut call = self.agent.get(&self.url).header("x-user-id", user);
        if request % OVERRIDE_EVERY == OVERRIDE_EVERY - 1 {
            call = call.header("X-Release-Group", "canary");
        }
        let mut response = call.call()?;
        // Read to its end, the connection can be used again.
        response.body_mut().read_to_vec()?;
        Ok(response.status().as_u16())
    }

    fn count(&self, answer: Result<u16, ureq::Error>) {
        let failure = match answer {
            Ok(status) => {
                self.shared.answered.fetch_add(1, Ordering::Relaxed);
                (status >= 500).then(|| format!("answered {status}"))
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(failure) = failure {
            self.shared.failed.fetch_add(1, Ordering::Relaxed);
            *self.shared.last_failure.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(failure);
        }
    }
}
