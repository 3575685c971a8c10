//! `/v1/instances`: what services register.
//!
//! Owns the form of an instance in answers. The content type of a registration is not looked at: the
//! quick start's `curl -d` says it sends a form, and means JSON.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::{IntoResponse as _, Response},
};
use halftone_core::policy::{Instance, Label, Registration};
use serde::Serialize;

use super::{
    Context,
    body::{Body, Segment},
    problem::Problem,
};
use crate::source::{Format, read};

/// An instance as it is shown.
#[derive(Serialize)]
pub(crate) struct Shown {
    id: String,
    service: String,
    addr: String,
    metadata: BTreeMap<String, Label>,
    group: String,
    weight: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
}

impl Shown {
    fn new(instance: Instance, applied: Option<bool>) -> Self {
        Self {
            id: instance.id(),
            group: instance.group(),
            weight: instance.weight(),
            service: instance.service,
            addr: instance.addr,
            metadata: instance.metadata,
            applied,
        }
    }
}

/// Lists every instance, by id.
pub(crate) async fn list(Extract(context): Extract<Context>) -> Json<Vec<Shown>> {
    let instances = context.state.instances().into_iter();
    Json(instances.map(|instance| Shown::new(instance, None)).collect())
}

/// Shows one instance.
pub(crate) async fn show(
    Extract(context): Extract<Context>,
    Segment(id): Segment,
) -> Result<Json<Shown>, Problem> {
    let instance = context.state.instance(&id).ok_or_else(|| unknown(&id))?;
    Ok(Json(Shown::new(instance, None)))
}

/// Registers an instance: 201 when it is new, 200 when it replaced the one of its id.
pub(crate) async fn register(
    Extract(context): Extract<Context>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let registration: Registration = read(&body, Format::Json)?;
    let instance = Instance::check(registration).map_err(|errors| Problem::instance(&errors))?;
    let stored = instance.clone();
    let registered = context.blocking(move |state| state.register(stored)).await??;
    tracing::info!(id = ?instance.id(), group = %instance.group(), replaced = registered.replaced, "an instance is registered");
    let (applied, header) = context.applied(registered.change).await;
    let location = HeaderValue::try_from(format!("/v1/instances/{}", encode(&instance.id())));
    let shown = Json(Shown::new(instance, Some(applied)));
    Ok(match location {
        Ok(location) if !registered.replaced => {
            (StatusCode::CREATED, header, [(LOCATION, location)], shown).into_response()
        }
        _ => (header, shown).into_response(),
    })
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
