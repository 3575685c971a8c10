//! What one request is held to.
//!
//! Owns the precedence of limits: what its route and its upstream say, and the gateway's own where they
//! say nothing. Does not enforce them.

use halftone_core::table::{ArchivedRouteRow, ArchivedVariantRow, NONE};

use crate::{io::deadline::Wheel, limits::Limits};

/// The bounds of one request.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a connection to an instance may take, milliseconds.
    pub connect_ms: u64,
    /// How long an instance may think, milliseconds.
    pub first_byte_ms: u64,
    /// How long an instance may pause, milliseconds.
    pub idle_ms: u64,
    /// The tick of the wheel by which the answer has to be there.
    pub until: u64,
    /// The largest body, bytes.
    pub body_bytes: u64,
}

impl Bounds {
    /// Returns the bounds of a request that begins now and that nothing is known about.
    #[must_use]
    pub fn new(limits: &Limits, wheel: &Wheel) -> Self {
        Self {
            connect_ms: limits.connect_ms,
            first_byte_ms: limits.first_byte_ms,
            idle_ms: limits.upstream_idle_ms,
            until: limits.request_ms.map_or(u64::MAX, |ms| wheel.due_in(ms)),
            body_bytes: limits.body_bytes.unwrap_or(u64::MAX),
        }
    }

    /// Takes over what its route says.
    pub fn follow_route(&mut self, route: &ArchivedRouteRow, wheel: &Wheel) {
        self.until = match route.request_ms.to_native() {
            NONE => self.until,
            0 => u64::MAX,
            ms => wheel.due_in(u64::from(ms)),
        };
        if route.body_bytes.to_native() != u64::MAX {
            self.body_bytes = route.body_bytes.to_native();
        }
    }

    /// Takes over what the upstream of its variant says.
    pub fn follow_variant(&mut self, variant: &ArchivedVariantRow) {
        let timeouts = &variant.timeouts;
        for (bound, said) in [
            (&mut self.connect_ms, timeouts.connect_ms),
            (&mut self.first_byte_ms, timeouts.first_byte_ms),
            (&mut self.idle_ms, timeouts.idle_ms),
        ] {
            if said != NONE {
                *bound = u64::from(said.to_native());
            }
        }
    }
}
