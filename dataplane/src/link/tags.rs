//! What is known of users: asked of a control plane, on a connection of its own.
//!
//! Owns that conversation. Does not keep what is said, nor decide whom to ask ([`crate::tags::asker`]). Invariant: a filter that
//! is refused changes nothing.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, atomic::Ordering},
};

use halftone_core::{
    table::{TagFilter, archive::Archive},
    wire::Frame,
};
use halftone_link::{Channel, LinkError, Received, read_sealed};

use super::{Admitted, refusal::Refusal};
use crate::tags::asker::Event;

/// Lets a control plane be asked about users, and passes on what it says.
pub(super) fn follow(admitted: &Admitted<'_>, channel: &mut Channel) -> Result<(), LinkError> {
    let link = admitted.link;
    let doing = "share the connection";
    let writing = channel.stream().try_clone().map_err(|source| LinkError::Io { doing, source })?;
    let peer = link.askable.fetch_add(1, Ordering::Relaxed);
    // Who asks is there for as long as the process is.
    let tell = |event: Event| drop(link.asker.send(event));
    tell(Event::Connected(peer, Box::new(Channel::new(writing))));
    let ended = loop {
        match admitted.receive(channel) {
            Ok(Some(Received { frame: Frame::TagAnswer { number, revision, found }, .. })) => {
                tell(Event::Answered { peer, number, revision, found });
            }
            Ok(Some(Received { frame: Frame::TagFilter, table: Some(table) })) => {
                // To check one takes its time: somebody else may lead by now, and have told of theirs.
                let filter = open_filter(table);
                match filter.and_then(|filter| Ok((filter, admitted.leading()?))) {
                    Ok((filter, _leading)) => tell(Event::Filter(Arc::new(filter))),
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

fn open_filter(table: OwnedFd) -> Result<Archive<TagFilter>, Refusal> {
    Ok(Archive::open(read_sealed(table)?)?)
}
