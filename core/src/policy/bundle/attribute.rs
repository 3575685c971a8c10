//! Attributes: named values, where they come from, and the audiences defined by them.
//!
//! Owns shape only, as its parent does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_false;
use crate::{
    expr,
    policy::Label,
    signal::{
        device::DeviceProperty,
        geo::{GeoField, GeoLang},
    },
};

/// A typed value with the places it may come from, first present wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// The value's type.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// Where it may come from.
    pub from: Vec<Source>,
    /// The value when no source has one. It is no bucketing key, and no tags are looked up by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Label>,
    /// A short name for expressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// The type of an attribute: what its text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// UTF-8 text.
    String,
    /// A decimal integer of 64 bits.
    Int,
    /// A decimal number of 64 bits.
    Double,
    /// `true` or `false`.
    Bool,
}

impl AttributeType {
    /// Returns the type that expressions know it by.
    #[must_use]
    pub fn in_expressions(self) -> expr::Type {
        match self {
            Self::String => expr::Type::String,
            Self::Int => expr::Type::Int,
            Self::Double => expr::Type::Double,
            Self::Bool => expr::Type::Bool,
        }
    }
}

/// One place a value may come from; exactly one of the places is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// A segment of the path, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub path_segment: Option<u32>,
    /// A part of what is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestPart>,
    /// What a gRPC path names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcPart>,
    /// What is known of the caller's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientPart>,
    /// Believed only when the peer is trusted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub trusted: bool,
    /// A claim of the caller's JSON Web Token (`Authorization: Bearer`), verified by a key of its issuer; a dot descends:
    /// `realm.level`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<String>,
    /// Who has to have issued the token; any issuer that the gateways know unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// A tag of the user whose id is the attribute `user.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// What the region databases say of the caller's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geoip: Option<GeoField>,
    /// The language of a region's name; `en` unless given. Where a name is not known in it, there is none: name another
    /// language in a further source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<GeoLang>,
    /// Letters of the geohash of the caller's position: what the attributes `geo.lat` and `geo.lon` say, else where its
    /// address is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 12))]
    pub geohash: Option<u32>,
    /// A property of the device, as the client tells it in User-Agent and its client hints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceProperty>,
    /// Believed only with a signature (HMAC-SHA-256) that a key of the gateway has made.
    #[serde(default, skip_serializing_if = "is_false")]
    pub signed: bool,
}

impl Source {
    /// Returns whether any client can write the value at will, and how it would. What a device says is no such value:
    /// it tells which software asks, as the path tells what is asked for (decision 0019).
    #[must_use]
    pub fn client_written(&self) -> Option<String> {
        let header = self.header.as_ref().filter(|_| !self.trusted);
        let header = header.map(|name| format!("the header {name:?}"));
        let cookie = self
            .cookie
            .as_ref()
            .filter(|_| !self.signed)
            .map(|name| format!("the cookie {name:?}"));
        let query = self.query.as_ref().map(|name| format!("the query parameter {name:?}"));
        header.or(cookie).or(query).filter(|_| !self.trusted)
    }
}

/// A part of what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestPart {
    /// The method.
    Method,
    /// The host name: lower case, without port.
    Host,
    /// The path in normal form.
    Path,
    /// `http` or `https`.
    Scheme,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    Protocol,
}

/// What a gRPC path names: `/package.Service/Method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GrpcPart {
    /// The service, with its package.
    Service,
    /// The method.
    Method,
}

/// What is known of the caller's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientPart {
    /// The address as RFC 5952 text.
    Ip,
}

/// A named audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// An expression that holds for its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// A list of ids that was loaded: who has one of them as `user.id` is a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<String>,
}
