//! Routes in order of precedence, and whose host names they are.
//!
//! Owns the order of routes (Gateway API precedence) and disputes about host names.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{CompileError, releases::TenantRows, row};
use crate::{
    policy::{Bundle, Match, PathType, Rule},
    table::{HostRow, NONE, PathRow, RouteRow, RuleTable, Span},
};

#[derive(Default)]
pub(super) struct Compiler {
    pub(super) table: RuleTable,
    /// Routes by host name; `*` is every host. Rows carry what they are sorted by.
    hosts: BTreeMap<String, Vec<(Precedence, RouteRow)>>,
    owners: BTreeMap<String, String>,
}

/// Exact before prefix, longer before shorter, then by name and place in the bundle.
type Precedence = (bool, Reverse<usize>, String, usize);

impl Compiler {
    pub(super) fn claim_hosts(&mut self, bundle: &Bundle) -> Result<(), CompileError> {
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

    pub(super) fn routes(
        &mut self,
        bundle: &Bundle,
        rows: &TenantRows<'_>,
    ) -> Result<(), CompileError> {
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

    pub(super) fn finish(mut self) -> Result<RuleTable, CompileError> {
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

fn path_rows(rule: &Rule) -> Vec<(PathRow, bool)> {
    if rule.matches.is_empty() {
        return vec![(PathRow::Prefix(String::new()), false)];
    }
    let row = |condition: &Match| match &condition.path {
        None => (PathRow::Prefix(String::new()), false),
        Some(path) if path.kind == PathType::Exact => (PathRow::Exact(path.value.clone()), true),
        Some(path) => (PathRow::Prefix(path.value.trim_end_matches('/').to_owned()), false),
    };
    rule.matches.iter().map(row).collect()
}
