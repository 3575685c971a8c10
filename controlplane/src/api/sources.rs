//! `/v1/sources`: the files that own tenants.
//!
//! Owns the form of a source in answers.

use axum::{Json, extract::State as Extract};
use serde_json::{Value, json};

use super::Context;

/// Lists every file, by path.
pub(crate) async fn list(Extract(context): Extract<Context>) -> Json<Vec<Value>> {
    let shown = context.files.sources().into_iter().map(|(path, source)| {
        let mut shown = json!({ "path": path.display().to_string() });
        if let Some(tenant) = source.tenant {
            shown["tenant"] = tenant.into();
        }
        if let Some((digest, revision)) = source.applied {
            shown["appliedDigest"] = digest.into();
            shown["appliedRevision"] = revision.into();
        }
        if let Some(error) = source.error {
            shown["error"] = error.into();
        }
        shown
    });
    Json(shown.collect())
}
