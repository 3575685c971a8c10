//! Region databases to gateways.
//!
//! Owns a connection to each gateway beside the one that tables travel on: what a gateway takes a second to check keeps no
//! table waiting. Invariants: a gateway is sent the newest database of each
//! kind, once per connection; one that it refuses is not sent to it again until there is another.

use std::{
    collections::BTreeMap,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use halftone_core::{
    signal::geo::GeoKind,
    wire::{Frame, Role},
};
use halftone_link::Channel;
use tokio::sync::watch;

use super::{
    Backoff, is_stopped,
    session::{SessionError, open_beside, receive, unexpected},
    wait::{self, Waiter, Wake},
};
use crate::geo::{Geo, Held, Shown};

/// How long a gateway may take to check the largest database.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a thread waits before it looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Starts a thread that brings databases to the gateway at `socket`; it ends when `stopped` says so.
pub(super) fn start(
    socket: &Path,
    geo: &Geo,
    version: &'static str,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    if geo.borrow().is_empty() {
        return Ok(());
    }
    let (waiter, waker) = wait::pair()?;
    tokio::spawn(wait::wake_on(geo.clone(), stopped.clone(), waker));
    let (socket, newest, stopped) = (socket.to_owned(), geo.clone(), stopped.clone());
    let link = GeoLink { socket, version, newest, stopped, waiter };
    thread::Builder::new().name("gateway-geo".to_owned()).spawn(move || link.run()).map(drop)
}

struct GeoLink {
    socket: PathBuf,
    version: &'static str,
    newest: Geo,
    stopped: watch::Receiver<bool>,
    waiter: Waiter,
}

impl GeoLink {
    fn run(mut self) {
        let mut backoff = Backoff::default();
        while !is_stopped(&self.stopped) {
            let began = Instant::now();
            if let Err(error) = self.converse() {
                tracing::debug!(socket = %self.socket.display(), %error, "a gateway cannot be sent region databases");
            }
            if began.elapsed() > LOOK_EVERY {
                backoff = Backoff::default();
            }
            let _ = self.waiter.wait(None, backoff.next());
        }
    }

    fn converse(&mut self) -> Result<(), SessionError> {
        let mut channel = open_beside(&self.socket, self.version, Role::Geo, ANSWER_TIMEOUT)?;
        let mut sent = BTreeMap::new();
        let mut kinds: Option<Vec<GeoKind>> = None;
        while !is_stopped(&self.stopped) {
            let newest = self.newest.borrow_and_update().clone();
            for shown in newest.iter() {
                self.send(&mut channel, shown, &mut sent)?;
            }
            // Only once each source has said what kind it is: what is not known yet may be what a gateway has.
            let known: Option<Vec<GeoKind>> =
                newest.iter().map(|shown| Some(shown.held.as_ref()?.state.kind)).collect();
            if known.is_some() && known != kinds {
                kinds.clone_from(&known);
                channel.send(&Frame::GeoKinds { kinds: known.unwrap_or_default() })?;
                match receive(&mut channel)? {
                    Frame::Pong => {}
                    other => return Err(unexpected("Pong", &other)),
                }
            }
            match self.waiter.wait(Some(channel.stream().as_fd()), LOOK_EVERY) {
                // A gateway says nothing unasked: this is its end.
                Wake::Readable | Wake::Closed => return Ok(()),
                Wake::Woken | Wake::Elapsed => {}
            }
        }
        Ok(())
    }

    fn send(
        &self,
        channel: &mut Channel,
        shown: &Shown,
        sent: &mut BTreeMap<GeoKind, String>,
    ) -> Result<(), SessionError> {
        let is_new = |held: &&Arc<Held>| sent.get(&held.state.kind) != Some(&held.state.digest);
        let Some(held) = shown.held.as_ref().filter(is_new) else { return Ok(()) };
        channel.send_table(&Frame::Geo, &held.file)?;
        let socket = self.socket.display();
        let (kind, digest) = (held.state.kind, &held.state.digest);
        match receive(channel)? {
            Frame::GeoServed(_) => {
                tracing::info!(%socket, %kind, digest, "a gateway serves a region database");
            }
            Frame::Reject { reason } => {
                tracing::error!(%socket, %kind, digest, %reason, "a gateway refuses a region database; it keeps what it serves");
            }
            other => return Err(unexpected("GeoServed", &other)),
        }
        sent.insert(kind, digest.clone());
        Ok(())
    }
}
