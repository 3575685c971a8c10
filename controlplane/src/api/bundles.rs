//! `/v1/tenants/{tenant}/bundle`: what a tenant asks for.
//!
//! Owns the resource; a bundle's text is [`crate::source`]'s, its admission [`crate::state`]'s.

use axum::{
    Json,
    extract::State as Extract,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse as _, Response},
};
use halftone_core::policy::Diagnostic;
use serde_json::json;

use super::{
    Context,
    body::{Body, Segment},
    problem::Problem,
};
use crate::source::{Format, read_bundle};

/// Shows the canonical form; its digest is the `ETag`.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
) -> Result<Response, Problem> {
    let stored = context.state.bundle(&tenant).ok_or_else(|| unknown(&tenant))?;
    let etag = HeaderValue::try_from(format!("\"{}\"", stored.digest))
        .map_err(|_| Problem::internal("the digest cannot be shown"))?;
    let media_type = HeaderValue::from_static("application/json");
    Ok(([(ETAG, etag), (CONTENT_TYPE, media_type)], stored.text).into_response())
}

/// Replaces the bundle: all of it, or nothing when anything is wrong.
pub(crate) async fn replace(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let format = Format::of_media_type(media_type)
        .ok_or_else(|| Problem::unsupported_media_type(media_type.unwrap_or_default()))?;
    let owner = tenant.clone();
    let put = context.blocking(move |state| {
        let bundle = read_bundle(&body, format)?;
        if bundle.metadata.tenant != owner {
            return Err(foreign_tenant(&owner, &bundle.metadata.tenant));
        }
        Ok(state.put_bundle(bundle)?)
    });
    let put = put.await??;
    tracing::info!(%tenant, revision = put.revision, digest = %put.digest, "a bundle is stored");
    let (applied, header) = context.applied(put.change).await;
    let body = json!({ "revision": put.revision, "digest": put.digest, "applied": applied });
    Ok((header, Json(body)).into_response())
}

/// Forgets a tenant.
pub(crate) async fn delete(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
) -> Result<Response, Problem> {
    let key = tenant.clone();
    let change = context.blocking(move |state| state.delete_bundle(&key)).await??;
    let change = change.ok_or_else(|| unknown(&tenant))?;
    tracing::info!(%tenant, "a bundle is deleted");
    let (_, header) = context.applied(change).await;
    Ok((StatusCode::NO_CONTENT, header).into_response())
}

fn unknown(tenant: &str) -> Problem {
    Problem::not_found(&format!("tenant {tenant:?} has no bundle"))
}

fn foreign_tenant(owner: &str, found: &str) -> Problem {
    let message = format!("expected {owner:?}, the tenant of the path, got {found:?}");
    Problem::invalid(
        "the bundle is another tenant's",
        vec![Diagnostic::new("metadata.tenant", message)],
    )
}
