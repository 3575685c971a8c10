//! Compiling: bundles, allocations and instances become the two tables.
//!
//! Owns the order of routes (Gateway API precedence), the join of variants with instances, and the
//! application of written weights to stored ranges. Does not validate one bundle
//! ([`crate::policy::validate`] has), only what several can dispute: host names.
//!
//! Invariants: compiling is a function of its arguments (equal input, equal bytes); every name a
//! request is compared with is in normal form afterwards.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    policy::{
        Address, Attribute, Bundle, CLIENT_IP, Instance, PathType, Release, Requires, STABLE,
        Split, Stickiness, UnitMissing, Variant,
    },
    rollout::allocation::{Allocation, AllocationError},
    table::{
        AddressRow, AttributeRow, DefaultRow, HostRow, InstanceRow, InstanceSet, InstanceTable,
        NONE, OverrideRow, PathRow, RangeRow, ReleaseRow, RouteRow, RuleTable, SourceKind,
        SourceRow, Span, UnitMissingRow, VariantRow,
    },
};

/// Names one split of one release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SplitKey {
    /// The tenant.
    pub tenant: String,
    /// The release.
    pub release: String,
    /// `default`, a target's id, or a nested cell's path.
    pub split: String,
}

/// The ranges of every split.
pub type Allocations = BTreeMap<SplitKey, Allocation>;

/// Why bundles do not make a table.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CompileError {
    /// A host name belongs to one tenant.
    #[error("host name {hostname:?} of tenant {tenant:?} belongs to tenant {owner:?} already")]
    Hostname {
        /// The disputed name; `*` is every host.
        hostname: String,
        /// Who asks for it.
        tenant: String,
        /// Who has it.
        owner: String,
    },
    /// A name refers to nothing: the bundle was not validated.
    #[error("{path} of tenant {tenant:?} refers to {name:?}, which is not there")]
    Unresolved {
        /// The tenant.
        tenant: String,
        /// Where in the bundle.
        path: String,
        /// The name.
        name: String,
    },
    /// Weights do not fit the stored ranges.
    #[error("release {release:?} of tenant {tenant:?}: {source}")]
    Allocation {
        /// The tenant.
        tenant: String,
        /// The release.
        release: String,
        /// What is wrong.
        #[source]
        source: AllocationError,
    },
    /// More rows than an index can count.
    #[error("the bundles have more rows than a table can")]
    TooLarge,
}

/// Applies the weights written in `bundle` to the stored ranges of its splits.
///
/// # Errors
/// [`CompileError::Allocation`]; `allocations` is unchanged then.
pub fn allocate(bundle: &Bundle, allocations: &mut Allocations) -> Result<(), CompileError> {
    let tenant = &bundle.metadata.tenant;
    let mut next = allocations.clone();
    for (name, release) in &bundle.releases {
        let Some(Split::Weights(weights)) = &release.default.split else { continue };
        let weights =
            weights.iter().map(|(variant, weight)| (variant.clone(), weight.ppm())).collect();
        let key = split_key(tenant, name);
        next.entry(key).or_default().apply(&weights).map_err(|source| {
            CompileError::Allocation { tenant: tenant.clone(), release: name.clone(), source }
        })?;
    }
    *allocations = next;
    Ok(())
}

fn split_key(tenant: &str, release: &str) -> SplitKey {
    SplitKey { tenant: tenant.to_owned(), release: release.to_owned(), split: "default".to_owned() }
}

/// Compiles validated `bundles`, oldest tenant first, into the rule table.
///
/// # Errors
/// [`CompileError`].
pub fn compile_rules(
    bundles: &[&Bundle],
    allocations: &Allocations,
) -> Result<RuleTable, CompileError> {
    let mut compiler = Compiler::default();
    for bundle in bundles {
        compiler.claim_hosts(bundle)?;
        let tenant = TenantRows::add(&mut compiler.table, bundle, allocations)?;
        compiler.routes(bundle, &tenant)?;
    }
    compiler.finish()
}

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

fn variant_key(tenant: &str, upstream: &str, variant: &str) -> String {
    format!("{tenant}/{upstream}/{variant}")
}

fn row(index: usize) -> Result<u32, CompileError> {
    u32::try_from(index).ok().filter(|index| *index != NONE).ok_or(CompileError::TooLarge)
}

/// Where one tenant's names ended up.
#[derive(Default)]
struct TenantRows<'a> {
    /// First row of each upstream's variants; stable is the first.
    upstreams: BTreeMap<&'a str, Span>,
    releases: BTreeMap<&'a str, u32>,
}

