//! The policy model: what a tenant writes, and what a service registers.
//!
//! Owns the serde types of POLICY ("Shape"), their validation and their canonical form. Does not
//! read files and does not compile: [`crate::compile`] does.
//!
//! Invariants:
//! - field names are a contract, the same in YAML, JSON and REST; unknown fields are errors;
//! - a field of POLICY that this build does not serve is refused by validation, never ignored
//!   ([`NotServed`]);
//! - validation reports every problem at once.

mod bundle;
mod canonical;
mod difference;
#[cfg(test)]
pub(crate) mod drawn;
mod gateway;
mod implicit;
mod instance;
mod judged;
mod lint;
mod object;
mod percent;
mod quantity;
mod schema;
mod timestamp;
mod validate;

pub use bundle::{
    ANY_VALUE, Attribute, AttributeType, Bundle, Cell, ClientPart, DefaultRule, GrpcPart,
    HeaderOverride, Match, Metadata, Method, NestedTable, NotServed, OnNoHealthy, PathMatch,
    PathType, Propagate, Release, RequestPart, Requires, Route, Rule, RuleLimits, RuleTimeouts,
    Segment, Source, Split, Stickiness, Target, TargetMatch, UnitMissing, Upstream,
    UpstreamTimeouts, ValueMatch, ValueType, Variant, cell_name,
};
pub use canonical::{
    Canonical, Fragment, Run, RunDigest, canonical_release, canonical_route, canonical_text,
    digest, text_digest,
};
pub use difference::{Difference, ReleaseChange, share};
pub use gateway::{Gateway, GatewayLimits, GatewayTimeouts, Listener, Logs, validate_gateway};
pub use implicit::implicit_bundle;
pub use instance::{Address, Instance, InstanceError, Label, Registration, Ttl, TtlError, is_name};
pub use judged::Judged;
pub use lint::lint;
pub use object::{Collection, Object};
pub use percent::{Percent, PercentText};
pub use quantity::{QuantityError, Size, Timeout};
pub use schema::{bundle_schema, gateway_schema};
pub use timestamp::Timestamp;
pub use validate::{Diagnostic, Lack, is_token, nearest, validate, validate_after};

/// The variant every release falls back to.
pub const STABLE: &str = "stable";
/// The variant that weights move where a release names none.
pub const CANARY: &str = "canary";
/// The split of `default`, beside those of targets, which have the target's id.
pub const DEFAULT_SPLIT: &str = "default";
/// The label that names an instance's variant in the implicit bundle.
pub const GROUP: &str = "group";
/// The tenant of the implicit bundle.
pub const IMPLICIT_TENANT: &str = "implicit";
/// The headers by which a trusted peer names a group in the implicit bundle, in order.
pub const IMPLICIT_OVERRIDES: [&str; 2] = ["X-Release-Group", "X-Release-Stage"];
/// The attribute that is always there: the caller's address as RFC 5952 text.
pub const CLIENT_IP: &str = "client.ip";
/// The attribute that tags are looked up by.
pub const USER_ID: &str = "user.id";
/// The unit that is there without being declared: the id that a device was given with its user's consent. An attribute
/// that is declared by this name takes its place.
pub const DEVICE_ID: &str = "device.id";
/// The attribute that says how far north a caller is.
pub const GEO_LATITUDE: &str = "geo.lat";
/// The attribute that says how far east a caller is.
pub const GEO_LONGITUDE: &str = "geo.lon";
