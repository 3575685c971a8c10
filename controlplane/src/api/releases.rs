//! `/v1/tenants/{tenant}/releases/{release}`: what is done to a release while it runs.
//!
//! Owns the form of these actions; what they move is [`crate::state`]'s.

use axum::{
    Json,
    extract::{Path, State as Extract, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use halftone_core::policy::Percent;
use serde::Deserialize;
use serde_json::json;

use super::{Context, body::Body, problem::Problem};
use crate::source::{Format, read};

/// What a release's name ends with in the path of an action.
const SET_WEIGHT: &str = ":setWeight";

/// The body of `:setWeight`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetWeight {
    weight: Percent,
    /// Target ids, or `default`; every scheduled split when none is named.
    #[serde(default)]
    targets: Vec<String>,
}

/// Moves scheduled splits: `POST /v1/tenants/{tenant}/releases/{release}:setWeight`.
pub(crate) async fn act(
    Extract(context): Extract<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let Path((tenant, name)) =
        path.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let release = name.strip_suffix(SET_WEIGHT).map(str::to_owned).ok_or_else(|| {
        Problem::not_found("POST acts at /v1/tenants/{tenant}/releases/{release}:setWeight")
    })?;
    let SetWeight { weight, targets } = read(&body, Format::Json)?;
    tracing::info!(%tenant, %release, ?targets, weight_ppm = weight.ppm(), "a weight is asked for");
    let moved = context
        .blocking(move |state| state.set_weight(&tenant, &release, &targets, weight))
        .await??;
    let (applied, header) = context.applied(moved).await;
    Ok((header, Json(json!({ "applied": applied }))).into_response())
}
