//! `/healthz` and `/readyz`: whether this control plane is to be restarted, and whether it takes changes.
//!
//! Owns which is which. A restart makes no room on a disk: a store that fails, and rules that cannot be published, are told at
//! `/healthz`, which stays 200 while the API answers, and `/readyz` is 503 while changes cannot be kept.

use axum::{Json, extract::State as Extract};
use serde_json::{Value, json};

use super::{Context, problem::Problem};
use crate::{healing::Kept as _, store::Health};

/// Tells that the API answers, and what is wrong with this control plane.
pub(crate) async fn live(Extract(context): Extract<Context>) -> Json<Value> {
    let unpublished = context.publications.borrow().problem.clone();
    let problems: Vec<String> = unpublished.into_iter().chain(unkept(&context)).collect();
    Json(match problems.as_slice() {
        [] => json!({ "status": "ok" }),
        problems => json!({ "status": "degraded", "problem": problems.join("; ") }),
    })
}

/// Tells that changes can be kept.
pub(crate) async fn ready(Extract(context): Extract<Context>) -> Result<Json<Value>, Problem> {
    match unkept(&context) {
        None => Ok(Json(json!({ "status": "ok" }))),
        Some(problem) => Err(Problem::unready(&problem)),
    }
}

impl Context {
    /// Returns the health of every store.
    pub(super) fn stores(&self) -> [&Health; 3] {
        [self.state.health(), self.tags.health(), self.lists.health()]
    }
}

/// Returns why changes cannot be kept; nothing while they can.
fn unkept(context: &Context) -> Option<String> {
    let problems: Vec<String> = context.stores().into_iter().filter_map(Health::problem).collect();
    (!problems.is_empty()).then(|| format!("changes cannot be kept: {}", problems.join("; ")))
}
