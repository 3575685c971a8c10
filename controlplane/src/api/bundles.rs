//! `/v1/tenants/{tenant}/bundle`: what a tenant asks for.
//!
//! Owns the resource and its conditional requests; a bundle's text is [`crate::source`]'s, its
//! admission [`crate::state`]'s.

use std::time::Instant;

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
    conditions::{Conditions, Tags},
    source::{Format, read_bundle},
    stages::Stages,
    state::{Asked, Checked, Origin, PutBundle},
};

/// Where the time of a change went (W3C Server Timing).
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How a bundle is put.
#[derive(Clone, Copy, Deserialize)]
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
    Ok((etag, [(CONTENT_TYPE, media_type)], stored.text.whole().into_owned()).into_response())
}

/// Replaces the bundle: all of it, or nothing when anything is wrong; with `dryRun`, nothing.
pub(crate) async fn replace(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
    Parameters(wanted): Parameters<Wanted>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let format = wanted_format(&headers)?;
    let asked = asked(Origin::Rest, &headers)?;
    let (owner, stages) = (tenant.clone(), asked.stages.clone());
    let put = context.blocking(move |state| {
        let known = |tenant: &str| state.judged(tenant);
        let read = || read_bundle(&body, format, &known);
        let (judged, warnings) = asked.stages.timed("judge", read)?;
        let found = &judged.bundle().metadata.tenant;
        if *found != owner {
            return Err(foreign_tenant(&owner, found));
        }
        wanted.check(&warnings)?;
        // These refuse nothing, however strict: an instance may be registered later.
        let unserved = || state.unserved(judged.bundle());
        let warnings = [warnings, asked.stages.timed("unserved", unserved)].concat();
        match wanted.dry_run {
            true => Ok(Taken::checked(state.check_bundle(&judged, &asked)?, warnings)),
            false => Ok(Taken::stored(state.put_bundle(judged, &asked)?, None, warnings)),
        }
    });
    let put = put.await?;
    let put = if wanted.dry_run { put } else { context.counted(&Origin::Rest, put) };
    answer(&context, &tenant, put?, &stages).await
}

/// What was found good: stored, or only looked at.
pub(super) struct Taken {
    put: Result<PutBundle, Checked>,
    /// The digest of what was put, if that is not the bundle.
    object: Option<String>,
    warnings: Vec<Diagnostic>,
}

impl Taken {
    /// Takes what was stored; `object` is the digest of the part of the bundle that was put.
    pub(super) fn stored(
        put: PutBundle,
        object: Option<String>,
        warnings: Vec<Diagnostic>,
    ) -> Self {
        Self { put: Ok(put), object, warnings }
    }

    /// Takes what a dry run found.
    pub(super) fn checked(checked: Checked, warnings: Vec<Diagnostic>) -> Self {
        Self { put: Err(checked), object: None, warnings }
    }
}

impl Wanted {
    /// Returns whether nothing is to be stored.
    pub(super) fn is_dry(self) -> bool {
        self.dry_run
    }

    /// Refuses warnings where that was asked for.
    pub(super) fn check(self, warnings: &[Diagnostic]) -> Result<(), Problem> {
        if self.strict && !warnings.is_empty() {
            let detail = "there are warnings, and strict was asked for";
            return Err(Problem::invalid(detail, warnings.to_vec()));
        }
        Ok(())
    }
}

/// Returns the format that the headers name.
pub(super) fn wanted_format(headers: &HeaderMap) -> Result<Format, Problem> {
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    Format::of_media_type(media_type).ok_or_else(|| {
        Problem::unsupported_media_type(Format::MEDIA_TYPES, media_type.unwrap_or_default())
    })
}

/// Answers what was found good; waits, for a while, until what was stored is served.
pub(super) async fn answer(
    context: &Context,
    tenant: &str,
    taken: Taken,
    stages: &Stages,
) -> Result<Response, Problem> {
    let Taken { put, object, warnings } = taken;
    match put {
        Ok(put) => {
            let tag = object.as_ref().unwrap_or(&put.digest).clone();
            stored(context, tenant, (&put, &tag), &warnings, stages).await
        }
        Err(checked) => {
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

/// Answers a bundle that was stored; `tag` is the digest of what was put.
pub(super) async fn stored(
    context: &Context,
    tenant: &str,
    (put, tag): (&PutBundle, &str),
    warnings: &[Diagnostic],
    stages: &Stages,
) -> Result<Response, Problem> {
    tracing::info!(%tenant, revision = put.revision, digest = %put.digest, "a bundle is stored");
    let begun = Instant::now();
    let (applied, header) = context.applied(put.change).await;
    stages.note("apply", begun.elapsed());
    let body = json!({
        "revision": put.revision, "digest": put.digest, "applied": applied, "warnings": warnings,
    });
    let timing = HeaderValue::try_from(stages.header())
        .map_err(|_| Problem::internal("the stages cannot be shown"))?;
    let tags = [(ETAG, etag(tag)?), (SERVER_TIMING, timing)];
    Ok((header, tags, Json(body)).into_response())
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
    Ok(Asked { conditions: conditions(headers)?, ..Asked::now(origin) })
}

pub(super) fn conditions(headers: &HeaderMap) -> Result<Conditions, Problem> {
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

pub(super) fn etag(digest: &str) -> Result<HeaderValue, Problem> {
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
