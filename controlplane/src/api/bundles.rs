//! `/v1/tenants/{tenant}/bundle`: what a tenant asks for.
//!
//! Owns the resource and its conditional requests; a bundle's text is [`crate::source`]'s, its
//! admission [`crate::state`]'s.

use axum::{
    Json,
    extract::State as Extract,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH},
    },
    response::{IntoResponse as _, Response},
};
use halftone_core::policy::Diagnostic;
use serde::Deserialize;
use serde_json::json;

use super::{
    Context,
    body::{Body, Parameters, Segment},
    problem::Problem,
};
use crate::{
    clock,
    conditions::{Conditions, Tags},
    source::{Format, read_bundle},
    state::{Asked, Origin, PutBundle},
};

/// How a bundle is put.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Wanted {
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    strict: bool,
}

/// Shows the canonical form; its digest is the `ETag`.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let conditions = conditions(&headers)?;
    let stored = context.state.bundle(&tenant).ok_or_else(|| unknown(&tenant))?;
    let etag = [(ETAG, etag(&stored.digest)?)];
    if !conditions.hold(Some(&stored.digest)) {
        return Ok(match conditions.matches_none {
            Some(_) => (StatusCode::NOT_MODIFIED, etag).into_response(),
            None => Problem::condition("the bundle is another one", Some(stored.digest.clone()))
                .into_response(),
        });
    }
    let media_type = HeaderValue::from_static("application/json");
    Ok((etag, [(CONTENT_TYPE, media_type)], stored.text.clone()).into_response())
}

/// Replaces the bundle: all of it, or nothing when anything is wrong; with `dryRun`, nothing.
pub(crate) async fn replace(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
    Parameters(wanted): Parameters<Wanted>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let format = Format::of_media_type(media_type).ok_or_else(|| {
        Problem::unsupported_media_type(Format::MEDIA_TYPES, media_type.unwrap_or_default())
    })?;
    let asked = asked(Origin::Rest, &headers)?;
    let owner = tenant.clone();
    let put = context.blocking(move |state| {
        let (bundle, warnings) = read_bundle(&body, format)?;
        if bundle.metadata.tenant != owner {
            return Err(foreign_tenant(&owner, &bundle.metadata.tenant));
        }
        if wanted.strict && !warnings.is_empty() {
            return Err(Problem::invalid("there are warnings, and strict was asked for", warnings));
        }
        let put = match wanted.dry_run {
            true => Err(state.check_bundle(&bundle, &asked)?),
            false => Ok(state.put_bundle(bundle, &asked)?),
        };
        Ok((put, warnings))
    });
    let put = put.await?;
    let put = if wanted.dry_run { put } else { context.counted(&Origin::Rest, put) };
    match put? {
        (Ok(put), warnings) => stored(&context, &tenant, &put, &warnings).await,
        (Err(checked), warnings) => {
            let changed = checked.current.as_ref() != Some(&checked.digest);
            let mut body = json!({
                "dryRun": true, "digest": checked.digest, "changed": changed, "warnings": warnings,
            });
            if let Some(current) = checked.current {
                body["currentDigest"] = current.into();
            }
            Ok(([(ETAG, etag(&checked.digest)?)], Json(body)).into_response())
        }
    }
}

/// Answers a bundle that was stored.
pub(super) async fn stored(
    context: &Context,
    tenant: &str,
    put: &PutBundle,
    warnings: &[Diagnostic],
) -> Result<Response, Problem> {
    tracing::info!(%tenant, revision = put.revision, digest = %put.digest, "a bundle is stored");
    let (applied, header) = context.applied(put.change).await;
    let body = json!({
        "revision": put.revision, "digest": put.digest, "applied": applied, "warnings": warnings,
    });
    Ok((header, [(ETAG, etag(&put.digest)?)], Json(body)).into_response())
}

/// Forgets a tenant's bundle; its history stays.
pub(crate) async fn delete(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (key, asked) = (tenant.clone(), asked(Origin::Rest, &headers)?);
    let change = context.blocking(move |state| state.delete_bundle(&key, &asked)).await??;
    let change = change.ok_or_else(|| unknown(&tenant))?;
    tracing::info!(%tenant, "a bundle is deleted");
    let (_, header) = context.applied(change).await;
    Ok((StatusCode::NO_CONTENT, header).into_response())
}

/// Returns what is asked for by `headers`, now.
pub(super) fn asked(origin: Origin, headers: &HeaderMap) -> Result<Asked, Problem> {
    Ok(Asked { origin, conditions: conditions(headers)?, at_ms: clock::unix_ms() })
}

fn conditions(headers: &HeaderMap) -> Result<Conditions, Problem> {
    let tags = |name: HeaderName| {
        let mut lines = headers.get_all(&name).iter().peekable();
        if lines.peek().is_none() {
            return Ok(None);
        }
        let texts: Vec<&str> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
        let tags = Tags::parse(&texts.join(", "));
        tags.map(Some).ok_or_else(|| {
            let example = "\"sha256:…\" in its quotes, several with commas, or *";
            Problem::bad_request(format!("{name}: expected {example}, got {texts:?}"))
        })
    };
    Ok(Conditions { matches: tags(IF_MATCH)?, matches_none: tags(IF_NONE_MATCH)? })
}

fn etag(digest: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(format!("\"{digest}\""))
        .map_err(|_| Problem::internal("the digest cannot be shown"))
}

pub(super) fn unknown(tenant: &str) -> Problem {
    Problem::not_found(&format!("tenant {tenant:?} has no bundle"))
}

fn foreign_tenant(owner: &str, found: &str) -> Problem {
    let message = format!("expected {owner:?}, the tenant of the path, got {found:?}");
    Problem::invalid(
        "the bundle is another tenant's",
        vec![Diagnostic::new("metadata.tenant", message)],
    )
}
