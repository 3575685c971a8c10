//! Lists of ids to gateways: how they travel ([`super::bring`]).

use std::{io, path::Path, sync::Arc};

use halftone_core::{
    signal::lists::ListName,
    wire::{Frame, Role},
};
use tokio::sync::watch;

use super::{
    Caller,
    bring::{self, Kind, Thing, Things},
};
use crate::lists::{Held, ListStore, Lists};

/// Starts a thread that brings lists to the gateway at `socket`.
pub(super) fn start(
    socket: &Path,
    lists: &ListStore,
    caller: Caller,
    stopped: &watch::Receiver<bool>,
) -> io::Result<()> {
    let kind = Kind {
        role: Role::Lists,
        frame: Frame::List,
        what: "list of ids",
        things,
        is_served: |answer| matches!(answer, Frame::ListServed(_)),
    };
    bring::start(socket, kind, &lists.newest(), caller, stopped)
}

fn things(lists: &Lists) -> Things {
    let thing = |(ListName { tenant, list }, held): (&ListName, &Arc<Held>)| Thing {
        name: format!("{tenant}/{list}"),
        version: held.version(),
        file: Arc::clone(&held.file),
    };
    let names = Frame::ListNames { lists: lists.keys().cloned().collect() };
    Things { all: lists.iter().map(thing).collect(), names: Some(names) }
}
