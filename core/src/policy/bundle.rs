//! The serde types of a bundle, field for field as POLICY "Shape" names them.
//!
//! Owns shape only: whether names resolve and weights fit is [`super::validate`]'s. Routes and releases are shared by
//! bundles that differ elsewhere.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};

use super::{Label, Timeout};

mod attribute;
mod nested;
mod release;
mod route;

pub use attribute::{Attribute, AttributeType, ClientPart, GrpcPart, RequestPart, Segment, Source};
pub use nested::{ANY_VALUE, Cell, NestedTable, cell_name};
pub use release::{
    DefaultRule, HeaderOverride, OnNoHealthy, Propagate, Release, Requires, Split, Stickiness,
    Target, TargetMatch, UnitMissing,
};
pub use route::{
    Match, Method, PathMatch, PathType, Route, Rule, RuleLimits, RuleTimeouts, ValueMatch,
    ValueType,
};

/// A tenant's whole policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// Always `halftone/v1`.
    pub api_version: String,
    /// Always `Bundle`.
    pub kind: String,
    /// Whose bundle this is.
    pub metadata: Metadata,
    /// Named values a decision may read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// Named audiences.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<String, Segment>,
    /// Where requests can go.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub upstreams: BTreeMap<String, Upstream>,
    /// Which request takes which release or upstream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Arc<Route>>,
    /// What is being rolled out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<String, Arc<Release>>,
}

/// The identity of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The owning tenant.
    pub tenant: String,
}

/// A field of POLICY that this build reads over and validation refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotServed;

impl<'de> Deserialize<'de> for NotServed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Serialize for NotServed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The variants of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Which instances each variant has.
    pub variants: BTreeMap<String, Variant>,
    /// How an instance is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<NotServed>,
    /// How failing instances are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<NotServed>,
    /// How long each stage may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<UpstreamTimeouts>,
    /// When a request is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<NotServed>,
}

/// How long each stage of an exchange may take; the gateway's own timeouts where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpstreamTimeouts {
    /// Until a connection is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Timeout>,
    /// From the end of the request to the start of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<Timeout>,
    /// Between two parts of a request or an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Timeout>,
}

/// The instances of a variant: registered ones by label, fixed addresses, or (in the implicit
/// bundle) labels with addresses for when none is registered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Labels a registered instance must carry; `service` is its service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub select: BTreeMap<String, Label>,
    /// Fixed addresses: `ip:port`, `name:port` or `unix:/path`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}
