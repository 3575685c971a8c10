//! Refusals: `application/problem+json` (RFC 9457).
//!
//! Owns the kinds of problems there are and how errors of other modules become them. Invariant: what
//! a person sent wrong is told in full; what went wrong inside is logged in full and told in short.

use std::fmt::Display;

use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use halftone_core::{
    compile::{CompileError, WeightError},
    policy::{Diagnostic, InstanceError},
    signal::tags::TagError,
};
use serde::Serialize;

use crate::{
    link::ExplainError,
    lists::ListStoreError,
    rules::RulesError,
    source::{SourceError, TextProblem},
    state::StateError,
    store::StoreError,
    tags::TagStoreError,
};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem(Box<Members>);

/// The members of the problem object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Members {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    #[serde(rename = "currentDigest", skip_serializing_if = "Option::is_none")]
    current_digest: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Diagnostic>,
}

impl Problem {
    /// Makes a problem of `kind`, a word for programs.
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Members {
            kind: format!("urn:halftone:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            line: None,
            column: None,
            current_digest: None,
            errors: Vec::new(),
        }))
    }

    /// Returns whether what was sent is refused for what it says, or for what is there already.
    #[must_use]
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.0.status, 400 | 409 | 422)
    }

    /// Returns the answer for what is not there.
    pub(crate) fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// Returns the answer for a method that a resource does not have.
    pub(crate) fn method_not_allowed(detail: &str) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method-not-allowed", "Method not allowed", detail)
    }

    /// Returns the answer for a request that cannot be read.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    /// Returns the answer for a body beyond its bound.
    pub(crate) fn too_large(detail: &str) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large", detail)
    }

    /// Returns the answer for a body that does not come.
    pub(crate) fn timeout(detail: &str) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Request timeout", detail)
    }

    /// Returns the answer for a body in a format that is not read.
    pub(crate) fn unsupported_media_type(expected: &str, found: &str) -> Self {
        let detail = format!("expected {expected}, got {found:?}");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "unsupported-media-type", "Unsupported media type", detail)
    }

    /// Returns the answer for a request made by a page of another origin.
    pub(crate) fn foreign(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign-origin", "Foreign origin", detail)
    }

    /// Returns the answer for what went wrong inside.
    pub(crate) fn internal(detail: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// Returns the answer while changes cannot be kept.
    pub(crate) fn unready(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unready", "Not ready", detail)
    }

    /// Returns the answer for a store that failed; `so` says what that means.
    fn unstored(error: &StoreError, so: &str) -> Self {
        match error.is_unknown() {
            true => Self::unsettled(error, error.is_full()),
            false => Self::unwritten(error, error.is_full(), so),
        }
    }

    /// Returns the answer for a write of which it is not known what came of it.
    fn unsettled(error: &dyn Display, is_full: bool) -> Self {
        let (status, first) = match is_full {
            true => {
                (StatusCode::INSUFFICIENT_STORAGE, "the disk of the control plane is full, and ")
            }
            false => (StatusCode::INTERNAL_SERVER_ERROR, ""),
        };
        let detail = format!("{first}{error}; look at what is there, or ask for it again");
        Self::new(status, "outcome-unknown", "Outcome unknown", detail)
    }

    /// Returns the same of a write of which it is known that nothing was kept.
    fn unwritten(error: &dyn Display, is_full: bool, so: &str) -> Self {
        if is_full {
            let detail =
                format!("the disk of the control plane is full, so {so}; make room, and try again");
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "Disk full", detail);
        }
        let detail = format!(
            "the store of the control plane fails, so {so}: {error}; try again, and see its log"
        );
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// Returns the answer for a body that says what cannot be meant.
    pub(crate) fn invalid(detail: &str, errors: Vec<Diagnostic>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let mut problem = Self::new(status, "invalid", "Invalid content", detail);
        problem.0.errors = errors;
        problem
    }

    /// Returns the answer for an instance that was refused.
    pub(crate) fn instance(errors: &[InstanceError]) -> Self {
        let diagnostic = |error: &InstanceError| {
            let text = error.to_string();
            let (path, message) = text.split_once(": ").unwrap_or(("", &text));
            Diagnostic::new(path, message)
        };
        let errors = errors.iter().map(diagnostic).collect();
        Self::invalid("the registration cannot be accepted", errors)
    }

    /// Returns the answer for tags that cannot be kept.
    pub(crate) fn about_tags(error: &TagError) -> Self {
        let text = error.to_string();
        let (path, message) = text.split_once(": ").unwrap_or(("", &text));
        Self::invalid("the tags cannot be accepted", vec![Diagnostic::new(path, message)])
    }

    /// Adds what was done before.
    pub(crate) fn after(mut self, done: &str) -> Self {
        self.0.detail = format!("{}; {done}", self.0.detail);
        self
    }

    /// Returns the answer for a condition that does not hold, with the digest that is current.
    pub(crate) fn condition(detail: &str, current: Option<String>) -> Self {
        let (status, title) = (StatusCode::PRECONDITION_FAILED, "Precondition failed");
        let mut problem = Self::new(status, "precondition-failed", title, detail);
        problem.0.current_digest = current;
        problem
    }

    /// Returns the answer for one thing that cannot be meant, at `path` of the body.
    fn about(path: &str, detail: &str) -> Self {
        Self::invalid(detail, vec![Diagnostic::new(path, detail)])
    }

    fn conflict(detail: String) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Conflict", detail)
    }

    fn at(mut self, place: &TextProblem) -> Self {
        (self.0.line, self.0.column) = (place.line, place.column);
        self
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        let detail = error.to_string();
        match error {
            SourceError::Syntax(place) => {
                Self::new(StatusCode::BAD_REQUEST, "syntax", "Syntax error", detail).at(&place)
            }
            SourceError::Invalid(errors) => Self::invalid(&detail, errors),
        }
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        let detail = error.to_string();
        match error {
            StateError::Full => Self::conflict(detail),
            StateError::Owned { .. } => Self::new(StatusCode::CONFLICT, "owned", "Owned", detail),
            StateError::Condition { current, .. } => Self::condition(&detail, current),
            StateError::Outrun { .. } => Self::conflict(detail),
            StateError::NoRevision { .. }
            | StateError::NoBundle { .. }
            | StateError::Weight(WeightError::UnknownRelease { .. }) => Self::not_found(&detail),
            StateError::Weight(
                WeightError::NotScheduled { .. } | WeightError::NothingScheduled { .. },
            ) => Self::conflict(detail),
            StateError::Weight(WeightError::UnknownTarget { index, .. }) => {
                Self::about(&format!("targets[{index}]"), &detail)
            }
            StateError::Weight(WeightError::Allocation { .. }) => Self::about("weight", &detail),
            StateError::Unreadable(_) => Self::about("revision", &detail),
            StateError::Unpublishable(RulesError::Compile(CompileError::Hostname { .. })) => {
                Self::conflict(detail)
            }
            StateError::Unpublishable(RulesError::Compile(CompileError::Allocation {
                release,
                split,
                ..
            })) => Self::about(&format!("releases.{release}.{split}"), &detail),
            StateError::Unpublishable(RulesError::Sealed(error)) => {
                tracing::error!(%error, "a table could not be put into memory");
                Self::internal("the table could not be made, so nothing was changed; see the log")
            }
            StateError::Unpublishable(_) => Self::about("", &detail),
            StateError::Store(error) => {
                tracing::error!(%error, "a change could not be stored");
                Self::unstored(&error, "the change was not made")
            }
        }
    }
}

