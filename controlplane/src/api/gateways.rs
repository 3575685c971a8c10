//! `/v1/gateways`: who serves what.
//!
//! Owns the form of a gateway in answers. The distributions behind the quantiles are large, so they
//! are shown only when asked for.

use axum::{Json, extract::State as Extract};
use halftone_core::{telemetry::GatewayStats, wire::WorkerState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, body::Parameters, problem::Problem};
use crate::link::GatewayStatus;

/// What may be asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    histograms: bool,
}

/// Lists every gateway, in the order they were given.
pub(crate) async fn list(
    Extract(context): Extract<Context>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Vec<Value>>, Problem> {
    let statuses = context.gateways.statuses().into_iter();
    Ok(Json(statuses.map(|status| shown(status, wanted.histograms)).collect()))
}

fn shown(status: GatewayStatus, histograms: bool) -> Value {
    let worker = |(worker, state): (u32, &WorkerState)| {
        let mut shown = json!({
            "worker": worker,
            "rulesEpoch": state.rules_epoch,
            "instancesEpoch": state.instances_epoch,
        });
        if let Some(ns) = status.workers.get(&worker) {
            shown["appliedNs"] = (*ns).into();
        }
        shown
    };
    let workers: Vec<Value> = (0..).zip(&status.state.workers).map(worker).collect();
    let mut shown = json!({
        "socket": status.socket.display().to_string(),
        "connected": status.connected,
        "rulesEpoch": status.rules_epoch,
        "instancesEpoch": status.instances_epoch,
        "revision": status.revision,
        "workers": workers,
        "workersMissing": status.missing,
        "controlPlanes": status.state.control_planes,
        "keys": status.state.keys,
        "keysMissing": status.state.keys_missing,
    });
    if let Some(error) = status.error {
        shown["error"] = error.into();
    }
    if let Some(rejected) = status.rejected {
        shown["rejected"] = rejected.into();
    }
    if let Some(hello) = status.hello {
        shown["version"] = hello.version.into();
        shown["pid"] = hello.pid.into();
        shown["gateway"] = json!(hello.gateway);
    }
    if !status.state.geo.is_empty() {
        shown["geo"] = json!(status.state.geo);
    }
    if !status.state.lists.is_empty() {
        shown["lists"] = json!(status.state.lists);
    }
    if !status.state.issuers.is_empty() {
        shown["issuers"] = json!(status.state.issuers);
    }
    if let Some(stats) = status.stats {
        shown["stats"] = shown_stats(&stats, histograms);
    }
    shown
}

fn shown_stats(stats: &GatewayStats, histograms: bool) -> Value {
    let mut shown = json!(stats);
    // As many as there are combinations: they are shown with their release.
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("exposures");
    }
    let variants = shown.get_mut("variants").and_then(Value::as_object_mut);
    for variant in variants.into_iter().flat_map(|variants| variants.values_mut()) {
        if let Some(variant) = variant.as_object_mut().filter(|_| !histograms) {
            variant.remove("histogram");
        }
    }
    shown
}
