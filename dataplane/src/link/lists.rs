//! Lists of ids from a control plane: checked, kept and served, on the thread of their own connection.
//!
//! Owns that conversation. Invariants: a list is served once all of it was checked, and nothing that is refused changes
//! what is served; the last holder of one that was replaced is not a worker, so that none pays for freeing it;
//! the thread gives way to workers.

use std::{os::fd::OwnedFd, sync::Arc};

use halftone_core::{
    limits::{LISTS_IDS_MAX, LISTS_MAX},
    signal::lists::{ListName, ListState},
    table::{
        IdList,
        archive::{Archive, ArchiveError},
    },
    wire::Frame,
};
use halftone_link::{Channel, LinkError, Received, SealedError, give_way, read_sealed};
use thiserror::Error;

use super::{Admitted, let_go};
use crate::leader::NotLeader;

#[derive(Debug, Error)]
enum ListRefusal {
    #[error("the list did not arrive: {0}")]
    Sealed(#[from] SealedError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    #[error("no list came with the frame")]
    NoFile,
    #[error(
        "{lists} lists with {ids} ids are more than a gateway holds: {LISTS_MAX} with {LISTS_IDS_MAX}"
    )]
    TooMany { lists: usize, ids: usize },
    #[error("this frame does not belong to lists")]
    Unexpected,
}

/// Serves what a control plane sends, until it is gone.
pub(super) fn follow(admitted: &Admitted<'_>, channel: &mut Channel) -> Result<(), LinkError> {
    give_way();
    while let Some(Received { frame, table }) = admitted.receive(channel)? {
        let answer = match frame {
            Frame::List => serve(admitted, table),
            Frame::ListNames { lists } => keep_only(admitted, &lists),
            Frame::Ping => Ok(Frame::Pong),
            _ => Err(ListRefusal::Unexpected),
        };
        let answer = answer.unwrap_or_else(|error| {
            tracing::error!(%error, "A list is refused; the last one stays.");
            Frame::Reject { reason: error.to_string() }
        });
        channel.send(&answer)?;
    }
    Ok(())
}

fn serve(admitted: &Admitted<'_>, file: Option<OwnedFd>) -> Result<Frame, ListRefusal> {
    let list = Archive::<IdList>::open(read_sealed(file.ok_or(ListRefusal::NoFile)?)?)?;
    let state = ListState::of(&list);
    let ListName { tenant, list: name } = &state.name;
    // To check one takes its time: somebody else may lead by now.
    let (link, leading) = (admitted.link, admitted.leading()?);
    let served = link.publisher.lists();
    if served.find(tenant, name).is_some_and(|served| served.bytes() == list.bytes()) {
        return Ok(Frame::ListServed(state));
    }
    let list = Arc::new(list);
    let newest = served.with(Arc::clone(&list));
    let (lists, ids) = (newest.iter().count(), newest.ids());
    if lists > LISTS_MAX || ids > LISTS_IDS_MAX {
        return Err(ListRefusal::TooMany { lists, ids });
    }
    if let Err(error) = link.lists.keep(&list) {
        tracing::error!(%error, "A list cannot be kept; a restart without control plane would serve an older one.");
    }
    link.publisher.serve_lists(newest);
    drop(leading);
    let_go(&served);
    tracing::info!(tenant, list = name, revision = state.revision, ids, "A list is served.");
    Ok(Frame::ListServed(state))
}

fn keep_only(admitted: &Admitted<'_>, names: &[ListName]) -> Result<Frame, ListRefusal> {
    let (link, leading) = (admitted.link, admitted.leading()?);
    let served = link.publisher.lists();
    let newest = served.only(names);
    let is_less = newest.iter().count() < served.iter().count();
    if is_less {
        link.publisher.serve_lists(newest);
        tracing::info!("Lists that nobody brings any more are served no longer.");
    }
    // Also copies of what could not be served.
    if let Err(error) = link.lists.keep_only(names) {
        tracing::error!(%error, "Lists that nobody wants any more cannot be removed.");
    }
    drop(leading);
    if is_less {
        let_go(&served);
    }
    Ok(Frame::Pong)
}
