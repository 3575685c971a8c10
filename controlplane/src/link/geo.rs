//! Region databases to gateways: how they travel ([`super::bring`]).

use std::{io, path::Path, sync::Arc};

use halftone_core::{
    signal::geo::GeoKind,
    wire::{Frame, Role},
};
use tokio::sync::watch;

use super::{
    Caller,
    bring::{self, Kind, Thing, Things},
};
use crate::geo::{Geo, Shown};

/// Starts a thread that brings databases to the gateway at `socket`, or says that there are none.
pub(super) fn start(
    socket: &Path,
    geo: &Geo,
    caller: Caller,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let kind = Kind {
        role: Role::Geo,
        frame: Frame::Geo,
        what: "region database",
        things,
        is_served: |answer| matches!(answer, Frame::GeoServed(_)),
    };
    bring::start(socket, kind, geo, caller, stopped)
}

fn things(sources: &Arc<[Shown]>) -> Things {
    let thing = |shown: &Shown| {
        let held = shown.held.as_ref()?;
        Some(Thing {
            name: held.state.kind.to_string(),
            version: held.state.digest.clone(),
            file: Arc::clone(&held.file),
        })
    };
    // Only once each source has said what kind it is: what is not known yet may be what a gateway has.
    let kinds: Option<Vec<GeoKind>> =
        sources.iter().map(|shown| Some(shown.held.as_ref()?.state.kind)).collect();
    let names = kinds.map(|kinds| Frame::GeoKinds { kinds });
    Things { all: sources.iter().filter_map(thing).collect(), names }
}
