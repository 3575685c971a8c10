//! Text becomes a bundle, or a gateway's configuration.
//!
//! Owns the formats these may be written in and the words for what is wrong with a text. Does not
//! own what they may say (`policy::validate` and `policy::lint` do). Life of a change: the first step.
//!
//! Invariants: a text is hostile: depth, aliases and size of what it expands to are bounded, keys
//! given twice are refused; a bundle that is returned has been validated.

use std::path::Path;

use halftone_core::{
    limits::BUNDLE_BYTES_MAX,
    policy::{self, Bundle, Diagnostic, lint, validate},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_saphyr::{
    Spanned,
    options::{DuplicateKeyPolicy, NonFiniteFloatPolicy},
};
use thiserror::Error;

mod fast;
mod follows;
mod json;
mod shape;
mod tags;
mod tree;
mod words;

use shape::{Shape, read_shape};
use tree::{Node, Place, Value};

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// Returns the format that the name of a file tells.
    #[must_use]
    pub(crate) fn of_path(path: &Path) -> Self {
        let json = path.extension().is_some_and(|extension| extension == "json");
        if json { Self::Json } else { Self::Yaml }
    }

    /// The media types that are understood, for people.
    pub(crate) const MEDIA_TYPES: &str = "application/yaml or application/json";

    /// Reads a `Content-Type`; none means YAML, of which JSON is a part (RFC 9110 §8.3 lets the
    /// recipient judge), and so does the one that curl sends for `--data-binary` unasked: no form
    /// is ever taken here.
    #[must_use]
    pub(crate) fn of_media_type(media_type: Option<&str>) -> Option<Self> {
        let Some(media_type) = media_type else { return Some(Self::Yaml) };
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Some(Self::Json),
            "application/yaml"
            | "application/x-yaml"
            | "text/yaml"
            | "text/x-yaml"
            | "application/x-www-form-urlencoded" => Some(Self::Yaml),
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
    /// Fields are unknown, missing or of another type, or say what cannot be meant; every such place.
    #[error("{} problem(s) were found", .0.len())]
    Invalid(Vec<Diagnostic>),
}

/// Finds the bundle that a tenant has, in order that what a new one shares with it is not judged again.
pub(crate) type Known<'a> = &'a dyn Fn(&str) -> Option<policy::Judged>;

/// Reads a bundle and judges it: every problem at once, each with its place. Beside the bundle come the
/// warnings about it.
///
/// # Errors
/// [`SourceError`].
pub(crate) fn read_bundle(
    text: &[u8],
    format: Format,
    known: Known<'_>,
) -> Result<(policy::Judged, Vec<Diagnostic>), SourceError> {
    let judge = |bundle: Bundle| match known(&bundle.metadata.tenant) {
        Some(known) => known.after(bundle),
        None => policy::Judged::new(bundle),
    };
    // Without places, which only those ask for who have something to tell.
    let fast = if format == Format::Json { fast::read(text) } else { None };
    if let Some(Ok(judged)) = fast.map(judge)
        && judged.warnings().is_empty()
    {
        return Ok((judged, Vec::new()));
    }
    let root = read_tree(text, format)?;
    let shape = read_shape::<Bundle>(&root.node);
    if let Some(bundle) = shape.value.filter(|_| shape.problems.is_empty())
        && root.duplicates.is_empty()
        && let Ok(judged) = judge(bundle)
    {
        let warnings = judged.warnings().into_iter().map(|warning| root.place(warning));
        let mut warnings: Vec<Diagnostic> = warnings.collect();
        warnings.sort_by_key(|one| (one.line, one.column));
        return Ok((judged, warnings));
    }
    Err(SourceError::Invalid(root.judge_bundle().problems))
}

/// Reads one object of a bundle, without judging what it says; with the text it is in, for places.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_object<T: DeserializeOwned>(
    text: &[u8],
    format: Format,
) -> Result<(T, Root), SourceError> {
    let root = read_tree(text, format)?;
    let Shape { value, mut problems, .. } = read_shape::<T>(&root.node);
    problems.extend(root.duplicates.iter().cloned());
    match value.filter(|_| problems.is_empty()) {
        Some(value) => Ok((value, root)),
        None => Err(SourceError::Invalid(problems)),
    }
}

/// Reads a value.
///
/// # Errors
/// [`SourceError::Syntax`] when the text is not of `format`, [`SourceError::Invalid`] when it is, but
/// does not hold a `T`.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8], format: Format) -> Result<T, SourceError> {
    read_object(text, format).map(|(value, _)| value)
}

/// What could be read of a text, and all that is wrong with it, in the order of the text.
pub(crate) struct Judged<T> {
    /// What was read; not to be used when there are problems.
    pub(crate) value: Option<T>,
    /// What is wrong.
    pub(crate) problems: Vec<Diagnostic>,
    /// What should not be.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// A text, read.
pub(crate) struct Root {
    node: Node,
    /// Keys that are given twice.
    duplicates: Vec<Diagnostic>,
}

impl Root {
    /// Returns what stands for a text where there is none.
    pub(crate) fn nothing() -> Self {
        let place = Place { line: 1, column: 1 };
        Self { node: Node { value: Value::Null, place }, duplicates: Vec::new() }
    }

    /// Returns whether there is no text, or one that says nothing.
    pub(crate) fn is_nothing(&self) -> bool {
        self.node.value == Value::Null
    }

    /// Returns the text at a path, if one is there.
    pub(crate) fn text(&self, path: &[&str]) -> Option<&str> {
        self.node.text(path)
    }

