//! Whether a table of instances leads to addresses that can be connected to.
//!
//! Owns these checks: sets in order, weights that only grow, addresses in their form.

use rkyv::rend::u16_le;

use super::{
    Verify, VerifyError,
    checks::{bounded, check, is_short, ordered},
};
use crate::{
    limits::{ADDRESSES_MAX, INSTANCES_MAX, VARIANTS_MAX},
    table::{ArchivedAddressRow, ArchivedInstanceTable},
};

impl Verify for ArchivedInstanceTable {
    fn verify(&self) -> Result<(), VerifyError> {
        bounded("instance sets", self.sets.len(), VARIANTS_MAX)?;
        let mut instances = 0usize;
        for (row, set) in self.sets.iter().enumerate() {
            ordered("instance set", row, row == 0 || *self.sets[row - 1].key < *set.key)?;
            instances += set.instances.len();
            bounded("instances", instances, INSTANCES_MAX)?;
            let mut weight = 0;
            for instance in set.instances.iter() {
                ordered("instance", row, instance.weight_end.to_native() > weight)?;
                weight = instance.weight_end.to_native();
                let addresses = &instance.addresses;
                check("instance", row, !addresses.is_empty() && addresses.len() <= ADDRESSES_MAX)?;
                check("instance", row, addresses.iter().all(is_address))?;
                check("instance", row, is_short(&instance.name))?;
            }
        }
        Ok(())
    }
}

fn is_address(address: &ArchivedAddressRow) -> bool {
    let is_port = |port: &u16_le| port.to_native() != 0;
    match address {
        ArchivedAddressRow::V4(_, port) | ArchivedAddressRow::V6(_, port) => is_port(port),
        ArchivedAddressRow::Unix(path) => {
            path.starts_with('/') && path.len() < 108 && !path.contains('\0')
        }
    }
}
