//! The gateway's end of the control socket: plain threads, one per peer.
//!
//! Owns what a peer may ask and the answers. Does not decide: tables go to [`crate::publish`].
//! Invariants: a peer is let in by its credentials (same user, or root); what it prepares is its own
//! until it commits, at most one table of each kind; nothing it sends can end the gateway.

use std::{
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam::channel::Sender;
use halftone_core::{
    compile::{CompileError, replace_ranges},
    limits::{BUCKETS, COMMIT_MS, CONTROL_PEERS_MAX, SHADOW_MS_MAX},
    signal::lists::ListState,
    table::{
        InstanceTable, RuleTable, Table, TableKind, TagFilter,
        archive::{Archive, ArchiveError},
    },
    wire::{Frame, GatewayState, Hello, Role, SplitRanges, WorkerState},
};
use halftone_link::{AtOnce, Channel, LinkError, Received, SealedError, SealedTable, read_sealed};
use thiserror::Error;

mod geo;
mod issuers;
mod lists;

use crate::{
    geo::keeper::GeoKeeper,
    jwt::keeper::IssuerKeeper,
    keys::Keys,
    lists::keeper::ListKeeper,
    publish::{CommitError, Committed, Hold, Publisher, ShadowError, Unexplained},
    tables::Loaded,
    tags::asker::Event,
};

mod shadow;

/// How long a peer may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long workers may hold on to what was replaced; they let go at their next tick.
const LET_GO: Duration = Duration::from_secs(5);

/// Why a peer's request was refused; said to the peer, in words.
#[derive(Debug, Error)]
enum Refusal {
    #[error("{0:?} cannot be sent to a gateway")]
    Unexpected(&'static str),
    #[error("epoch {0} was not prepared on this connection")]
    Unprepared(u64),
    #[error("the table did not arrive: {0}")]
    Sealed(#[from] SealedError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Explain(#[from] Unexplained),
    #[error("no tables are served yet")]
    Unserved,
    #[error(
        "the rules of epoch {base} are not served, those of {newest} are: send the whole table"
    )]
    OtherBase { base: u64, newest: u64 },
    #[error("the served rules cannot be changed so: {0}")]
    Ranges(#[from] CompileError),
    #[error("the served table cannot be handed over: {0}")]
    HandOver(#[source] SealedError),
    #[error("no table came with the frame")]
    NoTable,
    #[error("sample: expected 1 to {BUCKETS} of a million requests, got {0}")]
    Sample(u32),
    #[error("a candidate is decided for 1 to {SHADOW_MS_MAX} ms, not for {0}")]
    ShadowTime(u64),
    #[error(transparent)]
    Shadow(#[from] ShadowError),
}

/// What every peer is told, and what they share.
#[derive(Debug)]
pub struct Link {
    /// Where tables go.
    pub publisher: Arc<Publisher>,
    /// What the gateway is; its epochs are filled in for each greeting.
    pub state: GatewayState,
    /// The version of the build.
    pub version: &'static str,
    /// Control planes that are connected.
    pub control_planes: AtomicU32,
    /// Who asks control planes about users.
    pub asker: Sender<Event>,
    /// Numbers those that can be asked.
    pub askable: AtomicU64,
    /// Where copies of region databases are kept.
    pub geo: GeoKeeper,
    /// Where copies of lists of ids are kept.
    pub lists: ListKeeper,
    /// The keys: their ids are told.
    pub keys: Arc<Keys>,
    /// Where issuers of tokens are kept.
    pub issuers: IssuerKeeper,
}

/// Serves the control socket until the process ends.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(link: Arc<Link>, listener: UnixListener, path: &Path) -> std::io::Result<()> {
    let path = path.to_owned();
    thread::Builder::new().name("control-socket".to_owned()).spawn(move || {
        let peers = Arc::new(AtomicUsize::new(0));
        loop {
            match listener.accept() {
                Ok((stream, _)) => admit(&link, stream, &peers),
                Err(error) => {
                    tracing::warn!(socket = %path.display(), %error, "Accepting on the control socket failed.");
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
    })?;
    Ok(())
}

fn admit(link: &Arc<Link>, stream: UnixStream, peers: &Arc<AtomicUsize>) {
    if peers.fetch_add(1, Ordering::Relaxed) >= CONTROL_PEERS_MAX {
        peers.fetch_sub(1, Ordering::Relaxed);
        tracing::warn!(
            limit = CONTROL_PEERS_MAX,
            "A control peer was turned away: too many are connected."
        );
        return;
    }
    let (link, count) = (Arc::clone(link), Arc::clone(peers));
    let spawned = thread::Builder::new().name("control-peer".to_owned()).spawn(move || {
        let mut channel = Channel::new(stream);
        match serve(&link, &mut channel) {
            Ok(()) => tracing::debug!("A control peer has left."),
            Err(error) => tracing::warn!(%error, "A control peer was disconnected."),
        }
        count.fetch_sub(1, Ordering::Relaxed);
    });
    if spawned.is_err() {
        peers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(link: &Link, channel: &mut Channel) -> Result<(), LinkError> {
    let peer = channel.peer_credentials()?;
    let own = rustix::process::geteuid().as_raw();
    channel.set_timeouts(None, Some(WRITE_TIMEOUT))?;
    if peer.uid != own && peer.uid != 0 {
        let reason = format!("user {} may not control this gateway; it runs as {own}", peer.uid);
        return channel.send(&Frame::Reject { reason });
    }
    channel.send(&Frame::Hello(link.hello()))?;
    let Some(first) = channel.receive()? else { return Ok(()) };
    let Frame::Hello(theirs) = first.frame else {
        return channel
            .send(&Frame::Reject { reason: "the first frame has to be hello".to_owned() });
    };
    if let Err(error) = theirs.check(link.version) {
        return channel.send(&Frame::Reject { reason: error.to_string() });
    }
    match theirs.role {
        Role::Visitor => return converse(link, channel),
        Role::Tags => return follow_tags(link, channel),
        Role::Geo => return geo::follow(link, channel),
        Role::Lists => return lists::follow(link, channel),
        Role::Issuers => return issuers::follow(link, channel),
        Role::ControlPlane => {}
    }
    tracing::info!(pid = peer.pid, version = theirs.version, "A control plane has connected.");
    link.control_planes.fetch_add(1, Ordering::Relaxed);
    let ended = converse(link, channel);
    link.control_planes.fetch_sub(1, Ordering::Relaxed);
    ended
}

fn converse(link: &Link, channel: &mut Channel) -> Result<(), LinkError> {
    let mut prepared = Prepared::default();
    while let Some(received) = channel.receive()? {
        if let Err(refusal) = link.handle(channel, &mut prepared, received)? {
            tracing::warn!(reason = %refusal, "A control peer's request was refused; what was served still is.");
            channel.send(&Frame::Reject { reason: refusal.to_string() })?;
        }
    }
    Ok(())
}

/// Lets a control plane be asked about users, and passes on what it says.
fn follow_tags(link: &Link, channel: &mut Channel) -> Result<(), LinkError> {
    let doing = "share the connection";
    let writing = channel.stream().try_clone().map_err(|source| LinkError::Io { doing, source })?;
    let peer = link.askable.fetch_add(1, Ordering::Relaxed);
    // Who asks is there for as long as the process is.
    let tell = |event: Event| drop(link.asker.send(event));
    tell(Event::Connected(peer, Box::new(Channel::new(writing))));
    let ended = loop {
        match channel.receive() {
            Ok(Some(Received { frame: Frame::TagAnswer { number, revision, found }, .. })) => {
                tell(Event::Answered { peer, number, revision, found });
            }
            Ok(Some(Received { frame: Frame::TagFilter, table: Some(table) })) => {
                match open_filter(table) {
                    Ok(filter) => tell(Event::Filter(Arc::new(filter))),
                    Err(error) => {
                        tracing::error!(%error, "A filter of tags is refused; the last one stays.");
                    }
                }
            }
            Ok(Some(_)) => {
                tracing::warn!("A control peer sent what does not belong to tags.");
                break Ok(());
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    tell(Event::Lost(peer));
    ended
}

fn open_filter(table: std::os::fd::OwnedFd) -> Result<Archive<TagFilter>, Refusal> {
    Ok(Archive::open(read_sealed(table)?)?)
}

/// What a peer has prepared and not committed, and what it has decided besides.
#[derive(Default)]
struct Prepared {
    shadow: Option<Hold>,
    rules: Option<Arc<Loaded<RuleTable>>>,
    instances: Option<Arc<Loaded<InstanceTable>>>,
}

impl Link {
    fn hello(&self) -> Hello {
        Hello::new(self.version, std::process::id(), Some(self.now()))
    }

    /// Returns what the gateway is and serves now.
    fn now(&self) -> GatewayState {
        let (rules_epoch, instances_epoch, rules_revision) = self.publisher.state();
        let worker = |(rules_epoch, instances_epoch)| WorkerState { rules_epoch, instances_epoch };
        let workers = self.publisher.acknowledged().into_iter().map(worker).collect();
        let control_planes = self.control_planes.load(Ordering::Relaxed);
        let keys = self.keys.ids();
        let keys_missing = keys.is_empty() && self.publisher.needs_keys();
        GatewayState {
            rules_epoch,
            instances_epoch,
            rules_revision,
            workers,
            control_planes,
            lists: self.publisher.lists().iter().map(|list| ListState::of(list)).collect(),
            geo: self.publisher.databases().iter().map(|one| one.state().clone()).collect(),
            keys,
            keys_missing,
            issuers: self.publisher.issuers().states(),
            ..self.state.clone()
        }
    }

    fn handle(
        &self,
        channel: &mut Channel,
        prepared: &mut Prepared,
        received: Received,
    ) -> Result<Result<(), Refusal>, LinkError> {
        let answer = match received.frame {
            Frame::Prepare { kind, revision, digest } => {
                let Some(table) = received.table else { return Ok(Err(Refusal::NoTable)) };
                let loaded = match kind {
                    TableKind::Rules => {
                        self.load(table).map(|loaded| prepared.rules.insert(loaded).epoch)
                    }
                    TableKind::Instances => {
                        self.load(table).map(|loaded| prepared.instances.insert(loaded).epoch)
                    }
                    TableKind::Tags => Err(Refusal::Unexpected("a filter")),
                    TableKind::List => Err(Refusal::Unexpected("a list")),
                };
                let epoch = match loaded {
                    Ok(epoch) => epoch,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                tracing::debug!(?kind, revision, digest, epoch, "A table is prepared.");
                Frame::Prepared { kind, epoch }
            }
            Frame::Allocation { base, revision, splits } => {
                let epoch = match self.move_ranges(base, revision, &splits) {
                    Ok(loaded) => prepared.rules.insert(loaded).epoch,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                tracing::debug!(
                    base,
                    revision,
                    splits = splits.len(),
                    epoch,
                    "Ranges are prepared."
                );
                Frame::Prepared { kind: TableKind::Rules, epoch }
            }
            Frame::Commit { rules, instances, base } => {
                return self.commit(channel, prepared, (rules, instances), base);
            }
            Frame::QueryTable { kind } => return self.hand_over(channel, kind),
            Frame::QueryStats => Frame::Stats(self.publisher.counters().report()),
            Frame::QueryState => Frame::State(self.now()),
            Frame::Explain(asked) => match self.publisher.explain(asked) {
                Ok(explained) => Frame::Explained(Box::new(explained)),
                Err(unexplained) => return Ok(Err(unexplained.into())),
            },
            Frame::Shadow(asked) => {
                match self.shadow(&mut prepared.shadow, &asked, received.table) {
                    Ok(answer) => answer,
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
            Frame::QueryShadow => match self.shadowed(prepared.shadow.as_ref()) {
                Ok(answer) => answer,
                Err(refusal) => return Ok(Err(refusal)),
            },
            Frame::Ping => Frame::Pong,
            _ => return Ok(Err(Refusal::Unexpected("this frame"))),
        };
        channel.send(&answer).map(Ok)
    }

    fn load<T: Table>(&self, table: std::os::fd::OwnedFd) -> Result<Arc<Loaded<T>>, Refusal> {
        let bytes = read_sealed(table)?;
        let at_once = AtOnce::over(bytes.len());
        let archive = Archive::open_by(bytes, &at_once)?;
        Ok(self.publisher.prepare(archive))
    }

    /// Makes other rules of those that are served; they are checked like any that come from a peer.
    fn move_ranges(
        &self,
        base: u64,
        revision: u64,
        splits: &[SplitRanges],
    ) -> Result<Arc<Loaded<RuleTable>>, Refusal> {
        let served = self.publisher.tables();
        let tables = served.as_ref().as_ref().ok_or(Refusal::Unserved)?;
        let newest = tables.epochs().0;
        if base != newest {
            return Err(Refusal::OtherBase { base, newest });
        }
        let mut table = tables.loaded_rules().archive.read()?;
        replace_ranges(&mut table, splits.iter().map(|one| (&one.split, &one.ranges)))?;
        Ok(self.publisher.prepare(Archive::build(&table, revision)?))
    }

    /// Sends the table that is served.
    fn hand_over(
        &self,
        channel: &mut Channel,
        kind: TableKind,
    ) -> Result<Result<(), Refusal>, LinkError> {
        let served = self.publisher.tables();
        let Some(tables) = served.as_ref() else { return Ok(Err(Refusal::Unserved)) };
        let (rules, instances) = tables.epochs();
        let (epoch, bytes) = match kind {
            TableKind::Rules => (rules, tables.loaded_rules().archive.bytes()),
            TableKind::Instances => (instances, tables.loaded_instances().archive.bytes()),
            TableKind::Tags | TableKind::List => {
                return Ok(Err(Refusal::Unexpected("this question")));
            }
        };
        match SealedTable::create(bytes) {
            Ok(file) => channel.send_table(&Frame::Table { kind, epoch }, file).map(Ok),
            Err(error) => Ok(Err(Refusal::HandOver(error))),
        }
    }

    fn commit(
        &self,
        channel: &mut Channel,
        prepared: &mut Prepared,
        (rules, instances): (Option<u64>, Option<u64>),
        base: Option<u64>,
    ) -> Result<Result<(), Refusal>, LinkError> {
        let tables = take(&mut prepared.rules, rules).and_then(|rules| {
            take(&mut prepared.instances, instances).map(|instances| (rules, instances))
        });
        let committed = tables
            .and_then(|(rules, instances)| Ok(self.publisher.commit(rules, instances, base)?));
        let Committed { applied, replaced } = match committed {
            Ok(committed) => committed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let workers = self.state.cpus.len();
        for (one, took) in &applied {
            let (rules, instances) = one.epochs;
            let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            channel.send(&Frame::Applied { worker: one.worker, rules, instances, ns })?;
        }
        let missing = workers.saturating_sub(applied.len());
        if missing > 0 {
            tracing::warn!(
                missing,
                within_ms = COMMIT_MS,
                "Workers have not applied the newest tables yet."
            );
        }
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let (rules_epoch, instances_epoch, revision) = self.publisher.state();
        tracing::info!(rules_epoch, instances_epoch, revision, "New tables are served.");
        if self.publisher.needs_keys() && self.keys.ids().is_empty() {
            tracing::warn!(
                "The rules need a key and this gateway has none: nothing signed is believed, and nobody is pinned or given a unit."
            );
        }
        let sent = channel
            .send(&Frame::Committed { applied: count(applied.len()), missing: count(missing) });
        drop(replaced);
        sent.map(Ok)
    }
}

/// Waits until nobody else holds what was replaced.
fn let_go<T>(replaced: &Arc<T>) {
    let until = Instant::now() + LET_GO;
    while Arc::strong_count(replaced) > 1 && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
}

fn take<T: Table>(
    prepared: &mut Option<Arc<Loaded<T>>>,
    wanted: Option<u64>,
) -> Result<Option<Arc<Loaded<T>>>, Refusal> {
    let Some(wanted) = wanted else { return Ok(None) };
    let found = prepared.take_if(|loaded| loaded.epoch == wanted);
    found.map(Some).ok_or(Refusal::Unprepared(wanted))
}

#[cfg(test)]
mod tests;
