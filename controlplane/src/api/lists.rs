//! `/v1/tenants/{tenant}/segments`: the lists of ids that segments name as their `members`.
//!
//! Owns the form of lists in requests and answers. Lines are [`crate::tags`]', what is kept is [`crate::lists`]'.
//!
//! Invariant: a list is replaced by all that came, or by nothing: one bad line leaves it as it is, and so does a body that
//! breaks off.

use std::sync::Arc;

use axum::{
    Json,
    body::Body as Incoming,
    extract::{Path, State as Extract, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use halftone_core::{
    limits::LIST_IDS_MAX,
    policy::{Bundle, Diagnostic, is_name},
    signal::lists::{ListName, ListState},
    table::fingerprint_of_id,
};

use serde::Serialize;

use super::{
    Context,
    body::Segment,
    problem::Problem,
    tags::{check_tenant, next},
};
use crate::{
    lists::{ListStore, ListStoreError},
    tags::load::{IdForm, Loader},
};

/// A list that was replaced.
#[derive(Serialize)]
pub(crate) struct Loaded {
    #[serde(flatten)]
    state: ListState,
    warnings: Vec<Diagnostic>,
}

/// The media types of a list, as they are told.
const FORMS: &str = "text/plain, text/csv or application/x-ndjson";

type Place = Result<Path<(String, String)>, PathRejection>;

/// Shows the lists of a tenant, by name.
pub(crate) async fn list(
    Extract(context): Extract<Context>,
    Segment(tenant): Segment,
) -> Result<Json<Vec<ListState>>, Problem> {
    check_tenant(&tenant)?;
    Ok(Json(context.lists.of_tenant(&tenant)))
}

/// Shows how many ids a list has, and the number of its newest change.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    place: Place,
) -> Result<Json<ListState>, Problem> {
    let name = named(place)?;
    context.lists.find(&name).map(Json).ok_or_else(|| unknown(&name))
}

/// Replaces a list by the ids that come.
pub(crate) async fn replace(
    Extract(context): Extract<Context>,
    place: Place,
    headers: HeaderMap,
    body: Incoming,
) -> Result<Json<Loaded>, Problem> {
    let name = named(place)?;
    let loader = Loader::of_ids(form(&headers)?);
    let _turn = context.lists.loads.acquire().await;
    let key = context.lists.key(&name);
    let prints = read(loader, body, key).await?;
    let ListName { tenant, list } = name.clone();
    let state = context.listed(move |lists| lists.replace(name, key, prints)).await?;
    tracing::info!(%tenant, %list, ids = state.ids, revision = state.revision, "a list is loaded");
    // A list may be there before the bundle that asks for it.
    let asks = |bundle: &Bundle| {
        bundle.segments.values().any(|segment| segment.members.as_ref() == Some(&list))
    };
    let unasked = format!("no segment of tenant {tenant:?} has `members: {list}`");
    let warnings = context.unasked(&tenant, asks, &unasked);
    Ok(Json(Loaded { state, warnings }))
}

/// Forgets a list.
pub(crate) async fn delete(
    Extract(context): Extract<Context>,
    place: Place,
) -> Result<StatusCode, Problem> {
    let name = named(place)?;
    let key = name.clone();
    let was_there = context.listed(move |lists| lists.delete(&key)).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(unknown(&name)) }
}

/// Returns the fingerprints of the ids that come.
async fn read(mut loader: Loader, mut body: Incoming, key: u64) -> Result<Vec<u64>, Problem> {
    let mut prints = Vec::new();
    let mut is_over = false;
    while !is_over {
        let bytes = next(&mut body).await.map_err(|problem| problem.after(UNCHANGED))?;
        match &bytes {
            Some(bytes) => loader.push(bytes),
            None => loader.finish(),
        }
        is_over = bytes.is_none() || loader.ended_at().is_some();
        let rows = loader.portion();
        prints.extend(rows.iter().map(|(id, _)| fingerprint_of_id(key, id)));
        if prints.len() > LIST_IDS_MAX {
            let detail = format!("a list has at most {LIST_IDS_MAX} ids; {UNCHANGED}");
            return Err(Problem::too_large(&detail));
        }
    }
    let refused = loader.refused().iter();
    let mut errors: Vec<Diagnostic> = refused
        .map(|refused| Diagnostic::new(format!("line {}", refused.line), refused.message.clone()))
        .collect();
    if let Some(line) = loader.ended_at() {
        errors.push(Diagnostic::new("", format!("nothing behind line {line} was read")));
    }
    if errors.is_empty() && !loader.has_begun() {
        errors.push(Diagnostic::new("", "expected ids; to forget a list, DELETE it"));
    }
    if errors.is_empty() { Ok(prints) } else { Err(Problem::invalid(UNCHANGED, errors)) }
}

/// What is said of a list that could not be replaced.
const UNCHANGED: &str = "the list stays as it is";

impl Context {
    /// Returns a warning when the bundle of `tenant` does not ask for what was loaded, as far as that is durable.
    pub(super) fn unasked(
        &self,
        tenant: &str,
        asks: impl FnOnce(&Bundle) -> bool,
        unasked: &str,
    ) -> Vec<Diagnostic> {
        let why = match self.state.shown(tenant) {
            None => format!("tenant {tenant:?} has no bundle"),
            Some(judged) if !asks(judged.bundle()) => unasked.to_owned(),
            Some(_) => return Vec::new(),
        };
        vec![Diagnostic::new("", format!("{why}, so nothing asks for what was loaded"))]
    }

    /// Runs `work`, which blocks on the disk, where that holds up nobody.
    async fn listed<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ListStore) -> Result<T, ListStoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let lists = Arc::clone(&self.lists);
        Ok(self.blocking(move |_| work(&lists)).await??)
    }
}

fn form(headers: &HeaderMap) -> Result<Option<IdForm>, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().unwrap_or("?");
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/csv" => Ok(Some(IdForm::Csv)),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
            Ok(Some(IdForm::Ndjson))
        }
        // Any of the forms is plain text, and the others are said by clients that were told nothing: the first line tells.
        "text/plain" | "application/octet-stream" | "application/x-www-form-urlencoded" => Ok(None),
        _ => Err(Problem::unsupported_media_type(FORMS, value)),
    }
}

fn named(place: Place) -> Result<ListName, Problem> {
    let Path((tenant, list)) =
        place.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    check_tenant(&tenant)?;
    if is_name(&list) {
        return Ok(ListName { tenant, list });
    }
    let expected = "expected a list's name of letters, digits, '.', '_' and '-'";
    Err(Problem::bad_request(format!("{expected}, got {list:?}")))
}

fn unknown(ListName { tenant, list }: &ListName) -> Problem {
    Problem::not_found(&format!("tenant {tenant:?} has no list {list:?}"))
}
