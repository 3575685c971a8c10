//! Expressions as they are archived: a list of nodes, operands first.
//!
//! Owns the rows only. [`crate::expr`] makes them of what people write, the verifier checks them, and
//! [`crate::route`] evaluates them in place.
//!
//! Invariants (checked by the verifier):
//! - an operand lies before the node that uses it, and is used once: evaluation ends, and costs what
//!   the number of nodes says;
//! - the last node is the result.
//!
//! Texts that values are compared with are boxes: an archived one has its length at hand, where the end of a short
//! archived `String` is searched for each time.

use rkyv::{Archive, Deserialize, Serialize};

use super::AddressRangeRow;
use crate::signal::device::DeviceProperty;

/// An expression.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ExpressionRow {
    /// As it was written.
    pub text: String,
    /// Its nodes; the last is the result.
    pub nodes: Vec<NodeRow>,
}

/// A named audience: what its members have in common.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct SegmentRow {
    /// The tenant that owns it.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// What holds for its members. Segments it names lie before it.
    pub when: ExpressionRow,
}

/// One node of an expression. Numbers are places of operands among the nodes, unless they say otherwise.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum NodeRow {
    /// A constant.
    Bool(bool),
    /// A constant.
    Int(i64),
    /// A constant.
    Double(f64),
    /// A constant.
    Text(Box<str>),
    /// The value of an attribute: a row of `attributes`.
    Attribute(u32),
    /// A part of the request, as text.
    Part(PartRow),
    /// Whether the caller belongs to a segment: a row of `segments`.
    Segment(u32),
    /// Whether a value is there.
    Has(u32),
    /// Logical negation.
    Not(u32),
    /// Arithmetic negation.
    Negate(u32),
    /// Number of characters (Unicode code points) of a text.
    Size(u32),
    /// Logical conjunction.
    And(u32, u32),
    /// Logical disjunction.
    Or(u32, u32),
    /// The second where the first holds, else the third.
    Choose(u32, u32, u32),
    /// A comparison.
    Compare(CompareRow, u32, u32),
    /// A calculation.
    Calculate(CalculateRow, u32, u32),
    /// A question to two texts.
    Affix(AffixRow, u32, u32),
    /// Whether a row of `regexes` (the second number) is found in a text.
    Matches(u32, u32),
    /// Whether a text is one of these, sorted.
    InTexts(u32, Vec<Box<str>>),
    /// Whether an integer is one of these, sorted.
    InInts(u32, Vec<i64>),
    /// Whether a number is one of these.
    InDoubles(u32, Vec<f64>),
    /// Whether a text is an address in this range.
    InRange(u32, AddressRangeRow),
    /// Whether the caller's position lies within so many kilometres of a place.
    Within(WithinRow),
    /// Whether the user whose id is an attribute (a row of `attributes`) is on a list of the tenant whose rules ask.
    Member {
        /// The row.
        id: u32,
        /// The list.
        list: String,
    },
}

/// The caller's position: what the request itself says, else where its address is.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct PositionRow {
    /// The attribute that says how far north, a row of `attributes`; [`NONE`](super::NONE) when no request says it.
    pub latitude: u32,
    /// The attribute that says how far east; there when the other is.
    pub longitude: u32,
}

/// A circle on the globe.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct WithinRow {
    /// Whose distance is asked for.
    pub position: PositionRow,
    /// The centre: degrees to the north.
    pub latitude: f64,
    /// Degrees to the east.
    pub longitude: f64,
    /// The radius, kilometres.
    pub km: f64,
}

/// A comparison.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum CompareRow {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A calculation.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum CalculateRow {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// A question to two texts.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum AffixRow {
    /// Whether the first starts with the second.
    StartsWith,
    /// Whether the first ends with the second.
    EndsWith,
    /// Whether the second is found in the first.
    Contains,
}

/// A part of a request that has a value of its own.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum PartRow {
    /// The caller's address as RFC 5952 text.
    ClientIp,
    /// A header; its name is in lower case.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A cookie whose value is a token of [`crate::signal::signature::Use::Cookie`]: what it holds.
    SignedCookie(String),
    /// A query parameter.
    Query(String),
    /// The method.
    Method,
    /// The host name.
    Host,
    /// The path in normal form.
    Path,
    /// A segment of the path, counted from 1.
    PathSegment(u32),
    /// `http` or `https`.
    Scheme,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    Protocol,
    /// The service that a gRPC path names.
    GrpcService,
    /// The method that a gRPC path names.
    GrpcMethod,
    /// A tag of the user whose id is an attribute: a row of `attributes`, none of whose sources is a tag.
    Tag {
        /// The row.
        id: u32,
        /// The tag.
        name: String,
    },
    /// A field of the region database, by the codes of [`GeoField`](crate::signal::geo::GeoField) and
    /// [`GeoLang`](crate::signal::geo::GeoLang).
    Geo {
        /// The field.
        field: u8,
        /// The language of its name.
        lang: u8,
    },
    /// A claim of the caller's token.
    Claim {
        /// Its name, or its path with dots.
        name: String,
        /// Who has to have issued the token.
        issuer: Option<String>,
    },
    /// The geohash of the caller's position.
    Geohash {
        /// Where that is said; none of the two attributes comes from a geohash itself.
        position: PositionRow,
        /// Its letters.
        precision: u8,
    },
    /// A property of the device.
    Device(DeviceProperty),
    /// The id of the device, as [`crate::signal::fingerprint`] gives one.
    DeviceId,
}
