//! Text becomes a bundle.
//!
//! Owns the formats a bundle may be written in and the words for what is wrong with a text. Does not
//! own what a bundle may say (`policy::validate` does). Life of a change: the first step.
//!
//! Invariants: a text is hostile: depth, aliases and size of what it expands to are bounded, keys
//! given twice are refused; a bundle that is returned has been validated.

use halftone_core::{
    limits::BUNDLE_BYTES_MAX,
    policy::{Bundle, Diagnostic, validate},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use thiserror::Error;

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The media types that are understood, for people.
    pub(crate) const MEDIA_TYPES: &str = "application/yaml or application/json";

    /// Reads a `Content-Type`; none means YAML, of which JSON is a part (RFC 9110 §8.3 lets the
    /// recipient judge).
    #[must_use]
    pub(crate) fn of_media_type(media_type: Option<&str>) -> Option<Self> {
        let Some(media_type) = media_type else { return Some(Self::Yaml) };
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Some(Self::Json),
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => {
                Some(Self::Yaml)
            }
            _ => None,
        }
    }
}

/// What is wrong at one place of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TextProblem {
    /// What is wrong, and what was expected.
    pub(crate) message: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u64>,
}

/// Why a text is no bundle.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    /// Not YAML, or not JSON.
    #[error("the text cannot be read: {}", .0.message)]
    Syntax(TextProblem),
    /// A field is unknown, missing or of another type.
    #[error("the text has not the shape of what is expected: {}", .0.message)]
    Shape(TextProblem),
    /// It says what cannot be meant; every such place.
    #[error("the bundle has {} problem(s)", .0.len())]
    Invalid(Vec<Diagnostic>),
}

/// Reads a bundle and validates it.
///
/// # Errors
/// [`SourceError`].
pub(crate) fn read_bundle(text: &[u8], format: Format) -> Result<Bundle, SourceError> {
    let bundle: Bundle = read(text, format)?;
    let problems = validate(&bundle);
    if problems.is_empty() { Ok(bundle) } else { Err(SourceError::Invalid(problems)) }
}

/// Reads a value.
///
/// # Errors
/// [`SourceError::Syntax`] when the text is not of `format`, [`SourceError::Shape`] when it is, but
/// does not hold a `T`.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8], format: Format) -> Result<T, SourceError> {
    let parsed = match format {
        Format::Json => read_json(text),
        Format::Yaml => read_yaml(text),
    };
    parsed.map_err(|problem| {
        // Errors of shape come before later ones of syntax; a text that failed is read once more
        // for its syntax alone.
        let syntax = match format {
            Format::Json => std::str::from_utf8(text)
                .map_or_else(|_| Err(problem.clone()), |_| read_json::<IgnoredAny>(text)),
            Format::Yaml => read_yaml::<IgnoredAny>(text),
        };
        match syntax {
            Ok(_) => SourceError::Shape(problem),
            Err(problem) => SourceError::Syntax(problem),
        }
    })
}

fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, TextProblem> {
    serde_json::from_slice(text).map_err(|error| {
        let place = |number: usize| (error.line() > 0).then_some(number as u64);
        let (line, column) = (place(error.line()), place(error.column()));
        TextProblem { message: error.to_string(), line, column }
    })
}

fn read_yaml<T: DeserializeOwned>(text: &[u8]) -> Result<T, TextProblem> {
    serde_saphyr::from_slice_with_options(text, yaml_options()).map_err(|error| {
        let place = error.location();
        TextProblem {
            message: error.without_snippet().to_string(),
            line: place.map(|place| place.line()),
            column: place.map(|place| place.column()),
        }
    })
}

fn yaml_options() -> serde_saphyr::Options {
    // The size of the text is bounded already; a node takes at least two of its bytes.
    let nodes_max = BUNDLE_BYTES_MAX / 2;
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: nodes_max, max_events: 2 * nodes_max },
        strict_booleans: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests;
