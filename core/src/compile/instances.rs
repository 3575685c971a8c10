//! The instance table: variants joined with instances.
//!
//! Owns which instances a variant has and their cumulative weights. Does not resolve names: that is
//! an argument.

use std::collections::BTreeMap;

use super::variant_key;
use crate::{
    policy::{Address, Bundle, Instance, Variant},
    table::{AddressRow, InstanceRow, InstanceSet, InstanceTable},
};

/// Compiles the instance table: registered instances by label, fixed addresses as they are.
///
/// `resolve` gives the socket addresses of an address; one that has none is left out, and the table
/// is made again when it has.
#[must_use]
pub fn compile_instances(
    bundles: &[&Bundle],
    instances: &[Instance],
    resolve: &dyn Fn(&Address) -> Vec<AddressRow>,
) -> InstanceTable {
    let mut sets = BTreeMap::new();
    for bundle in bundles {
        for (upstream, spec) in &bundle.upstreams {
            for (name, variant) in &spec.variants {
                let key = variant_key(&bundle.metadata.tenant, upstream, name);
                sets.insert(key, instance_rows(variant, instances, resolve));
            }
        }
    }
    InstanceTable {
        sets: sets.into_iter().map(|(key, instances)| InstanceSet { key, instances }).collect(),
    }
}

fn instance_rows(
    variant: &Variant,
    instances: &[Instance],
    resolve: &dyn Fn(&Address) -> Vec<AddressRow>,
) -> Vec<InstanceRow> {
    let registered = instances
        .iter()
        .filter(|one| !variant.select.is_empty() && one.is_selected(&variant.select));
    let mut chosen: Vec<(&str, u32)> =
        registered.map(|one| (one.addr.as_str(), one.weight())).collect();
    if chosen.is_empty() {
        chosen = variant.addresses.iter().map(|address| (address.as_str(), 1)).collect();
    }
    let mut weight_end = 0u32;
    let mut rows = Vec::with_capacity(chosen.len());
    for (name, weight) in chosen {
        let addresses = Address::parse(name).map(|address| resolve(&address)).unwrap_or_default();
        let Some(end) = weight_end.checked_add(weight) else { break };
        if weight > 0 && !addresses.is_empty() {
            weight_end = end;
            rows.push(InstanceRow { name: name.to_owned(), addresses, weight_end });
        }
    }
    rows
}
