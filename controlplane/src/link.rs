//! The gateways: one thread each, converging them to what is published, and one that answers what it asks ([`tags`]).
//!
//! Owns the connections, when they are made again, and what is known of each gateway. Does not own
//! the conversation over one connection ([`session`]). Life of a change: its last step, and the one
//! arrow back: which workers serve it.
//!
//! Invariants:
//! - a gateway is sent the newest publication, never an older one: what was published while it was
//!   busy or away is skipped;
//! - a connection starts with both tables, since a gateway may have been restarted;
//! - tables that were rejected are not sent again over the same connection until another
//!   publication.

mod beside;
mod bring;
mod caller;
mod explain;
mod geo;
mod issuers;
mod lists;
mod session;
mod status;
mod tags;
mod wait;

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, watch},
    time,
};

use crate::{
    geo::Geo,
    issuers::Believed,
    lists::ListStore,
    publish::{Publications, Tables},
    tags::TagStore,
};
pub(crate) use caller::Caller;
pub(crate) use explain::ExplainError;
use session::{Outcome, Session, SessionError};
pub(crate) use status::GatewayStatus;
use wait::{Waiter, Wake};

/// How often a connected gateway is asked for its statistics.
const STATS_EVERY: Duration = Duration::from_secs(1);
/// First and longest pause between two attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often tables are published to a gateway while another peer publishes, too.
const ROUNDS_MAX: usize = 3;
/// How long a change may take to reach every connected gateway before its caller is answered.
const APPLY_PATIENCE: Duration = Duration::from_secs(1);

/// Every gateway there is.
#[derive(Clone, Debug)]
pub(crate) struct Gateways {
    statuses: Arc<[watch::Receiver<GatewayStatus>]>,
    version: &'static str,
    /// Bounds the questions that are asked at once.
    questions: Arc<Semaphore>,
}

/// What gateways are brought.
#[derive(Clone, Copy)]
pub(crate) struct Brought<'a> {
    /// Tables.
    pub(crate) publications: &'a Publications,
    /// What is known of users.
    pub(crate) tags: &'a Arc<TagStore>,
    /// Where addresses are.
    pub(crate) geo: &'a Geo,
    /// Who is a member of what.
    pub(crate) lists: &'a ListStore,
    /// Whose tokens to believe.
    pub(crate) issuers: &'a Believed,
}

/// Starts five threads for each gateway of `sockets`: one for tables, one that answers what it asks, and one each for region
/// databases, lists and issuers. They end when `stopped` says so.
///
/// # Errors
/// When a thread cannot be started.
pub(crate) fn start(
    sockets: &[PathBuf],
    brought: Brought<'_>,
    caller: Caller,
    stopped: &watch::Receiver<bool>,
) -> io::Result<Gateways> {
    let Brought { publications, tags, geo, lists, issuers: believed } = brought;
    let mut statuses = Vec::with_capacity(sockets.len());
    for socket in sockets {
        let (status, receiver) = watch::channel(GatewayStatus::new(socket));
        statuses.push(receiver);
        let (waiter, waker) = wait::pair()?;
        tokio::spawn(wait::wake_on(publications.clone(), stopped.clone(), waker));
        let link = Link {
            socket: socket.clone(),
            caller,
            publications: publications.clone(),
            stopped: stopped.clone(),
            status,
            waiter,
        };
        thread::Builder::new().name("gateway-link".to_owned()).spawn(move || link.run())?;
        tags::start(socket, tags, caller, stopped)?;
        geo::start(socket, geo, caller, stopped)?;
        lists::start(socket, lists, caller, stopped)?;
        issuers::start(socket, believed, caller, stopped)?;
    }
    let questions = Arc::new(Semaphore::new(explain::QUESTIONS_MAX));
    Ok(Gateways { statuses: statuses.into(), version: caller.version(), questions })
}

impl Gateways {
    /// Returns what is known of each gateway, in the order they were given.
    #[must_use]
    pub(crate) fn statuses(&self) -> Vec<GatewayStatus> {
        self.statuses.iter().map(|status| status.borrow().clone()).collect()
    }

    /// Waits, for a while, until `change` is compiled and every connected gateway has done with it;
    /// returns whether at least one is connected and every worker of each applied it.
    pub(crate) async fn applied(&self, change: u64, mut publications: Publications) -> bool {
        let all = async {
            let compiled = publications
                .wait_for(|newest| newest.change.is_some_and(|newest| newest >= change));
            if compiled.await.map_or(true, |newest| newest.problem.is_some()) {
                return false;
            }
            let mut connected = 0;
            for status in self.statuses.iter() {
                let mut status = status.clone();
                let settled =
                    status.wait_for(|status| !status.connected || status.has_seen(change));
                match settled.await {
                    Ok(status) if !status.connected => {}
                    Ok(status) if status.applied => connected += 1,
                    _ => return false,
                }
            }
            connected > 0
        };
        time::timeout(APPLY_PATIENCE, all).await.unwrap_or(false)
    }
}

/// Returns whether the threads of gateways are to end: they were told, or nobody can tell them any more.
fn is_stopped(stopped: &watch::Receiver<bool>) -> bool {
    *stopped.borrow() || stopped.has_changed().is_err()
}

/// The thread of one gateway.
struct Link {
    socket: PathBuf,
    caller: Caller,
    publications: Publications,
    stopped: watch::Receiver<bool>,
    status: watch::Sender<GatewayStatus>,
    waiter: Waiter,
}

