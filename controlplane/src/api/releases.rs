//! `/v1/tenants/{tenant}/releases/{release}`: what is done to a release while it runs.
//!
//! Owns the form of these actions, and of what a release does now; what they move is [`crate::state`]'s.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State as Extract, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use halftone_core::policy::{Percent, PercentText};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, body::Body, problem::Problem};
use crate::{
    source::{Format, read},
    state::Choice,
};

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

/// Shows every combination of a release: where it goes, by which weights, and who met what, at all gateways together.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path((tenant, release)) =
        path.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let (disabled, choices) = context.state.choices(&tenant, &release).ok_or_else(|| {
        Problem::not_found(&format!("tenant {tenant:?} has no release {release:?}"))
    })?;
    let counted = context.gateways.statuses().into_iter().filter_map(|status| status.stats);
    let counted: Vec<_> = counted.map(|stats| stats.exposures).collect();
    let splits = choices.into_iter().map(|(split, choice)| {
        let key = format!("{tenant}/{release}/{split}");
        let mut exposures = BTreeMap::new();
        for (variant, count) in counted.iter().filter_map(|counted| counted.get(&key)).flatten() {
            *exposures.entry(variant.as_str()).or_insert(0) += count;
        }
        let mut shown = json!({ "split": split, "exposures": exposures });
        match choice {
            Choice::Variant(variant) => shown["variant"] = variant.into(),
            Choice::Weights { is_scheduled, weights } => {
                let weights = weights.into_iter();
                let text = |ppm: u32| PercentText(u64::from(ppm)).to_string();
                let weights: BTreeMap<String, String> =
                    weights.map(|(variant, ppm)| (variant, text(ppm))).collect();
                shown["scheduled"] = is_scheduled.into();
                shown["weights"] = json!(weights);
            }
        }
        shown
    });
    let splits: Vec<Value> = splits.collect();
    Ok(Json(
        json!({ "tenant": tenant, "release": release, "disabled": disabled, "splits": splits }),
    ))
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