impl<'a> TenantRows<'a> {
    fn add(
        table: &mut RuleTable,
        bundle: &'a Bundle,
        allocations: &Allocations,
    ) -> Result<Self, CompileError> {
        let tenant = &bundle.metadata.tenant;
        let mut rows = Self::default();
        for (name, upstream) in &bundle.upstreams {
            let start = row(table.variants.len())?;
            let stable_first = [STABLE]
                .into_iter()
                .chain(upstream.variants.keys().map(String::as_str).filter(|v| *v != STABLE));
            table.variants.extend(stable_first.map(|variant| VariantRow {
                name: variant.to_owned(),
                key: variant_key(tenant, name, variant),
            }));
            rows.upstreams.insert(name, Span { start, end: row(table.variants.len())? });
        }
        let attributes = attribute_rows(table, bundle)?;
        for (name, release) in &bundle.releases {
            rows.releases.insert(name, row(table.releases.len())?);
            let release = rows.release(table, bundle, (name, release), &attributes, allocations)?;
            table.releases.push(release);
        }
        Ok(rows)
    }

    fn release(
        &self,
        table: &mut RuleTable,
        bundle: &Bundle,
        (name, release): (&str, &Release),
        attributes: &BTreeMap<&str, u32>,
        allocations: &Allocations,
    ) -> Result<ReleaseRow, CompileError> {
        let tenant = &bundle.metadata.tenant;
        let unresolved = |field: &str, missing: &str| CompileError::Unresolved {
            tenant: tenant.clone(),
            path: format!("releases.{name}.{field}"),
            name: missing.to_owned(),
        };
        let missing_upstream = || unresolved("upstream", &release.upstream);
        let variants =
            *self.upstreams.get(release.upstream.as_str()).ok_or_else(missing_upstream)?;
        let variant = |wanted: &str| {
            let known = (variants.start..variants.end)
                .find(|at| table.variants[*at as usize].name == wanted);
            known.ok_or_else(|| unresolved("default", wanted))
        };
        let default = match &release.default.split {
            Some(_) => {
                let ranges = allocations
                    .get(&split_key(tenant, name))
                    .map(Allocation::ranges)
                    .unwrap_or_default();
                let rows = ranges.into_iter().map(|(range, name)| {
                    Ok(RangeRow { start: range.start, end: range.end, variant: variant(name)? })
                });
                DefaultRow::Split(rows.collect::<Result<_, _>>()?)
            }
            None => {
                DefaultRow::Variant(variant(release.default.variant.as_deref().unwrap_or(STABLE))?)
            }
        };
        let sticky = release.stickiness != Stickiness::None;
        let units = release.unit.iter().filter(|_| sticky).map(|unit| {
            attributes.get(unit.as_str()).copied().ok_or_else(|| unresolved("unit", unit))
        });
        let units = units.collect::<Result<_, _>>()?;
        let overrides = overrides(table, release);
        let random = !sticky || release.unit_missing == UnitMissing::Random;
        Ok(ReleaseRow {
            tenant: tenant.clone(),
            name: name.to_owned(),
            variants,
            overrides,
            units,
            unit_missing: if random { UnitMissingRow::Random } else { UnitMissingRow::Stable },
            salt: release.salt.clone().unwrap_or_else(|| name.to_owned()),
            default,
            disabled: release.disabled,
        })
    }
}

fn overrides(table: &mut RuleTable, release: &Release) -> Vec<OverrideRow> {
    let mut rows = Vec::with_capacity(release.overrides.len());
    for rule in &release.overrides {
        let header = rule.header.to_ascii_lowercase();
        let trusted = rule.requires != Requires::Any;
        if trusted && !table.reserved.contains(&header) {
            table.reserved.push(header.clone());
        }
        rows.push(OverrideRow { header, trusted });
    }
    rows
}

fn attribute_rows<'a>(
    table: &mut RuleTable,
    bundle: &'a Bundle,
) -> Result<BTreeMap<&'a str, u32>, CompileError> {
    let mut rows = BTreeMap::from([(CLIENT_IP, row(table.attributes.len())?)]);
    let client_ip = SourceRow { kind: SourceKind::ClientIp, name: String::new(), trusted: false };
    table.attributes.push(AttributeRow { sources: vec![client_ip] });
    for (name, attribute) in &bundle.attributes {
        rows.insert(name.as_str(), row(table.attributes.len())?);
        table.attributes.push(AttributeRow { sources: source_rows(attribute) });
    }
    Ok(rows)
}

