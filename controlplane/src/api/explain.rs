//! `POST /v1/explain`: what a worker would decide for a request that nobody sends.
//!
//! Owns the form of the question; what is answered is the worker's.

use axum::{Json, extract::State as Extract};
use halftone_core::wire::{ExplainRequest, Explained};

use super::{Context, body::Body, problem::Problem};
use crate::source::{Format, read};

/// Asks a worker of the first connected gateway.
pub(crate) async fn explain(
    Extract(context): Extract<Context>,
    Body(body): Body,
) -> Result<Json<Explained>, Problem> {
    let asked: ExplainRequest = read(&body, Format::Json)?;
    Ok(Json(context.gateways.explain(asked).await?))
}
