//! Shadows: a bundle that is not served, decided by a gateway beside what is.
//!
//! Owns the conversation with one gateway: the candidate's rules are made of those it serves, as [`crate::push`] makes
//! them, so that they are what an apply of the bundle would have served, and sent to be decided, not served. Does not
//! judge the bundle.
//!
//! Invariant: the gateway forgets the candidate when a [`Shadow`] is dropped, and when its time is over.

use std::{collections::BTreeSet, path::Path};

use halftone_core::{
    policy::{Bundle, digest},
    table::archive::Archive,
    wire::{Frame, ShadowRequest, Shadowed},
};
use halftone_link::{SealedTable, Visit, VisitError};

use crate::push::{PushError, Served, without_instances};

/// A candidate that a gateway decides beside what it serves.
#[derive(Debug)]
pub struct Shadow {
    visit: Visit,
    /// The digest of the candidate.
    pub digest: String,
    /// The epoch of the rules that the candidate was made of.
    pub base: u64,
    /// Its variants without an instance, as `upstream/variant`: they would be fallen back from.
    pub without_instances: BTreeSet<String>,
}

/// How a candidate is to be decided; see [`ShadowRequest`].
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The share of requests, parts per million.
    pub sample_ppm: u32,
    /// For how long, milliseconds.
    pub for_ms: u64,
    /// What hashes of users are keyed by.
    pub key: [u64; 2],
}

impl Shadow {
    /// Has the gateway at `socket` decide `bundle`, which must be valid, beside what it serves.
    ///
    /// # Errors
    /// [`PushError`]: the gateway cannot be talked to or refuses, or the bundle does not go with what it serves.
    pub fn begin(
        bundle: &Bundle,
        socket: &Path,
        version: &str,
        asked: Asked,
    ) -> Result<Self, PushError> {
        let mut visit = Visit::open(socket, version)?;
        let served = Served::ask(&mut visit)?;
        let (rules, instances) = served.with(bundle)?;
        let archive = Archive::build(&rules, served.revision + 1)?;
        let digest = digest(bundle);
        let Asked { sample_ppm, for_ms, key } = asked;
        let frame =
            Frame::Shadow(ShadowRequest { sample_ppm, for_ms, key, digest: digest.clone() });
        let file = SealedTable::create(archive.bytes())?;
        visit.channel().send_table(&frame, &file).map_err(VisitError::from)?;
        match visit.receive()?.frame {
            Frame::Shadowing => {}
            _ => return Err(VisitError::Unexpected.into()),
        }
        let without_instances = without_instances(bundle, &instances);
        Ok(Self { visit, digest, base: served.rules_epoch, without_instances })
    }

    /// Asks what was counted so far.
    ///
    /// # Errors
    /// [`PushError`]: the gateway is gone.
    pub fn ask(&mut self) -> Result<Shadowed, PushError> {
        match self.visit.ask(&Frame::QueryShadow)?.frame {
            Frame::Shadowed(shadowed) => Ok(*shadowed),
            _ => Err(VisitError::Unexpected.into()),
        }
    }
}
