//! Issuers of tokens to gateways.
//!
//! Owns what is said of them on a connection of its own ([`super::beside`]). Invariants: a gateway is sent every issuer at
//! once, so that it believes no other; one whose keys are not known yet keeps those the gateway has.

use std::{io, path::Path, time::Duration};

use halftone_core::{
    signal::jwt::Issuer,
    wire::{Frame, Role},
};
use halftone_link::Channel;
use tokio::sync::watch;

use super::{
    Caller,
    beside::{self, LOOK_EVERY, Manner},
    session::{SessionError, receive, unexpected},
};
use crate::issuers::Believed;

/// How long a gateway may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts a thread that names issuers to the gateway at `socket`, also that there are none: a gateway that was told of
/// some would believe them for ever. It ends when `stopped` says so.
pub(super) fn start(
    socket: &Path,
    believed: &Believed,
    caller: Caller,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let manner = Manner {
        role: Role::Issuers,
        thread: "gateway-issuers",
        timeout: ANSWER_TIMEOUT,
        good_after: LOOK_EVERY,
    };
    beside::start(socket, manner, believed.clone(), caller, stopped, |beside, mut channel| {
        let mut sent = None;
        while !beside.is_stopped() {
            let newest = beside.newest();
            let issuers: Vec<Issuer> = newest.iter().map(|shown| shown.told.clone()).collect();
            if sent.as_ref() != Some(&issuers) {
                send(beside.socket(), &mut channel, issuers.clone())?;
                sent = Some(issuers);
            }
            if !beside.goes_on(&channel) {
                break;
            }
        }
        Ok(())
    })
}

fn send(socket: &Path, channel: &mut Channel, issuers: Vec<Issuer>) -> Result<(), SessionError> {
    channel.send(&Frame::Issuers { issuers })?;
    let socket = socket.display();
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
