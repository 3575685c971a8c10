//! Routes in order of precedence, and whose host names they are.
//!
//! Owns the order of routes (Gateway API precedence) and disputes about host names.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    CompileError,
    conditions::{condition_rows, path_row},
    releases::TenantRows,
    row,
};
use crate::{
    policy::{Bundle, Match, Route, Rule, Size, Timeout},
    table::{HostRow, NONE, PathRow, RouteRow, RuleTable, Span},
};

#[derive(Default)]
pub(super) struct Compiler {
    pub(super) table: RuleTable,
    /// Routes by host name; `*` is every host. Rows carry what they are sorted by.
    hosts: BTreeMap<String, Vec<(Precedence, RouteRow)>>,
    owners: BTreeMap<String, String>,
}

/// What routes of one host are sorted by: as they are looked up, exact paths before prefixes before expressions, by path;
/// then by precedence (POLICY stage 2): a method, more headers, more query parameters, the route's name, and the place in
/// the route. That the longest prefix wins is the order in which a path is looked up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Precedence {
    /// Exact, prefix, expression.
    kind: u8,
    path: String,
    has_method: Reverse<bool>,
    headers: Reverse<usize>,
    queries: Reverse<usize>,
    name: String,
    place: (usize, usize),
}

impl Precedence {
    fn new(path: &PathRow, matched: &Match, name: &str, place: (usize, usize)) -> Self {
        let (kind, path) = match path {
            PathRow::Exact(text) => (0, text.as_str()),
            PathRow::Prefix(text) => (1, text.as_str()),
            PathRow::Regex(_) => (2, ""),
        };
        Self {
            kind,
            path: path.to_owned(),
            has_method: Reverse(matched.method.is_some()),
            headers: Reverse(matched.headers.len()),
            queries: Reverse(matched.query_params.len()),
            name: name.to_owned(),
            place,
        }
    }
}

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
                let action = (release.unwrap_or(NONE), upstream.map_or(NONE, |span| span.start));
                self.rule(route, rows.tenant, (index, rule), action)?;
            }
        }
        Ok(())
    }

    /// Adds a row per match and host name; `action` is a release and a variant.
    fn rule(
        &mut self,
        route: &Route,
        tenant: u32,
        (index, rule): (usize, &Rule),
        action: (u32, u32),
    ) -> Result<(), CompileError> {
        let everything = [Match::default()];
        let request = rule.timeouts.and_then(|timeouts| timeouts.request);
        let body = rule.limits.and_then(|limits| limits.body_bytes);
        let matches = if rule.matches.is_empty() { &everything[..] } else { &rule.matches };
        for (at, matched) in matches.iter().enumerate() {
            let regexes = &mut self.table.regexes;
            let path = path_row(matched.path.as_ref(), regexes)?;
            let conditions = condition_rows(matched, regexes)?;
            let precedence = Precedence::new(&path, matched, &route.name, (index, at));
            let row = RouteRow {
                name: route.name.clone(),
                tenant,
                path,
                conditions,
                release: action.0,
                variant: action.1,
                request_ms: request.map_or(NONE, Timeout::ms),
                body_bytes: body.map_or(u64::MAX, Size::bytes),
            };
            for host in host_keys(&route.hostnames) {
                let routes = self.hosts.entry(host.to_owned()).or_default();
                routes.push((precedence.clone(), row.clone()));
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
            let slashes = table.routes[start as usize..].iter().map(|route| route.path.slashes());
            table.prefix_slashes = slashes.max().unwrap_or_default().max(table.prefix_slashes);
            let routes = Span { start, end: row(table.routes.len())? };
            match host.strip_prefix('*') {
                Some("") => table.any_host = routes,
                Some(suffix) => table.wildcards.push(HostRow { name: suffix.to_owned(), routes }),
                None => table.hosts.push(HostRow { name: host, routes }),
            }
        }
        table.wildcards.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(self.table)
    }
}

fn host_keys(hostnames: &[String]) -> impl Iterator<Item = &str> {
    let any = hostnames.is_empty().then_some("*");
    hostnames.iter().map(String::as_str).chain(any)
}
