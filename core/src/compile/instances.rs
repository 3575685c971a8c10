//! The instance table: variants joined with instances.
//!
//! Owns which instances a variant has and their cumulative weights. Does not resolve names: that is
//! an argument.

use std::collections::BTreeMap;

use super::variant_key;
use crate::{
    policy::{Address, Bundle, Instance, Label, Variant},
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
    let index = Index::of(instances);
    let mut sets = BTreeMap::new();
    for bundle in bundles {
        for (upstream, spec) in &bundle.upstreams {
            for (name, variant) in &spec.variants {
                let key = variant_key(&bundle.metadata.tenant, upstream, name);
                sets.insert(key, instance_rows(variant, &index, resolve));
            }
        }
    }
    InstanceTable {
        sets: sets.into_iter().map(|(key, instances)| InstanceSet { key, instances }).collect(),
    }
}

/// Returns the variants of `bundle` that none of these instances serves, and that have no addresses of their own, as
/// upstream and variant.
#[must_use]
pub fn unserved<'b>(bundle: &'b Bundle, instances: &[Instance]) -> Vec<(&'b str, &'b str)> {
    let index = Index::of(instances);
    let is_unserved = |variant: &Variant| {
        variant.addresses.is_empty()
            && index.selected(&variant.select).iter().all(|instance| instance.weight() == 0)
    };
    let variants = bundle.upstreams.iter().flat_map(|(upstream, spec)| {
        let all = spec.variants.iter();
        all.map(move |(name, variant)| (upstream.as_str(), name.as_str(), variant))
    });
    let unserved = variants.filter(|(.., variant)| is_unserved(variant));
    unserved.map(|(upstream, name, _)| (upstream, name)).collect()
}

/// Instances by the labels they carry, so that a variant looks at those of its rarest label only.
struct Index<'i> {
    /// In the order they were given, by label and value.
    carriers: BTreeMap<&'i str, BTreeMap<String, Vec<&'i Instance>>>,
}

impl<'i> Index<'i> {
    fn of(instances: &'i [Instance]) -> Self {
        let mut carriers: BTreeMap<_, BTreeMap<_, Vec<&Instance>>> = BTreeMap::new();
        for instance in instances {
            for (name, value) in instance.labels() {
                carriers.entry(name).or_default().entry(value).or_default().push(instance);
            }
        }
        Self { carriers }
    }

    /// Returns the instances that carry every label of `select`, in the order they were given; none
    /// when nothing is asked for.
    fn selected(&self, select: &BTreeMap<String, Label>) -> Vec<&'i Instance> {
        let mut rarest: Option<&[&'i Instance]> = None;
        for (name, value) in select {
            let values = self.carriers.get(name.as_str());
            let carriers = values.and_then(|values| values.get(&value.to_string()));
            let carriers = carriers.map(Vec::as_slice).unwrap_or_default();
            if rarest.is_none_or(|rarest| carriers.len() < rarest.len()) {
                rarest = Some(carriers);
            }
        }
        let carriers = rarest.unwrap_or_default().iter();
        carriers.filter(|one| one.is_selected(select)).copied().collect()
    }
}

fn instance_rows(
    variant: &Variant,
    index: &Index<'_>,
    resolve: &dyn Fn(&Address) -> Vec<AddressRow>,
) -> Vec<InstanceRow> {
    let registered = index.selected(&variant.select);
    let mut chosen: Vec<(&str, u32)> =
        registered.iter().map(|one| (one.addr.as_str(), one.weight())).collect();
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