impl Link {
    fn run(mut self) {
        let mut backoff = Backoff::default();
        while !is_stopped(&self.stopped) {
            if let Err(error) = self.converse(&mut backoff) {
                self.lost(&error);
            }
            // A publication cuts the pause short: somebody may be waiting for it.
            let _ = self.waiter.wait(None, backoff.next());
        }
    }

    /// Connects, and talks until the connection ends or the process does.
    fn converse(&mut self, backoff: &mut Backoff) -> Result<(), SessionError> {
        let (mut session, hello) = Session::open(&self.socket, &mut self.caller)?;
        tracing::info!(socket = %self.socket.display(), version = %hello.version, pid = hello.pid, "a gateway is connected");
        self.status.send_modify(|status| status.connected(hello));
        let mut served = Served::default();
        let mut stats_due = Instant::now();
        while !is_stopped(&self.stopped) {
            self.converge(&mut session, &mut served)?;
            let now = Instant::now();
            if now >= stats_due {
                let stats = session.stats()?;
                let state = session.state()?;
                self.status.send_modify(|status| status.told(state, stats));
                stats_due = now + STATS_EVERY;
                // Only now: a gateway that ends every conversation is not to be called at once.
                *backoff = Backoff::default();
            }
            let pause = stats_due.saturating_duration_since(now);
            if self.waiter.wait(Some(session.socket()), pause) == Wake::Readable {
                session.listen()?;
            }
        }
        Ok(())
    }

    /// Brings the gateway to the newest publication.
    fn converge(&mut self, session: &mut Session, served: &mut Served) -> Result<(), SessionError> {
        let publication = self.publications.borrow_and_update().clone();
        let (Some(change), Some(tables)) = (publication.change, publication.tables) else {
            return Ok(());
        };
        let mut replaced = None;
        if !served.is_settled(&tables) {
            let outcome = self.round(session, &tables, served.committed.as_ref())?;
            self.status.send_modify(|status| status.take(&tables, &outcome));
            match outcome {
                Outcome::Committed { missing, foreign, .. } => {
                    let applied = missing == 0 && !foreign;
                    replaced = served.committed.replace(tables);
                    (served.rejected, served.applied) = (None, applied);
                }
                Outcome::Rejected { .. } | Outcome::Outrun { .. } => {
                    (served.rejected, served.applied) = (Some(tables), false);
                }
            }
        }
        let applied = served.applied;
        self.status.send_modify(|status| status.settle(change, applied));
        // Only now: it takes a while to give all of that back.
        drop(replaced);
        Ok(())
    }

    /// Publishes `tables`, and again, both of them, while another peer is in the way.
    fn round(
        &self,
        session: &mut Session,
        tables: &Tables,
        mut committed: Option<&Tables>,
    ) -> Result<Outcome, SessionError> {
        let mut rounds = 0;
        loop {
            let outcome = session.publish(tables, committed.take())?;
            self.log(tables, &outcome);
            rounds += 1;
            let disturbed = matches!(
                outcome,
                Outcome::Outrun { .. } | Outcome::Committed { foreign: true, .. }
            );
            if !disturbed || rounds == ROUNDS_MAX {
                return Ok(outcome);
            }
        }
    }

    fn log(&self, tables: &Tables, outcome: &Outcome) {
        let socket = self.socket.display();
        let (rules, instances) = (tables.rules.revision, tables.instances.revision);
        match outcome {
            Outcome::Rejected { reason } => {
                tracing::error!(%socket, rules, instances, %reason, "a gateway rejected the tables; it keeps what it serves");
            }
            Outcome::Outrun { reason } => {
                tracing::warn!(%socket, rules, instances, %reason, "another peer committed to a gateway meanwhile");
            }
            Outcome::Committed { foreign: true, .. } => {
                tracing::warn!(%socket, rules, instances, "a gateway serves tables of another peer; they are replaced");
            }
            Outcome::Committed { missing, workers, .. } if *missing > 0 => {
                tracing::warn!(%socket, rules, instances, applied = workers.len(), missing, "not every worker of a gateway applied the tables in time");
            }
            Outcome::Committed { workers, .. } => {
                let slowest_ns = workers.values().max().copied().unwrap_or(0);
                tracing::info!(%socket, rules, instances, workers = workers.len(), slowest_ns, "a gateway serves new tables");
            }
        }
    }

    /// Shows why there is no connection; logs it when it is another reason than before.
    fn lost(&self, error: &SessionError) {
        let reason = error.to_string();
        if self.status.borrow().error.as_ref() != Some(&reason) {
            tracing::warn!(socket = %self.socket.display(), error = %reason, "a gateway is not connected");
        }
        self.status.send_modify(|status| status.lost(reason));
    }
}

/// What was done over one connection.
#[derive(Debug, Default)]
struct Served {
    committed: Option<Tables>,
    rejected: Option<Tables>,
    /// Whether the last tables were committed by every worker.
    applied: bool,
}

impl Served {
    /// Returns whether nothing is left to do for `tables`.
    fn is_settled(&self, tables: &Tables) -> bool {
        let newest = self.rejected.as_ref().or(self.committed.as_ref());
        newest.is_some_and(|newest| newest.is(tables))
    }
}

/// Pauses that double, each between half and all of its length at random: gateways that were lost
/// together are not called back together.
struct Backoff {
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { longest: BACKOFF.0 }
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let half = self.longest / 2;
        let random = RandomState::new().hash_one(0u8) % 1024;
        let jitter = half * u32::try_from(random).unwrap_or(0) / 1024;
        self.longest = (self.longest * 2).min(BACKOFF.1);
        half + jitter
    }
}

#[cfg(test)]
mod tests;
