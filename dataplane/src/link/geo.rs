//! Region databases from a control plane: checked, kept and served, on the thread of their own connection.
//!
//! Owns that conversation. Invariants: a database is served once all of it was checked, and nothing that is refused
//! changes what is served; the last holder of one that was replaced is not a worker, so that none pays for freeing it;
//! the thread gives way to workers.

use std::{os::fd::OwnedFd, sync::Arc};

use halftone_core::{
    limits::GEO_BYTES_MAX,
    signal::geo::{Database, GeoError, GeoKind, GeoState},
    wire::Frame,
};
use halftone_link::{Channel, LinkError, Received, SealedError, give_way, read_sealed_bytes};
use thiserror::Error;

use super::{Admitted, let_go};
use crate::leader::NotLeader;

#[derive(Debug, Error)]
enum GeoRefusal {
    #[error("the database did not arrive: {0}")]
    Sealed(#[from] SealedError),
    #[error(transparent)]
    Database(#[from] GeoError),
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    #[error("no database came with the frame")]
    NoFile,
    #[error("this frame does not belong to regions")]
    Unexpected,
}

/// Serves what a control plane sends, until it is gone.
pub(super) fn follow(admitted: &Admitted<'_>, channel: &mut Channel) -> Result<(), LinkError> {
    give_way();
    while let Some(Received { frame, table }) = admitted.receive(channel)? {
        let answer = match frame {
            Frame::Geo => serve(admitted, table),
            Frame::GeoKinds { kinds } => keep_only(admitted, &kinds),
            Frame::Ping => Ok(Frame::Pong),
            _ => Err(GeoRefusal::Unexpected),
        };
        let answer = answer.unwrap_or_else(|error| {
            tracing::error!(%error, "A region database is refused; the last one stays.");
            Frame::Reject { reason: error.to_string() }
        });
        channel.send(&answer)?;
    }
    Ok(())
}

fn serve(admitted: &Admitted<'_>, file: Option<OwnedFd>) -> Result<Frame, GeoRefusal> {
    let bytes = read_sealed_bytes(file.ok_or(GeoRefusal::NoFile)?, GEO_BYTES_MAX)?;
    let database = Arc::new(Database::open(bytes)?);
    let state = database.state();
    let GeoState { kind, database_type, digest, .. } = state;
    // To check one takes its time: somebody else may lead by now.
    let (link, leading) = (admitted.link, admitted.leading()?);
    let served = link.publisher.databases();
    let is_served = served.of_kind(*kind).is_some_and(|served| served.state() == state);
    if !is_served {
        if let Err(error) = link.geo.keep(*kind, digest, database.bytes()) {
            tracing::error!(%error, "A region database cannot be kept; a restart without control plane would serve an older one.");
        }
        link.publisher.serve_databases(served.with(Arc::clone(&database)));
        drop(leading);
        tracing::info!(%kind, database_type, digest, "A region database is served.");
        let_go(&served);
    }
    Ok(Frame::GeoServed(state.clone()))
}

fn keep_only(admitted: &Admitted<'_>, kinds: &[GeoKind]) -> Result<Frame, GeoRefusal> {
    let (link, leading) = (admitted.link, admitted.leading()?);
    let served = link.publisher.databases();
    if served.iter().any(|database| !kinds.contains(&database.kind())) {
        if let Err(error) = link.geo.keep_only(kinds) {
            tracing::error!(%error, "Region databases that nobody wants any more cannot be removed.");
        }
        link.publisher.serve_databases(served.only(kinds));
        drop(leading);
        tracing::info!(?kinds, "Other region databases are served no longer.");
        let_go(&served);
    }
    Ok(Frame::Pong)
}
