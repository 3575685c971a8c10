//! `/v1/issuers`: whose tokens are believed.
//!
//! Owns the form of an issuer in answers. What each gateway believes is among `/v1/gateways`.

use axum::{Json, extract::State as Extract};
use serde_json::{Value, json};

use super::Context;
use crate::issuers::Shown;

/// Lists every issuer, in the order they were given.
pub(crate) async fn list(Extract(context): Extract<Context>) -> Json<Vec<Value>> {
    let believed = context.issuers.borrow().clone();
    Json(believed.iter().map(shown).collect())
}

fn shown(issuer: &Shown) -> Value {
    let mut shown = json!({
        "issuer": issuer.told.issuer,
        "audiences": issuer.told.audiences,
        "source": issuer.source,
        "keys": issuer.told.keys,
        "leftOut": issuer.left_out,
    });
    if let Some(error) = &issuer.error {
        shown["error"] = error.as_str().into();
    }
    shown
}
