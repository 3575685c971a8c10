//! The instances as they are archived: an address for a variant.
//!
//! Owns these rows. Invariant: sets are sorted by key; an instance without weight is in none.

use rkyv::{Archive, Deserialize, Serialize};

use super::{Table, TableKind, VerifyError};

/// The instances: they yield an address for a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct InstanceTable {
    /// Sets by variant, sorted by key.
    pub sets: Vec<InstanceSet>,
}

/// The instances of a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct InstanceSet {
    /// The variant's key: `tenant/upstream/variant`.
    pub key: String,
    /// Its instances with a weight above zero.
    pub instances: Vec<InstanceRow>,
}

/// An instance.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct InstanceRow {
    /// The address as registered, for logs.
    pub name: String,
    /// Where connections can be made, tried in order.
    pub addresses: Vec<AddressRow>,
    /// The sum of the weights up to and with this instance: the last row's is the set's total.
    pub weight_end: u32,
}

/// A place a connection can be made to.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddressRow {
    /// IPv4 address and port.
    V4([u8; 4], u16),
    /// IPv6 address and port.
    V6([u8; 16], u16),
    /// The path of a Unix socket.
    Unix(String),
}

impl Table for InstanceTable {
    const KIND: TableKind = TableKind::Instances;
    type Decoded = ();

    fn decode(_: &ArchivedInstanceTable) -> Result<(), VerifyError> {
        Ok(())
    }
}
