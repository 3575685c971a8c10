//! Routes: which request takes which release or upstream.
//!
//! Owns shape only, as its parent does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::{Size, Timeout};

/// A named set of rules for some host names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The route's name.
    pub name: String,
    /// Host names; none means every host; `*.example.com` is a wildcard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// What is matched, and where it goes.
    pub rules: Vec<Rule>,
}

/// One rule of a route: matches, and a release or an upstream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Any of these must match; none means every path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Match>,
    /// The release that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The upstream whose `stable` variant is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// How long a request may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<RuleTimeouts>,
    /// How large a request may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<RuleLimits>,
}

/// How long a request may take (Gateway API HTTPRouteTimeouts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTimeouts {
    /// From its head to the end of its answer; zero is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Timeout>,
}

/// How large a request may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleLimits {
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<Size>,
}

/// Conditions that must all hold (Gateway API HTTPRouteMatch).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Match {
    /// On the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// On the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// On headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ValueMatch>,
    /// On query parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<ValueMatch>,
}

/// A condition on the path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathMatch {
    /// How the value is compared.
    #[serde(rename = "type")]
    pub kind: PathType,
    /// What it is compared with.
    pub value: String,
}

/// How a path is compared (Gateway API PathMatchType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PathType {
    /// The whole path.
    Exact,
    /// Whole segments from the start.
    PathPrefix,
    /// An expression that the whole path matches.
    RegularExpression,
}

/// A condition on a header, a query parameter or a cookie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueMatch {
    /// How the value is compared.
    #[serde(rename = "type", default)]
    pub kind: ValueType,
    /// The name; of a header in any case.
    pub name: String,
    /// What the value is compared with.
    pub value: String,
}

/// How a value is compared (Gateway API HeaderMatchType and QueryParamMatchType).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ValueType {
    /// The whole value.
    #[default]
    Exact,
    /// An expression that the whole value matches.
    RegularExpression,
}

/// A method (Gateway API HTTPMethod).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "methods of RFC 9110 and RFC 5789, named as they are sent")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

impl Method {
    /// Returns the method as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
        }
    }
}
