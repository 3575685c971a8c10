//! A peer that has a candidate decided beside what is served.
//!
//! Owns what it may ask for. Invariant: what came over the socket is checked before a worker sees it.

use std::{os::fd::OwnedFd, sync::Arc};

use halftone_core::{
    limits::{BUCKETS, SHADOW_MS_MAX, TICK_MS},
    table::archive::Archive,
    wire::{Frame, ShadowRequest},
};
use halftone_link::read_sealed;

use super::{Link, refusal::Refusal};
use crate::{
    publish::{Hold, ShadowError},
    shadow::Candidate,
};

impl Link {
    /// Begins; what this peer had set before ends.
    pub(super) fn shadow(
        &self,
        held: &mut Option<Hold>,
        asked: &ShadowRequest,
        table: Option<OwnedFd>,
    ) -> Result<Frame, Refusal> {
        let ShadowRequest { sample_ppm, for_ms, key, ref digest } = *asked;
        if !(1..=BUCKETS).contains(&sample_ppm) {
            return Err(Refusal::Sample(sample_ppm));
        }
        if !(1..=SHADOW_MS_MAX).contains(&for_ms) {
            return Err(Refusal::ShadowTime(for_ms));
        }
        let rules = Archive::open(read_sealed(table.ok_or(Refusal::NoTable)?)?)?;
        *held = None;
        let candidate = Candidate { rules, sample_ppm, ticks: for_ms.div_ceil(TICK_MS), key };
        *held = Some(self.publisher.shadow(candidate)?);
        tracing::info!(digest, sample_ppm, for_ms, "A candidate is decided beside what is served.");
        Ok(Frame::Shadowing)
    }

    /// Tells what was counted.
    pub(super) fn shadowed(&self, held: Option<&Hold>) -> Result<Frame, Refusal> {
        let hold = held.ok_or(ShadowError::None)?;
        Ok(Frame::Shadowed(Box::new(Arc::clone(&self.publisher).shadowed(hold)?)))
    }
}