fn source_rows(attribute: &Attribute) -> Vec<SourceRow> {
    let places = attribute.from.iter().filter_map(|source| {
        let header =
            source.header.as_ref().map(|name| (SourceKind::Header, name.to_ascii_lowercase()));
        let cookie = source.cookie.clone().map(|name| (SourceKind::Cookie, name));
        let query = source.query.clone().map(|name| (SourceKind::Query, name));
        let (kind, name) = header.or(cookie).or(query)?;
        Some(SourceRow { kind, name, trusted: source.trusted })
    });
    places.collect()
}

#[derive(Default)]
struct Compiler {
    table: RuleTable,
    /// Routes by host name; `*` is every host. Rows carry what they are sorted by.
    hosts: BTreeMap<String, Vec<(Precedence, RouteRow)>>,
    owners: BTreeMap<String, String>,
}

/// Exact before prefix, longer before shorter, then by name and place in the bundle.
type Precedence = (bool, Reverse<usize>, String, usize);

impl Compiler {
    fn claim_hosts(&mut self, bundle: &Bundle) -> Result<(), CompileError> {
        let tenant = &bundle.metadata.tenant;
        let claimed: BTreeSet<&str> =
            bundle.routes.iter().flat_map(|route| host_keys(&route.hostnames)).collect();
        for hostname in claimed {
            let owner = self.owners.entry(hostname.to_owned()).or_insert_with(|| tenant.clone());
            if owner != tenant {
                let (hostname, tenant, owner) =
                    (hostname.to_owned(), tenant.clone(), owner.clone());
                return Err(CompileError::Hostname { hostname, tenant, owner });
            }
        }
        Ok(())
    }

    fn routes(&mut self, bundle: &Bundle, rows: &TenantRows<'_>) -> Result<(), CompileError> {
        for route in &bundle.routes {
            for (index, rule) in route.rules.iter().enumerate() {
                let release =
                    rule.release.as_deref().and_then(|name| rows.releases.get(name)).copied();
                let upstream = rule.upstream.as_deref().and_then(|name| rows.upstreams.get(name));
                if release.is_none() && upstream.is_none() {
                    return Err(CompileError::Unresolved {
                        tenant: bundle.metadata.tenant.clone(),
                        path: format!("routes.{}.rules[{index}]", route.name),
                        name: rule
                            .release
                            .clone()
                            .or_else(|| rule.upstream.clone())
                            .unwrap_or_default(),
                    });
                }
                for (path, exact) in path_rows(rule) {
                    let length = match &path {
                        PathRow::Exact(text) | PathRow::Prefix(text) => text.len(),
                    };
                    let row = RouteRow {
                        name: route.name.clone(),
                        path,
                        release: release.unwrap_or(NONE),
                        variant: upstream.map_or(NONE, |span| span.start),
                    };
                    let precedence = (!exact, Reverse(length), route.name.clone(), index);
                    for host in host_keys(&route.hostnames) {
                        self.hosts
                            .entry(host.to_owned())
                            .or_default()
                            .push((precedence.clone(), row.clone()));
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<RuleTable, CompileError> {
        let table = &mut self.table;
        for (host, mut routes) in self.hosts {
            routes.sort_by(|a, b| a.0.cmp(&b.0));
            let start = row(table.routes.len())?;
            table.routes.extend(routes.into_iter().map(|(_, route)| route));
            let routes = Span { start, end: row(table.routes.len())? };
            match host.strip_prefix('*') {
                Some("") => table.any_host = routes,
                Some(suffix) => table.wildcards.push(HostRow { name: suffix.to_owned(), routes }),
                None => table.hosts.push(HostRow { name: host, routes }),
            }
        }
        table.wildcards.sort_by_key(|host| Reverse(host.name.len()));
        Ok(self.table)
    }
}

fn host_keys(hostnames: &[String]) -> impl Iterator<Item = &str> {
    let any = hostnames.is_empty().then_some("*");
    hostnames.iter().map(String::as_str).chain(any)
}

fn path_rows(rule: &crate::policy::Rule) -> Vec<(PathRow, bool)> {
    if rule.matches.is_empty() {
        return vec![(PathRow::Prefix(String::new()), false)];
    }
    let row = |condition: &crate::policy::Match| match &condition.path {
        None => (PathRow::Prefix(String::new()), false),
        Some(path) if path.kind == PathType::Exact => (PathRow::Exact(path.value.clone()), true),
        Some(path) => (PathRow::Prefix(path.value.trim_end_matches('/').to_owned()), false),
    };
    rule.matches.iter().map(row).collect()
}

#[cfg(test)]
mod tests;
