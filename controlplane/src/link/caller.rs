//! Who calls gateways: this control plane, by the number of its store (decision 0031).
//!
//! Owns the greeting. Does not decide who leads a gateway: the gateway does. Invariant: a gateway is taken over once, when this
//! process was started for that; if another control plane does so later, it keeps it.

use halftone_core::wire::{ControlPlane, Frame, Hello, Role};
use halftone_link::Channel;

use super::session::{SessionError, receive, unexpected};

/// Who calls a gateway, over one connection after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    ours: ControlPlane,
    version: &'static str,
}

impl Caller {
    /// Calls as a build of this version.
    pub(crate) fn new(ours: ControlPlane, version: &'static str) -> Self {
        Self { ours, version }
    }

    /// Returns the version of the build.
    pub(super) fn version(&self) -> &'static str {
        self.version
    }

    /// Greets a gateway for `role`; returns what it answers.
    ///
    /// # Errors
    /// [`SessionError`]: it cannot be talked to, is of another version, or another control plane leads it.
    pub(super) fn greet(
        &mut self,
        channel: &mut Channel,
        role: Role,
    ) -> Result<Hello, SessionError> {
        let hello = Hello::new(self.version, std::process::id(), None);
        channel.send(&Frame::Hello(hello.of_control_plane(role, self.ours)))?;
        let hello = match receive(channel)? {
            Frame::Hello(hello) => hello,
            Frame::Reject { reason } => return Err(SessionError::Refused { reason }),
            other => return Err(unexpected("Hello", &other)),
        };
        hello.check(self.version)?;
        self.ours.takes_over = false;
        Ok(hello)
    }
}
