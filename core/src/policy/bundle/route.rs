//! Routes: which request takes which release or upstream.
//!
//! Owns shape only, as its parent does.

use serde::{Deserialize, Serialize};

use super::NotServed;

/// A named set of rules for some host names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    pub timeouts: Option<NotServed>,
    /// How large a request may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<NotServed>,
}

/// Conditions that must all hold (Gateway API HTTPRouteMatch).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Match {
    /// On the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// On the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<NotServed>,
    /// On headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<NotServed>,
    /// On query parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_params: Option<NotServed>,
}

/// A condition on the path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathMatch {
    /// How the value is compared.
    #[serde(rename = "type")]
    pub kind: PathType,
    /// What it is compared with.
    pub value: String,
}

/// How a path is compared (Gateway API PathMatchType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathType {
    /// The whole path.
    Exact,
    /// Whole segments from the start.
    PathPrefix,
}
