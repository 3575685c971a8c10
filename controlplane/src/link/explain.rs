//! Questions to a gateway on behalf of a caller of the API.
//!
//! Owns which gateway is asked, and that few are asked at once: a gateway has room for few peers.

use std::path::PathBuf;

use halftone_core::wire::{ExplainRequest, Explained, Frame};
use halftone_link::{Visit, VisitError};
use thiserror::Error;

use super::Gateways;

/// Questions asked at once.
pub(super) const QUESTIONS_MAX: usize = 4;

/// Why there is no explanation.
#[derive(Debug, Error)]
pub(crate) enum ExplainError {
    /// Nobody can be asked.
    #[error("no gateway is connected that could explain")]
    NoGateway,
    /// The gateway refuses the question.
    #[error("{0}")]
    Refused(String),
    /// The gateway does not answer.
    #[error("gateway {socket}: {source}", socket = socket.display())]
    Visit {
        /// Its control socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: VisitError,
    },
    /// The question was not asked to its end.
    #[error("the question ended unexpectedly: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

impl Gateways {
    /// Has a worker of the first connected gateway explain.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub(crate) async fn explain(&self, asked: ExplainRequest) -> Result<Explained, ExplainError> {
        let _turn = self.questions.acquire().await;
        let connected = self.statuses().into_iter().find(|status| status.connected);
        let (socket, version) = (connected.ok_or(ExplainError::NoGateway)?.socket, self.version);
        let visit = move || {
            let asked = Frame::Explain(asked);
            let visited = Visit::open(&socket, version).and_then(|mut visit| visit.ask(&asked));
            match visited.map(|received| received.frame) {
                Ok(Frame::Explained(explained)) => Ok(*explained),
                Ok(_) => Err(ExplainError::Visit { socket, source: VisitError::Unexpected }),
                Err(VisitError::Refused(reason)) => Err(ExplainError::Refused(reason)),
                Err(source) => Err(ExplainError::Visit { socket, source }),
            }
        };
        tokio::task::spawn_blocking(visit).await?
    }
}
