//! `/v1/tenants`, their histories, and the way back.
//!
//! Owns the form of tenants and revisions in answers.

use axum::{
    Json,
    extract::{Path, State as Extract},
    http::HeaderMap,
    response::Response,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Context,
    body::{Body, Segment},
    bundles::{asked, stored},
    problem::Problem,
};
use crate::{
    source::{Format, read},
    state::Origin,
    store::StoredRevision,
};

/// What a tenant's name ends with in the path of an action.
const ROLLBACK: &str = ":rollback";

/// The body of `POST /v1/tenants/{tenant}:rollback`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    revision: u64,
}

/// Lists every tenant with a bundle, oldest first.
pub(crate) async fn list(Extract(context): Extract<Context>) -> Json<Vec<Value>> {
    let disabled = |tenant: &str| -> Vec<String> {
        let judged = context.state.shown(tenant);
        let releases = judged.iter().flat_map(|judged| &judged.bundle().releases);
        releases.filter(|(_, spec)| spec.disabled).map(|(name, _)| name.clone()).collect()
    };
    let shown = context.state.tenants().into_iter().map(|tenant| {
        let mut shown = json!({
            "tenant": tenant.tenant,
            "revision": tenant.revision,
            "digest": tenant.digest,
            "disabled": disabled(&tenant.tenant),
        });
        if let Some(newest) = tenant.newest {
            shown["time"] = time(newest.at_ms).into();
            shown["source"] = newest.source.into();
        }
        if let Some(owner) = tenant.owner {
            shown["owner"] = owner.display().to_string().into();
        }
        shown
    });
    Json(shown.collect())
}

/// Lists the kept revisions of a tenant, newest first.
pub(crate) async fn revisions(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
) -> Result<Json<Vec<Value>>, Problem> {
    let revisions = context.state.revisions(&tenant);
    if revisions.is_empty() {
        return Err(Problem::not_found(&format!("tenant {tenant:?} has no history")));
    }
    Ok(Json(revisions.iter().rev().map(shown).collect()))
}

/// Shows one revision with its bundle.
pub(crate) async fn revision(
    Extract(context): Extract<Context>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path((tenant, number)) =
        path.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let number: u64 = number.parse().map_err(|_| {
        Problem::bad_request(format!("expected the number of a revision, got {number:?}"))
    })?;
    let found = context.blocking(move |state| state.revision(&tenant, number)).await??;
    let (revision, text) =
        found.ok_or_else(|| Problem::not_found(&format!("revision {number} is not kept")))?;
    let mut shown = shown(&revision);
    if let Some(bundle) = text.and_then(|text| serde_json::from_str::<Value>(&text).ok()) {
        shown["bundle"] = bundle;
    }
    Ok(Json(shown))
}

/// Goes back to an earlier revision, as a new one: `POST /v1/tenants/{tenant}:rollback`.
pub(crate) async fn act(
    Extract(context): Extract<Context>,
    Segment(path): Segment,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let tenant = path
        .strip_suffix(ROLLBACK)
        .ok_or_else(|| Problem::not_found("POST acts at /v1/tenants/{tenant}:rollback"))?;
    let Rollback { revision } = read(&body, Format::Json)?;
    let (key, asked) = (tenant.to_owned(), asked(Origin::Rollback(revision), &headers)?);
    let stages = asked.stages.clone();
    let put = context.blocking(move |state| state.rollback(&key, revision, &asked)).await?;
    let put = context.counted(&Origin::Rollback(revision), put.map_err(Problem::from))?;
    stored(&context, tenant, (&put, &put.digest), &[], &stages).await
}

fn shown(revision: &StoredRevision) -> Value {
    let mut shown = json!({
        "revision": revision.revision,
        "time": time(revision.at_ms),
        "source": revision.source,
    });
    match &revision.digest {
        Some(digest) => shown["digest"] = digest.as_str().into(),
        None => shown["deleted"] = true.into(),
    }
    shown
}

/// Returns RFC 3339 text, UTC.
fn time(at_ms: u64) -> String {
    let time = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or(Timestamp::MAX).to_string()
}
