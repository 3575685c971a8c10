//! Releases: overrides, audiences, splits.
//!
//! Owns shape only, as its parent does.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Method, NestedTable, NotServed, PathMatch, ValueMatch, cell_name, is_false};
use crate::policy::{CANARY, CLIENT_IP, DEFAULT_SPLIT, Percent, Timestamp};

/// The thing being rolled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Which pins count: raise it, and everybody is decided anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// Headers whose value is a variant's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<HeaderOverride>,
    /// Audiences, first match wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub on_no_healthy: BTreeMap<String, OnNoHealthy>,
    /// What abort does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<NotServed>,
    /// What becomes of long-lived connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<NotServed>,
    /// What later hops are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate: Option<Propagate>,
    /// What an instance can carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<NotServed>,
    /// When it ends by itself: from then on it counts as disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The kill switch: everyone to stable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
}

impl Release {
    /// Returns every split with its name: `default`, the id of its target, or for a cell of a nested
    /// table that id, a slash and the cell's name.
    pub fn splits(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, Split>)> {
        let plain = self.targets.iter().filter_map(|target| {
            Some((Cow::Borrowed(target.id.as_str()), Cow::Borrowed(target.split.as_ref()?)))
        });
        let cells = self.targets.iter().flat_map(|target| {
            let cells = target.table.iter().flat_map(NestedTable::cells);
            cells.filter_map(|(values, cell)| {
                let name = format!("{}/{}", target.id, cell_name(&values));
                Some((Cow::Owned(name), cell.split(&self.canary)?))
            })
        });
        let default = self.default.split.as_ref();
        let default = default.map(|split| (Cow::Borrowed(DEFAULT_SPLIT), Cow::Borrowed(split)));
        plain.chain(cells).chain(default)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn canary() -> String {
    CANARY.to_owned()
}

fn client_ip() -> Vec<String> {
    vec![CLIENT_IP.to_owned()]
}

/// What happens to a request that carries no bucketing key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnitMissing {
    /// It goes to stable.
    #[default]
    Stable,
    /// A signed cookie is made for it, and counts for this very request; where no browser would keep it, as `stable`.
    Mint,
    /// It is drawn anew each time.
    Random,
}

/// What happens to requests of a variant that has no healthy instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnNoHealthy {
    /// They go to stable.
    FallbackStable,
    /// They are answered 503.
    Fail,
}

/// What keeps a user on a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stickiness {
    /// The bucket alone.
    #[default]
    Hash,
    /// A signed cookie: who met a variant meets it again, until `generation` rises.
    Pinned,
    /// Nothing.
    None,
}

/// What later hops are told of the variant that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Propagate {
    /// The key of the W3C Baggage member whose value is the variant's name. Releases with one key are one chain.
    pub baggage: String,
}

/// A header whose value is the name of a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderOverride {
    /// The header's name.
    pub header: String,
    /// Who may use it.
    #[serde(default)]
    pub requires: Requires,
}

/// Who may use an override.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Requires {
    /// Trusted peers.
    #[default]
    Trusted,
    /// Holders of a signature: the value is a token, not a name.
    Signed,
    /// Anyone.
    Any,
}

/// An audience, and where it goes: one of `match`, `when`, `nested`; one of `variant`, `split`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// Its name in weights, logs and explanations.
    pub id: String,
    /// Conditions that must all hold.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<TargetMatch>,
    /// An expression that holds for everyone in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The attributes of a nested table, a level each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<Vec<String>>,
    /// The cells of a nested table: the exact value, then `*`, level by level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<NestedTable>,
    /// One variant for everyone in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Weights of its own; the rest is stable's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// From when on it matches no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Conditions of a target that must all hold: those of [`super::Match`], cookies, host names and
/// addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetMatch {
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
    /// On cookies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<ValueMatch>,
    /// On the host: any of these names; `*.example.com` is a wildcard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// On the caller's address: any of these ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_ranges: Vec<String>,
}

/// Where requests go that no target took: a variant, or a split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
