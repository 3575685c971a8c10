//! Issuers of tokens from a control plane: checked, kept and believed, on the thread of their own connection.
//!
//! Owns that conversation. Invariant: nothing that is refused changes who is believed.

use halftone_core::{
    signal::jwt::{Issuer, IssuersError},
    wire::Frame,
};
use halftone_link::{Channel, LinkError, Received};
use thiserror::Error;

use super::Admitted;
use crate::leader::NotLeader;

#[derive(Debug, Error)]
enum IssuersRefusal {
    #[error(transparent)]
    Issuers(#[from] IssuersError),
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    #[error("this frame does not belong to issuers")]
    Unexpected,
}

/// Believes whom a control plane names, until it is gone.
pub(super) fn follow(admitted: &Admitted<'_>, channel: &mut Channel) -> Result<(), LinkError> {
    while let Some(Received { frame, .. }) = admitted.receive(channel)? {
        let answer = match frame {
            Frame::Issuers { issuers } => believe(admitted, issuers),
            Frame::Ping => Ok(Frame::Pong),
            _ => Err(IssuersRefusal::Unexpected),
        };
        let answer = answer.unwrap_or_else(|error| {
            tracing::error!(%error, "A list of issuers is refused; the last one stays.");
            Frame::Reject { reason: error.to_string() }
        });
        channel.send(&answer)?;
    }
    Ok(())
}

fn believe(admitted: &Admitted<'_>, list: Vec<Issuer>) -> Result<Frame, IssuersRefusal> {
    let (link, _leading) = (admitted.link, admitted.leading()?);
    let served = link.publisher.issuers();
    let renewed = served.renewed(list)?;
    let (list, states) = (renewed.list(), renewed.states());
    if list != served.list() {
        if let Err(error) = link.issuers.keep(&list) {
            tracing::error!(%error, "Issuers cannot be kept; a restart without control plane would believe older ones.");
        }
        if list.is_empty() {
            tracing::info!("Tokens of nobody are believed any more.");
        }
        link.publisher.believe(renewed);
        for state in &states {
            tracing::info!(issuer = state.issuer, audiences = ?state.audiences, keys = ?state.keys, "Tokens of an issuer are believed.");
        }
    }
    Ok(Frame::IssuersServed { issuers: states })
}
