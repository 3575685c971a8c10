//! `/v1/instances`: what services register.
//!
//! Owns the form of an instance in answers. The content type of a registration is not looked at: the
//! quick start's `curl -d` says it sends a form, and means JSON.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::{IntoResponse as _, Response},
};
use halftone_core::policy::{Address, Diagnostic, Label, Registration, Ttl};
use serde::{Deserialize, Serialize};

use super::{
    Context,
    body::{Body, Parameters, Segment},
    problem::Problem,
};
use crate::{
    registry::Record,
    source::{Format, read},
};

/// What an id ends with in the path of a heartbeat.
const HEARTBEAT: &str = "/heartbeat";
/// What an id ends with in the path of an action, and whether that drains.
const ACTIONS: [(&str, bool); 2] = [(":drain", true), (":undrain", false)];

/// An instance as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    id: String,
    service: String,
    addr: String,
    metadata: BTreeMap<String, Label>,
    group: String,
    weight: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Ttl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    draining: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Diagnostic>,
}

impl Shown {
    /// Shows an instance as it is now: what its name resolves to is told of once it was looked up.
    fn new(
        context: &Context,
        (record, left): (Record, Option<Duration>),
        applied: Option<bool>,
    ) -> Self {
        let address = Address::parse(&record.instance.addr);
        let unresolved = address.and_then(|address| context.resolver.problem(&address));
        let Record { instance, ttl, draining } = record;
        Self {
            id: instance.id(),
            group: instance.group(),
            weight: instance.weight(),
            service: instance.service,
            addr: instance.addr,
            metadata: instance.metadata,
            ttl,
            expires_in_ms: left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            draining,
            applied,
            warnings: unresolved
                .map(|problem| Diagnostic::new("addr", problem))
                .into_iter()
                .collect(),
        }
    }
}

/// Which instances are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    service: Option<String>,
}

/// Lists every instance, or those of one service, by id.
pub(crate) async fn list(
    Extract(context): Extract<Context>,
    Parameters(wanted): Parameters<Wanted>,
) -> Json<Vec<Shown>> {
    let instances = context.state.instances(wanted.service.as_deref(), Instant::now()).into_iter();
    Json(instances.map(|instance| Shown::new(&context, instance, None)).collect())
}

/// Shows one instance.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    Segment(id): Segment,
) -> Result<Json<Shown>, Problem> {
    let instance = context.state.instance(&id, Instant::now()).ok_or_else(|| unknown(&id))?;
    Ok(Json(Shown::new(&context, instance, None)))
}

/// Registers an instance: 201 when it is new, 200 when it replaced the one of its id.
pub(crate) async fn register(
    Extract(context): Extract<Context>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let registration: Registration = read(&body, Format::Json)?;
    let (instance, ttl) = registration.check().map_err(|errors| Problem::instance(&errors))?;
    let registered =
        context.blocking(move |state| state.register(instance, ttl, Instant::now())).await??;
    let (id, group) = (registered.record.instance.id(), registered.record.instance.group());
    tracing::info!(?id, %group, replaced = registered.replaced, "an instance is registered");
    let (applied, header) = context.applied(registered.change).await;
    let location = HeaderValue::try_from(format!("/v1/instances/{}", encode(&id)));
    let left = ttl.map(Ttl::duration);
    let shown = Json(Shown::new(&context, (registered.record, left), Some(applied)));
    Ok(match location {
        Ok(location) if !registered.replaced => {
            (StatusCode::CREATED, header, [(LOCATION, location)], shown).into_response()
        }
        _ => (header, shown).into_response(),
    })
}

/// Renews the lease of an instance: `PUT /v1/instances/{id}/heartbeat`. One that is not registered,
/// or no longer, is 404: it has to register again.
pub(crate) async fn heartbeat(
    Extract(context): Extract<Context>,
    Segment(path): Segment,
) -> Result<Json<Shown>, Problem> {
    let id = path.strip_suffix(HEARTBEAT).ok_or_else(|| {
        Problem::not_found(
            "PUT renews at /v1/instances/{id}/heartbeat; POST /v1/instances registers",
        )
    })?;
    let now = Instant::now();
    let instance = context.state.heartbeat(id, now).then(|| context.state.instance(id, now));
    Ok(Json(Shown::new(&context, instance.flatten().ok_or_else(|| unknown(id))?, None)))
}

/// Drains an instance, or ends that: `POST /v1/instances/{id}:drain` and `…:undrain`.
pub(crate) async fn act(
    Extract(context): Extract<Context>,
    Segment(path): Segment,
) -> Result<Response, Problem> {
    let action = |(suffix, draining): &(&str, bool)| Some((path.strip_suffix(suffix)?, *draining));
    let (id, draining) = ACTIONS.iter().find_map(action).ok_or_else(|| {
        Problem::not_found("POST acts at /v1/instances/{id}:drain and {id}:undrain")
    })?;
    let key = id.to_owned();
    let drained = context.blocking(move |state| state.drain(&key, draining)).await??;
    let (record, change) = drained.ok_or_else(|| unknown(id))?;
    tracing::info!(?id, draining, "an instance is drained, or no longer");
    let (applied, header) = context.applied(change).await;
    let left = context.state.leases().left(id, Instant::now());
    Ok((header, Json(Shown::new(&context, (record, left), Some(applied)))).into_response())
}

/// Forgets an instance.
pub(crate) async fn deregister(
    Extract(context): Extract<Context>,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let key = id.clone();
    let change = context.blocking(move |state| state.deregister(&key)).await??;
    let change = change.ok_or_else(|| unknown(&id))?;
    tracing::info!(?id, "an instance is deregistered");
    let (_, header) = context.applied(change).await;
    Ok((StatusCode::NO_CONTENT, header).into_response())
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(&format!("no instance {id:?} is registered"))
}

/// Encodes what cannot be written in a path (RFC 3986 §3.3).
fn encode(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@:/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
