//! The serde types of a bundle, field for field as POLICY "Shape" names them.
//!
//! Owns shape only: whether names resolve and weights fit is [`super::validate`]'s.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny},
};

use super::{Label, Percent};

/// A tenant's whole policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<NotServed>,
    /// Where requests can go.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub upstreams: BTreeMap<String, Upstream>,
    /// Which request takes which release or upstream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// What is being rolled out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<String, Release>,
}

/// The identity of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A typed value with the places it may come from, first present wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// The value's type.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// Where it may come from.
    pub from: Vec<Source>,
    /// A short name for expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<NotServed>,
}

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// UTF-8 text.
    String,
}

/// One place a value may come from; exactly one of the places is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A request header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A request cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// A query parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Believed only when the peer is trusted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub trusted: bool,
    /// A verified JWT claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<NotServed>,
    /// A tag from the attribute store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<NotServed>,
    /// A field of the region database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geoip: Option<NotServed>,
    /// A property of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<NotServed>,
    /// Verified by HMAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<NotServed>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The variants of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    pub timeouts: Option<NotServed>,
    /// When a request is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<NotServed>,
}

/// The instances of a variant: registered ones by label, fixed addresses, or (in the implicit
/// bundle) labels with addresses for when none is registered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Labels a registered instance must carry; `service` is its service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub select: BTreeMap<String, Label>,
    /// Fixed addresses: `ip:port`, `name:port` or `unix:/path`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

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

/// The thing being rolled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// The upstream whose variants are chosen from.
    pub upstream: String,
    /// The variant that weights move; `canary` unless named.
    #[serde(default = "canary")]
    pub canary: String,
    /// Attributes tried for the bucketing key, first present wins; `client.ip` unless named.
    #[serde(default = "client_ip")]
    pub unit: Vec<String>,
    /// What happens when no unit is present.
    #[serde(default)]
    pub unit_missing: UnitMissing,
    /// The salt of the buckets; the release's name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// What keeps a user on a variant.
    #[serde(default)]
    pub stickiness: Stickiness,
    /// Headers whose value is a variant's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<HeaderOverride>,
    /// Audiences, first match wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<NotServed>,
    /// Where everyone else goes.
    pub default: DefaultRule,
    /// The steps of the rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<NotServed>,
    /// What the steps are judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<NotServed>,
    /// The local circuit breaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuse: Option<NotServed>,
    /// What happens when a variant has no healthy instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_healthy: Option<NotServed>,
    /// What abort does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<NotServed>,
    /// What becomes of long-lived connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<NotServed>,
    /// What later hops are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate: Option<NotServed>,
    /// What an instance can carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<NotServed>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<NotServed>,
    /// The kill switch: everyone to stable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
}

fn canary() -> String {
    "canary".to_owned()
}

fn client_ip() -> Vec<String> {
    vec![super::CLIENT_IP.to_owned()]
}

/// What happens to a request that carries no bucketing key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitMissing {
    /// It goes to stable.
    #[default]
    Stable,
    /// A cookie is made for it.
    Mint,
    /// It is drawn anew each time.
    Random,
}

/// What keeps a user on a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stickiness {
    /// The bucket alone.
    #[default]
    Hash,
    /// A signed cookie.
    Pinned,
    /// Nothing.
    None,
}

/// A header whose value is the name of a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderOverride {
    /// The header's name.
    pub header: String,
    /// Who may use it.
    #[serde(default)]
    pub requires: Requires,
}

/// Who may use an override.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Requires {
    /// Trusted peers.
    #[default]
    Trusted,
    /// Holders of a signature.
    Signed,
    /// Anyone.
    Any,
}

/// Where requests go that no target took: a variant, or a split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultRule {
    /// One variant for everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Weights; the rest is stable's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

/// The weights of a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Split {
    /// `scheduled`: moved by the schedule.
    Named(String),
    /// Written in the bundle.
    Weights(BTreeMap<String, Percent>),
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Split;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`scheduled`, or weights by variant such as { canary: 20% }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Split, E> {
                Ok(Split::Named(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Split, A::Error> {
                BTreeMap::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(Split::Weights)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
