//! Conditions on a request as they are archived: what routes and targets match on.
//!
//! Owns the rows only. Strings are in the form that requests are brought into (lower-case names, normal paths).

use std::net::IpAddr;

use rkyv::{Archive, Deserialize, Serialize};

use super::ExpressionRow;
use crate::signal::trust::Cidr;

/// A condition on the normal path.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum PathRow {
    /// The whole path.
    Exact(String),
    /// Whole segments from the start; without a slash at its end, so empty means every path.
    Prefix(String),
    /// A row of `regexes` that the whole path matches.
    Regex(u32),
}

impl PathRow {
    /// Returns the number of slashes in a prefix; none in what is no prefix.
    #[must_use]
    pub fn slashes(&self) -> u32 {
        let Self::Prefix(prefix) = self else { return 0 };
        prefix.bytes().map(|byte| u32::from(byte == b'/')).sum()
    }
}

impl ArchivedPathRow {
    /// Returns the number of slashes in a prefix; none in what is no prefix.
    #[must_use]
    pub fn slashes(&self) -> u32 {
        let Self::Prefix(prefix) = self else { return 0 };
        prefix.bytes().map(|byte| u32::from(byte == b'/')).sum()
    }
}

/// A condition on a request.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum ConditionRow {
    /// The method is this one.
    Method(String),
    /// The path.
    Path(PathRow),
    /// A header has a value; its name is in lower case.
    Header(ValueRow),
    /// A query parameter has a value.
    Query(ValueRow),
    /// A cookie has a value.
    Cookie(ValueRow),
    /// The host is one of these; one that starts with a dot is a wildcard.
    Hosts(Vec<String>),
    /// The caller's address lies in one of these.
    Sources(Vec<AddressRangeRow>),
    /// An expression holds.
    Expression(ExpressionRow),
}

/// A name and the value it must have.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ValueRow {
    /// The name.
    pub name: String,
    /// The value.
    pub value: WantedRow,
}

/// What a value is compared with.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum WantedRow {
    /// The whole value.
    Exact(String),
    /// A row of `regexes` that the whole value matches.
    Regex(u32),
}

/// Addresses that share their first bits.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum AddressRangeRow {
    /// IPv4 address and number of bits.
    V4([u8; 4], u8),
    /// IPv6 address and number of bits.
    V6([u8; 16], u8),
}

impl From<Cidr> for AddressRangeRow {
    fn from(range: Cidr) -> Self {
        match range.address() {
            IpAddr::V4(address) => Self::V4(address.octets(), range.prefix()),
            IpAddr::V6(address) => Self::V6(address.octets(), range.prefix()),
        }
    }
}
