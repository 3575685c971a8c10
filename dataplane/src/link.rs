//! The gateway's end of the control socket: plain threads, one per peer.
//!
//! Owns who is let in, what each is told at first, and which room goes on with it: [`conversation`] with visitors and
//! control planes, one room each with what comes on a connection of its own ([`tags`], [`geo`], [`lists`], [`issuers`]).
//! Does not publish ([`crate::publish`]). Invariants: a peer is let in by its credentials (same user, or root), and a
//! control plane while it leads ([`crate::leader`]); nothing it sends can end the gateway.

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
    limits::CONTROL_PEERS_MAX,
    signal::lists::ListState,
    wire::{Frame, GatewayState, Hello, Role, WorkerState},
};
use halftone_link::{Channel, LinkError, Received};

use crate::{
    geo::keeper::GeoKeeper,
    jwt::keeper::IssuerKeeper,
    keys::Keys,
    leader::{Leadership, Leading, NotLeader},
    lists::keeper::ListKeeper,
    publish::Publisher,
    tags::asker::Event,
};

mod conversation;
mod geo;
mod issuers;
mod lists;
mod refusal;
mod shadow;
mod tables;
mod tags;

use conversation::converse;

/// How long a peer may take to greet: there is room for few.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a peer may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long workers may hold on to what was replaced; they let go at their next tick.
const LET_GO: Duration = Duration::from_secs(5);

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
    /// Which control plane leads.
    pub leadership: Leadership,
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
    channel.set_timeouts(Some(GREETING_TIMEOUT), Some(WRITE_TIMEOUT))?;
    if peer.uid != own && peer.uid != 0 {
        let reason = format!("user {} may not control this gateway; it runs as {own}", peer.uid);
        return channel.send(&Frame::Reject { reason });
    }
    let Some(first) = channel.receive()? else { return Ok(()) };
    channel.set_timeouts(None, Some(WRITE_TIMEOUT))?;
    let Frame::Hello(theirs) = first.frame else {
        return channel
            .send(&Frame::Reject { reason: "the first frame has to be hello".to_owned() });
    };
    if let Err(error) = theirs.check(link.version) {
        // Whoever cannot read the reason reads the version.
        channel.send(&Frame::Hello(link.hello()))?;
        return channel.send(&Frame::Reject { reason: error.to_string() });
    }
    if theirs.role == Role::Visitor {
        channel.send(&Frame::Hello(link.hello()))?;
        return converse(link, channel, None);
    }
    let Some(control_plane) = theirs.control_plane else {
        return channel.send(&Frame::Reject { reason: "a control plane has an id".to_owned() });
    };
    if let Err(not_leader) = link.leadership.lead(control_plane) {
        return channel.send(&Frame::Reject { reason: not_leader.to_string() });
    }
    channel.send(&Frame::Hello(link.hello()))?;
    let admitted = Admitted { link, id: control_plane.id };
    match theirs.role {
        Role::Tags => return tags::follow(&admitted, channel),
        Role::Geo => return geo::follow(&admitted, channel),
        Role::Lists => return lists::follow(&admitted, channel),
        Role::Issuers => return issuers::follow(&admitted, channel),
        Role::Visitor | Role::ControlPlane => {}
    }
    tracing::info!(pid = peer.pid, version = theirs.version, "A control plane has connected.");
    link.control_planes.fetch_add(1, Ordering::Relaxed);
    let ended = converse(link, channel, Some(&admitted));
    link.control_planes.fetch_sub(1, Ordering::Relaxed);
    ended
}

/// A control plane that was let in.
struct Admitted<'l> {
    link: &'l Link,
    id: u64,
}

impl Admitted<'_> {
    /// Returns the lead: what is served is changed only while this is held, so that nothing comes after a take-over.
    fn leading(&self) -> Result<Leading<'_>, NotLeader> {
        self.link.leadership.leading(self.id)
    }

    /// Returns what it says next; nothing once it is gone, or leads no more, which it is told.
    fn receive(&self, channel: &mut Channel) -> Result<Option<Received>, LinkError> {
        let Some(received) = channel.receive()? else { return Ok(None) };
        match self.link.leadership.check(self.id) {
            Ok(()) => Ok(Some(received)),
            Err(not_leader) => {
                channel.send(&Frame::Reject { reason: not_leader.to_string() })?;
                Ok(None)
            }
        }
    }
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
}

/// Waits until nobody else holds what was replaced.
fn let_go<T>(replaced: &Arc<T>) {
    let until = Instant::now() + LET_GO;
    while Arc::strong_count(replaced) > 1 && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests;
