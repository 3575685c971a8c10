//! A visit to a gateway: greeted, asked, left.
//!
//! Owns the conversation of peers that ask or push once (`explain`, `push`, a measurement). Does not
//! own a control plane's, which stays and converges.
//!
//! Invariant: every answer is awaited for a bounded time.

use std::{path::Path, time::Duration};

use halftone_core::wire::{Frame, GatewayState, Hello, WireError};
use thiserror::Error;

use crate::{Channel, LinkError, Received, SocketError, connect};

/// How long a gateway may take for one answer: the largest table is checked in far less.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a visit ended without an answer.
#[derive(Debug, Error)]
pub enum VisitError {
    /// There is no connection.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Frames cannot be exchanged.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The gateway is of another version.
    #[error(transparent)]
    Skew(#[from] WireError),
    /// The gateway ended the connection.
    #[error("the gateway closed the connection")]
    Closed,
    /// The gateway refused what was asked.
    #[error("the gateway refuses: {0}")]
    Refused(String),
    /// The gateway answered what was not asked.
    #[error("the gateway answered with another frame than the awaited one")]
    Unexpected,
}

/// A connection to a gateway, after the greeting.
#[derive(Debug)]
pub struct Visit {
    channel: Channel,
    state: GatewayState,
}

impl Visit {
    /// Connects to the gateway at `socket` and greets it as a build of `version`.
    ///
    /// # Errors
    /// [`VisitError`].
    pub fn open(socket: &Path, version: &str) -> Result<Self, VisitError> {
        let mut channel = Channel::new(connect(socket)?);
        channel.set_timeouts(Some(ANSWER_TIMEOUT), Some(ANSWER_TIMEOUT))?;
        channel.send(&Frame::Hello(Hello::new(version, std::process::id(), None)))?;
        let mut visit = Self { channel, state: GatewayState::default() };
        match visit.receive()?.frame {
            Frame::Hello(hello) => {
                hello.check(version)?;
                visit.state = hello.gateway.unwrap_or_default();
                Ok(visit)
            }
            _ => Err(VisitError::Unexpected),
        }
    }

    /// Returns what the gateway said of itself in its greeting.
    #[must_use]
    pub fn state(&self) -> &GatewayState {
        &self.state
    }

    /// Returns the channel, to send what is not a plain question.
    pub fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Sends a question and returns what answers it.
    ///
    /// # Errors
    /// [`VisitError`]; after [`VisitError::Refused`] the next question may be asked.
    pub fn ask(&mut self, question: &Frame) -> Result<Received, VisitError> {
        self.channel.send(question)?;
        self.receive()
    }

    /// Waits for the next frame.
    ///
    /// # Errors
    /// [`VisitError`].
    pub fn receive(&mut self) -> Result<Received, VisitError> {
        let received = self.channel.receive()?.ok_or(VisitError::Closed)?;
        match received.frame {
            Frame::Reject { reason } => Err(VisitError::Refused(reason)),
            _ => Ok(received),
        }
    }
}
