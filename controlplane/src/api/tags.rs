//! `/v1/tenants/{tenant}/tags`: what is known of a tenant's users beside their requests.
//!
//! Owns the form of tags in requests and answers, and the pace of a load: what has come is written before more is
//! read. Lines are [`crate::tags`]', and so is what is kept.
//!
//! Invariant: whatever becomes of a load, its answer says how many rows were made durable.

use std::{collections::BTreeMap, future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body as Incoming, Bytes},
    extract::{Path, State as Extract, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use halftone_core::{
    policy::{Bundle, Diagnostic, Label, is_name},
    signal::tags::{Tags, check, check_id},
};
use hyper::body::Body as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time;

use super::{
    Context,
    body::{Body, Segment},
    problem::Problem,
};
use crate::{
    source::{Format, read},
    tags::{
        Row, Summary, TagStore, TagStoreError,
        load::{Loader, Refused, tags_of},
    },
};

/// How long a load may pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The media types of a load, as they are told.
const FORMS: &str = "application/x-ndjson or text/csv";

/// The tags of an id, as they are written.
#[derive(Deserialize)]
#[serde(transparent)]
struct Written(BTreeMap<String, Label>);

/// What became of a load.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Loaded {
    loaded: u64,
    refused: usize,
    errors: Vec<Refused>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
    revision: u64,
    ids: u64,
    warnings: Vec<Diagnostic>,
}

/// Tells how many ids have tags, and the number of their newest change.
pub(crate) async fn summary(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
) -> Result<Json<Value>, Problem> {
    check_tenant(&tenant)?;
    let key = tenant.clone();
    let Summary { revision, ids } = context.tagged(move |tags| Ok(tags.summary(&key)?)).await?;
    Ok(Json(json!({ "tenant": tenant, "revision": revision, "ids": ids })))
}

/// Shows the tags of an id.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let (tenant, id) = place(path)?;
    let key = (tenant.clone(), id.clone());
    let found = context.tagged(move |tags| Ok(tags.find(&key.0, &key.1)?)).await?;
    let tags = found.ok_or_else(|| unknown(&tenant, &id))?;
    Ok(Json(json!({ "id": id, "tags": tags })))
}

/// Replaces the tags of an id; none at all is the same as to forget it.
pub(crate) async fn replace(
    Extract(context): Extract<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let (tenant, id) = place(path)?;
    let Written(written) = read(&body, Format::Json)?;
    let tags = tags_of(written);
    check(&id, &tags).map_err(|error| Problem::about_tags(&error))?;
    let summary = context.write_tags(tenant, vec![(id.clone(), tags.clone())]).await?;
    Ok(Json(json!({ "id": id, "tags": tags, "revision": summary.revision })))
}

/// Forgets the tags of an id.
pub(crate) async fn delete(
    Extract(context): Extract<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let (tenant, id) = place(path)?;
    let key = (tenant.clone(), id.clone());
    let found = context.tagged(move |tags| Ok(tags.find(&key.0, &key.1)?)).await?;
    found.ok_or_else(|| unknown(&tenant, &id))?;
    context.write_tags(tenant, vec![(id, Tags::new())]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Loads rows as they come: `POST /v1/tenants/{tenant}/tags:load`.
pub(crate) async fn load(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
    headers: HeaderMap,
    mut body: Incoming,
) -> Result<Json<Loaded>, Problem> {
    check_tenant(&tenant)?;
    let mut loader = loader(&headers)?;
    let (mut loaded, mut newest) = (0, None);
    loop {
        let bytes = next(&mut body).await;
        let bytes = bytes.map_err(|problem| problem.after(&told(loaded)))?;
        match &bytes {
            Some(bytes) => loader.push(bytes),
            None => loader.finish(),
        }
        let is_over = bytes.is_none() || loader.ended_at().is_some();
        if is_over || loader.is_full() {
            let rows = loader.portion();
            let count = rows.len() as u64;
            let written = context.write_tags(tenant.clone(), rows).await;
            newest = Some(written.map_err(|problem| problem.after(&told(loaded)))?);
            loaded += count;
        }
        if is_over {
            break;
        }
    }
    let Summary { revision, ids } = newest.unwrap_or_default();
    let errors = loader.refused().to_vec();
    let (refused, ended_at) = (errors.len(), loader.ended_at());
    tracing::info!(%tenant, loaded, refused, revision, ids, "tags are loaded");
    // Tags may be there before the bundle that asks for them.
    let asks = |bundle: &Bundle| {
        let mut sources = bundle.attributes.values().flat_map(|attribute| &attribute.from);
        sources.any(|source| source.tags.is_some())
    };
    let unasked = format!("no attribute of tenant {tenant:?} is read from tags");
    let warnings = context.unasked(&tenant, asks, &unasked);
    Ok(Json(Loaded { loaded, refused, errors, ended_at, revision, ids, warnings }))
}

impl Context {
    /// Replaces the tags of `rows`.
    async fn write_tags(&self, tenant: String, rows: Vec<Row>) -> Result<Summary, Problem> {
        self.tagged(move |tags| tags.write(&tenant, &rows)).await
    }

    /// Runs `work`, which blocks on the disk, where that holds up nobody.
    async fn tagged<T: Send + 'static>(
        &self,
        work: impl FnOnce(&TagStore) -> Result<T, TagStoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let tags = Arc::clone(&self.tags);
        Ok(self.blocking(move |_| work(&tags)).await??)
    }
}

/// Returns what comes next of a body; nothing at its end.
pub(super) async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        let seconds = PAUSE_MAX.as_secs();
        let frame = time::timeout(PAUSE_MAX, frame).await.map_err(|_| {
            Problem::timeout(&format!("nothing of the body arrived for {seconds} seconds"))
        })?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => {
                return Err(Problem::bad_request(format!("the body breaks off: {error}")));
            }
            // Trailers say nothing here.
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

fn loader(headers: &HeaderMap) -> Result<Loader, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Loader::default()) };
    let value = value.to_str().unwrap_or("?");
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/csv" => Ok(Loader::csv()),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json" => Ok(Loader::ndjson()),
        // What a client says that was not told: the first byte tells.
        "application/octet-stream" | "application/x-www-form-urlencoded" => Ok(Loader::default()),
        _ => Err(Problem::unsupported_media_type(FORMS, value)),
    }
}

fn told(loaded: u64) -> String {
    format!("{loaded} rows were loaded before")
}

fn place(path: Result<Path<(String, String)>, PathRejection>) -> Result<(String, String), Problem> {
    let Path((tenant, id)) =
        path.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    check_tenant(&tenant)?;
    check_id(&id).map_err(|error| Problem::about_tags(&error))?;
    Ok((tenant, id))
}

pub(super) fn check_tenant(tenant: &str) -> Result<(), Problem> {
    if is_name(tenant) {
        return Ok(());
    }
    let expected = "expected a tenant of letters, digits, '.', '_' and '-'";
    Err(Problem::bad_request(format!("{expected}, got {tenant:?}")))
}

fn unknown(tenant: &str, id: &str) -> Problem {
    Problem::not_found(&format!("tenant {tenant:?} has no tags of {id:?}"))
}