impl From<TagStoreError> for Problem {
    fn from(error: TagStoreError) -> Self {
        match error {
            TagStoreError::Full { .. } => Self::conflict(error.to_string()),
            TagStoreError::Store(error) => {
                tracing::error!(%error, "the tag store fails");
                Self::unstored(&error, "the tags are what they were")
            }
        }
    }
}

impl From<ListStoreError> for Problem {
    fn from(error: ListStoreError) -> Self {
        match error {
            ListStoreError::Full { .. } => Self::conflict(error.to_string()),
            ListStoreError::Unknown(_) => {
                tracing::error!(%error, "a list was stored, and may not stay");
                Self::unsettled(&error, error.is_full())
            }
            ListStoreError::Io { .. } => {
                tracing::error!(%error, "a list could not be stored");
                Self::unwritten(&error, error.is_full(), "the list is what it was")
            }
            _ => {
                tracing::error!(%error, "a list could not be changed");
                Self::internal("the list could not be changed, so it is what it was; see the log")
            }
        }
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        let detail = error.to_string();
        match error {
            ExplainError::Refused(_) => {
                let (path, message) = detail.split_once(": ").unwrap_or(("", &detail));
                Self::invalid(&detail, vec![Diagnostic::new(path, message)])
            }
            _ => {
                tracing::warn!(error = %detail, "a request could not be explained");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "no-gateway", "No gateway", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Text and numbers cannot fail to serialise.
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let media_type = HeaderValue::from_static("application/problem+json");
        (status, [(CONTENT_TYPE, media_type)], body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_list_without_room_is_told_what_to_do() {
        let of = |kind: ErrorKind| {
            let (path, source) = ("lists/1.list".into(), Error::from(kind));
            Problem::from(ListStoreError::Io { path, doing: "write it", source }).0
        };
        for full in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge] {
            let told = of(full);
            assert_eq!((told.status, &*told.kind), (507, "urn:halftone:problem:disk-full"));
            assert!(told.detail.contains("the list is what it was; make room"), "{}", told.detail);
        }
        let told = of(ErrorKind::PermissionDenied);
        assert_eq!(told.status, 500);
        assert!(told.detail.contains("lists/1.list: cannot write it: perm"), "{}", told.detail);
    }
}
