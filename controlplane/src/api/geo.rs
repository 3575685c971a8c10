//! `/v1/geo`: where regions are known from.
//!
//! Owns the form of a source in answers. What each gateway serves is among `/v1/gateways`.

use axum::{Json, extract::State as Extract};
use halftone_core::limits::GEO_OLD_S;
use serde_json::{Value, json};

use super::Context;
use crate::{clock, geo::Shown};

/// Lists every source, in the order they were given.
pub(crate) async fn list(Extract(context): Extract<Context>) -> Json<Vec<Value>> {
    let now_unix_s = clock::unix_ms() / 1000;
    let sources = context.geo.borrow().clone();
    Json(sources.iter().map(|source| shown(source, now_unix_s)).collect())
}

fn shown(source: &Shown, now_unix_s: u64) -> Value {
    let mut shown = json!({ "source": source.source });
    if let Some(held) = &source.held {
        shown["database"] = json!(held.state);
        shown["difference"] = json!(held.difference);
        let age_s = now_unix_s.saturating_sub(held.state.built_unix_s);
        shown["ageSeconds"] = age_s.into();
        shown["old"] = (age_s > GEO_OLD_S).into();
    }
    if let Some(error) = &source.error {
        shown["error"] = error.as_str().into();
    }
    shown
}