    /// Gives a problem the place of its path.
    pub(crate) fn place(&self, problem: Diagnostic) -> Diagnostic {
        let Place { line, column } = self.node.locate(&problem.path);
        problem.at(line, column)
    }

    /// Judges it as a bundle.
    pub(crate) fn judge_bundle(&self) -> Judged<Bundle> {
        self.judge_by(validate, lint)
    }

    /// Judges it as a `T`, of which `validate` finds the problems.
    pub(crate) fn judge<T: DeserializeOwned>(
        &self,
        validate: impl Fn(&T) -> Vec<Diagnostic>,
    ) -> Judged<T> {
        self.judge_by(validate, |_| Vec::new())
    }

    fn judge_by<T: DeserializeOwned>(
        &self,
        validate: impl Fn(&T) -> Vec<Diagnostic>,
        lint: impl Fn(&T) -> Vec<Diagnostic>,
    ) -> Judged<T> {
        let shape = read_shape::<T>(&self.node);
        // What was left out for its shape is missed, by what is around it and by what names it.
        let own = |found: Vec<Diagnostic>| {
            let own = found.into_iter().filter(|found| !shape.explains(found, &self.node));
            own.map(|found| self.place(found)).collect()
        };
        let mut problems = [shape.problems.clone(), self.duplicates.clone()].concat();
        let mut warnings = Vec::new();
        if let Some(value) = &shape.value {
            problems.extend::<Vec<_>>(own(validate(value)));
            warnings = own(lint(value));
        }
        for found in [&mut problems, &mut warnings] {
            found.sort_by_key(|one| (one.line, one.column));
        }
        Judged { value: shape.value, problems, warnings }
    }
}

/// Reads a text, whatever it is about.
///
/// # Errors
/// [`SourceError::Syntax`].
pub(crate) fn read_tree(text: &[u8], format: Format) -> Result<Root, SourceError> {
    let read = utf8(text).and_then(|text| match format {
        Format::Json => read_json(text),
        Format::Yaml => read_yaml(text),
    });
    let mut node = read.map_err(SourceError::Syntax)?;
    let mut duplicates = Vec::new();
    node.take_duplicates("", &mut duplicates);
    Ok(Root { node, duplicates })
}

/// Returns the text that `bytes` are.
fn utf8(bytes: &[u8]) -> Result<&str, TextProblem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let bad = &bad[..error.error_len().unwrap_or(bad.len())];
        let good = String::from_utf8_lossy(good);
        let line = good.rsplit('\n').next().unwrap_or_default();
        let message = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "expected UTF-8, got UTF-16".to_owned(),
            _ => format!("expected UTF-8, got {}", bad.escape_ascii()),
        };
        let number = |before: usize| Some(before as u64 + 1);
        let (lines, characters) = (good.matches('\n').count(), line.chars().count());
        TextProblem { message, line: number(lines), column: number(characters) }
    })
}

fn read_json(text: &str) -> Result<Node, TextProblem> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let place = |number: usize| (error.line() > 0).then_some(number as u64);
        let (line, column) = (place(error.line()), place(error.column()));
        let told = error.to_string();
        let suffix = format!(" at line {} column {}", error.line(), error.column());
        let message = told.strip_suffix(&suffix).unwrap_or(&told).to_owned();
        TextProblem { message, line, column }
    })?;
    json::read_tree(text)
}

fn read_yaml(text: &str) -> Result<Node, TextProblem> {
    let read = serde_saphyr::from_str_with_options::<Spanned<Value>>(text, yaml_options());
    let node = read.map(Node::from).map_err(|error| {
        let place = error.location();
        let told = error.without_snippet().to_string();
        let suffix = place
            .map(|place| format!(" at line {}, column {}", place.line(), place.column()))
            .unwrap_or_default();
        let mut message = told.strip_suffix(&suffix).unwrap_or(&told).to_owned();
        let line = place.map(|place| place.line());
        if line.is_some_and(|line| has_bare_expression(text, line)) {
            message.push_str(BARE_EXPRESSION);
        }
        TextProblem { message, line, column: place.map(|place| place.column()) }
    })?;
    match tags::negation(&node, text) {
        Some(problem) => Err(problem),
        None => Ok(node),
    }
}

/// What is most likely wrong where YAML ends at an expression.
const BARE_EXPRESSION: &str =
    "; put the expression in quotes, as a whole: when: \"age > 18 && city in ['a', 'b']\"";

/// Returns whether a line (from 1) of a YAML text has an expression that is not in quotes as a whole.
fn has_bare_expression(text: &str, line: u64) -> bool {
    let before = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let line = text.lines().nth(before).unwrap_or_default();
    let key = line.match_indices("when:").map(|(at, key)| line[at + key.len()..].trim());
    let mut values = key.filter(|value| !value.is_empty() && !value.starts_with(['|', '>', '#']));
    values.any(|value| {
        let Some(quote) = value.chars().next().filter(|first| ['"', '\''].contains(first)) else {
            return true;
        };
        let behind = value[1..].split_once(quote).map(|(_, behind)| behind.trim_start());
        behind
            .is_some_and(|behind| !behind.is_empty() && !behind.starts_with([',', '}', '#', quote]))
    })
}

fn yaml_options() -> serde_saphyr::Options {
    // The size of the text is bounded already; a node takes at least two of its bytes.
    let nodes_max = BUNDLE_BYTES_MAX / 2;
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: json::DEPTH_MAX, max_nodes: nodes_max, max_events: 2 * nodes_max },
        // Aliases multiply what a text holds; what they are good for takes less than this.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 250_000 },
        strict_booleans: true,
        // Both are told of with their paths, and all of them: `tree` and the types see to it.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests;
