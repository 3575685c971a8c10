//! What is asked of a worker, and what it explains.
//!
//! Owns both forms, in frames and in the API alike. Does not decide ([`crate::route`] does) and does
//! not build heads from what is asked: the gateway does.

use serde::{Deserialize, Serialize};

use crate::route::trace::Step;

/// A request that nobody sends: where would it go?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainRequest {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// `http://host/path?query`, or a path alone with a Host among the fields.
    pub url: String,
    /// The fields, in order.
    #[serde(default)]
    pub headers: Vec<Field>,
    /// The address the connection comes from; loopback when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Whether that peer is believed; the gateway's `--trusted` decides when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
}

fn get() -> String {
    "GET".to_owned()
}

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What a worker decides, and why. Names are those of the access log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The worker that decided.
    pub worker: u32,
    /// The epoch of its rules.
    pub rules_epoch: u64,
    /// The epoch of its instances.
    pub instances_epoch: u64,
    /// The revision of its rules.
    pub revision: u64,
    /// The status, when the gateway would answer by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The label of that answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The route; absent when none matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The tenant of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The release; absent when the route names an upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The variant that would serve; the decided one when none can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The decided variant, when another would serve because it has no instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_from: Option<String>,
    /// Why that variant was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The target that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The cell of its nested table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// The bucket, where one was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<u32>,
    /// Whether that bucket was drawn: the next request may get another.
    #[serde(default)]
    pub random: bool,
    /// Every step, in order.
    pub steps: Vec<Step>,
    /// Routes and targets that did not match and are not among the steps.
    #[serde(default)]
    pub not_shown: u64,
}
