//! Issuers of tokens to gateways.
//!
//! Owns a connection to each gateway beside the one that tables travel on. Invariants: a gateway is sent every issuer at
//! once, so that it believes no other; one whose keys are not known yet keeps those the gateway has.

use std::{
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use halftone_core::{
    signal::jwt::Issuer,
    wire::{Frame, Role},
};
use halftone_link::Channel;
use tokio::sync::watch;

use super::{
    Backoff,
    session::{SessionError, open_beside, receive, unexpected},
    wait::{self, Waiter, Wake},
};
use crate::issuers::{Believed, Shown};

/// How long a gateway may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a thread waits before it looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Starts a thread that names issuers to the gateway at `socket`, also that there are none: a gateway that was told of
/// some would believe them for ever. It ends when `stopped` says so.
pub(super) fn start(
    socket: &Path,
    believed: &Believed,
    version: &'static str,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let (waiter, waker) = wait::pair()?;
    tokio::spawn(wait::wake_on(believed.clone(), stopped.clone(), waker));
    let (socket, newest, stopped) = (socket.to_owned(), believed.clone(), stopped.clone());
    let link = IssuersLink { socket, version, newest, stopped, waiter };
    thread::Builder::new().name("gateway-issuers".to_owned()).spawn(move || link.run()).map(drop)
}

struct IssuersLink {
    socket: PathBuf,
    version: &'static str,
    newest: Believed,
    stopped: watch::Receiver<bool>,
    waiter: Waiter,
}

impl IssuersLink {
    fn run(mut self) {
        let mut backoff = Backoff::default();
        while !self.is_stopped() {
            let began = Instant::now();
            if let Err(error) = self.converse() {
                tracing::debug!(socket = %self.socket.display(), %error, "a gateway cannot be told of issuers");
            }
            if began.elapsed() > LOOK_EVERY {
                backoff = Backoff::default();
            }
            let _ = self.waiter.wait(None, backoff.next());
        }
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    fn converse(&mut self) -> Result<(), SessionError> {
        let mut channel = open_beside(&self.socket, self.version, Role::Issuers, ANSWER_TIMEOUT)?;
        let mut sent = None;
        while !self.is_stopped() {
            let newest: Arc<[Shown]> = self.newest.borrow_and_update().clone();
            let issuers: Vec<Issuer> = newest.iter().map(|shown| shown.told.clone()).collect();
            if sent.as_ref() != Some(&issuers) {
                self.send(&mut channel, issuers.clone())?;
                sent = Some(issuers);
            }
            match self.waiter.wait(Some(channel.stream().as_fd()), LOOK_EVERY) {
                // A gateway says nothing unasked: this is its end.
                Wake::Readable | Wake::Closed => return Ok(()),
                Wake::Woken | Wake::Elapsed => {}
            }
        }
        Ok(())
    }

    fn send(&self, channel: &mut Channel, issuers: Vec<Issuer>) -> Result<(), SessionError> {
        channel.send(&Frame::Issuers { issuers })?;
        let socket = self.socket.display();
        match receive(channel)? {
            Frame::IssuersServed { issuers } => {
                tracing::info!(%socket, issuers = issuers.len(), "a gateway believes the issuers");
            }
            Frame::Reject { reason } => {
                tracing::error!(%socket, %reason, "a gateway refuses the issuers; it believes whom it believed");
            }
            other => return Err(unexpected("IssuersServed", &other)),
        }
        Ok(())
    }
}
