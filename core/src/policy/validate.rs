//! Validation: every problem of a bundle at once, each with its path.
//!
//! Owns the meaning of names, weights and forms inside one bundle. Does not know other tenants
//! (a host name claimed twice is found when tables are compiled) and does not parse text.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{Bundle, IMPLICIT_TENANT, NotServed, instance::is_name};
use crate::limits::NAME_BYTES_MAX;

mod again;
mod claims;
mod conditions;
mod expressions;
mod nested;
mod regions;
mod release;
mod route;
mod upstream;

pub use again::validate_after;
use expressions::check_names;
use release::check_release;
use route::check_route;
use upstream::check_upstream;

/// One problem, with the place in the bundle it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The path in the bundle, such as `releases.user-v2.upstream`.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
    /// The file it is in, where the text came from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column in the text, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What had to be there and is not, any of which would do. Where one of them was written and could
    /// not be read, the problem only follows from that.
    #[serde(skip)]
    pub lacks: Vec<Lack>,
}

/// What had to be in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// This key of the map at this path.
    Key(String, String),
    /// Anything in what is at this path.
    Anything(String),
    /// An attribute of this name, or with this alias.
    Attribute(String),
    /// A segment that expressions name so.
    Segment(String),
}

impl Diagnostic {
    /// Returns a problem at `path` that has no place in a text yet.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            file: None,
            line: None,
            column: None,
            lacks: Vec::new(),
        }
    }

    /// Says that it is about the lack of all of these keys of the map at `path`.
    #[must_use]
    pub fn for_lack_of(self, path: &str, keys: &[&str]) -> Self {
        let lacks = keys.iter().map(|key| Lack::Key(path.to_owned(), (*key).to_owned()));
        Self { lacks: lacks.collect(), ..self }
    }

    /// Says that it is about the lack of anything in what is at its path.
    #[must_use]
    pub fn for_emptiness(self) -> Self {
        Self { lacks: vec![Lack::Anything(self.path.clone())], ..self }
    }

    /// Gives it a place in a text.
    #[must_use]
    pub fn at(self, line: u64, column: u64) -> Self {
        Self { line: Some(line), column: Some(column), ..self }
    }

    /// Gives it a file.
    #[must_use]
    pub fn in_file(self, file: &str) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        } else if self.file.is_some() {
            f.write_str(" ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Returns every problem of `bundle`; none means that it compiles.
#[must_use]
pub fn validate(bundle: &Bundle) -> Vec<Diagnostic> {
    let mut found = Found(Vec::new());
    if bundle.api_version != "halftone/v1" {
        found.add("apiVersion", format!("expected \"halftone/v1\", got {:?}", bundle.api_version));
    }
    if bundle.kind != "Bundle" {
        found.add("kind", format!("expected \"Bundle\", got {:?}", bundle.kind));
    }
    found.name("metadata.tenant", &bundle.metadata.tenant);
    if bundle.metadata.tenant == IMPLICIT_TENANT {
        let message =
            format!("{IMPLICIT_TENANT:?} stands for what no bundle asks for; name another");
        found.add("metadata.tenant", message);
    }
    let mut scope = check_names(&mut found, bundle);
    for (name, upstream) in &bundle.upstreams {
        check_upstream(&mut found, &format!("upstreams.{name}"), name, upstream);
    }
    for (name, release) in &bundle.releases {
        check_release(&mut found, &format!("releases.{name}"), (name, release), bundle, &mut scope);
    }
    let mut names = BTreeMap::new();
    for (index, route) in bundle.routes.iter().enumerate() {
        let path = format!("routes[{index}]");
        if let Some(first) = names.insert(&route.name, index) {
            found.add(
                &format!("{path}.name"),
                format!("{:?} is the name of routes[{first}] already", route.name),
            );
        }
        check_route(&mut found, &path, route, bundle);
    }
    found.0
}

/// Returns the known name that `name` was probably meant to be.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    near.filter(|(distance, _)| *distance <= 2.max(name.len() / 3)).map(|(_, known)| known)
}

struct Found(Vec<Diagnostic>);

impl Found {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Diagnostic::new(path, message));
    }

    /// Adds a problem at `path` that is the lack of every one of its `fields`.
    fn lacking(&mut self, path: &str, fields: &[&str], message: &str) {
        self.0.push(Diagnostic::new(path, message).for_lack_of(path, fields));
    }

    /// Adds a problem at `path` that is the lack of an attribute.
    fn undeclared(&mut self, path: &str, attribute: &str, message: &str) {
        self.0.push(Diagnostic::new(path, message).for_lack_of("attributes", &[attribute]));
    }

    /// Adds a problem at `path`, where something was expected and nothing is.
    fn empty(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Diagnostic::new(path, message).for_emptiness());
    }

    /// Checks that exactly one of `fields` of what is at `path` is `given`.
    fn one_of(&mut self, path: &str, fields: &[&str], given: usize) {
        let message = format!("expected exactly one of {}", fields.join(", "));
        match given {
            0 => self.lacking(path, fields, &message),
            1 => {}
            _ => self.add(path, message),
        }
    }

    fn name(&mut self, path: &str, name: &str) {
        if !is_name(name) {
            self.add(path, format!("expected letters, digits, '.', '_' and '-', got {name:?}"));
        }
    }

    fn served(&mut self, path: &str, field: Option<NotServed>) {
        if field.is_some() {
            self.not_served(path, path.rsplit('.').next().unwrap_or(path));
        }
    }

    /// Adds that the field at `path`, or the value `what` of it, is not served by this build.
    fn not_served(&mut self, path: &str, what: &str) {
        self.add(path, format!("not supported in this build: {what}"));
    }

    /// Checks that `name` is among the `known` ones, which are the keys of the map at `within`.
    fn known<'a>(
        &mut self,
        path: &str,
        (what, within): (&str, &str),
        name: &str,
        known: impl Iterator<Item = &'a String> + Clone,
    ) {
        if known.clone().any(|candidate| candidate == name) {
            return;
        }
        let near = nearest(name, known.map(String::as_str));
        let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        let problem = Diagnostic::new(path, format!("unknown {what} {name:?}{hint}"));
        self.0.push(problem.for_lack_of(within, &[name]));
    }
}

/// Returns whether `text` is a `token` (RFC 9110 §5.6.2): a method, or the name of a field or a cookie.
#[must_use]
pub fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

/// Checks the names of fields and cookies.
fn check_token(found: &mut Found, path: &str, text: &str) {
    if !is_token(text) || text.len() > NAME_BYTES_MAX {
        found.add(path, format!("expected a token (RFC 9110 5.6.2), got {text:?}"));
    }
}

#[cfg(test)]
mod tests;
