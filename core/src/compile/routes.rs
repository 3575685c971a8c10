//! Routes in order of precedence, and whose host names they are.
//!
//! Owns the order of routes (Gateway API precedence) and disputes about host names; in a table that is made of an
//! earlier one, too: hosts whose routes did not change keep their rows.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    CompileError,
    conditions::{condition_rows, path_row},
    releases::TenantRows,
    row,
};
use crate::{
    policy::{Bundle, Match, Route, Rule, Size, Timeout},
    table::{ConditionRow, HostRow, NONE, PathRow, RegexRow, RouteRow, Rows, RuleTable, Span},
};

/// The host key of every host.
const EVERY_HOST: &str = "*";

#[derive(Default)]
pub(super) struct Compiler {
    pub(super) table: RuleTable,
    /// Routes by host key.
    hosts: BTreeMap<String, Vec<Arc<RouteRow>>>,
    owners: BTreeMap<String, String>,
}

/// Returns what routes of one host are sorted by: as they are looked up, exact paths before prefixes before
/// expressions, by path; then by precedence (POLICY stage 2): a method, more headers, more query parameters, the
/// route's name. Rows of one route that are alike in all of this stay in the order of the route. That the longest
/// prefix wins is the order in which a path is looked up.
fn precedence(row: &RouteRow) -> impl Ord {
    let (kind, path) = match &row.path {
        PathRow::Exact(text) => (0u8, text.as_str()),
        PathRow::Prefix(text) => (1, text.as_str()),
        PathRow::Regex(_) => (2, ""),
    };
    let count =
        |is_so: fn(&ConditionRow) -> bool| row.conditions.iter().filter(|one| is_so(one)).count();
    let has_method = row.conditions.iter().any(|one| matches!(one, ConditionRow::Method(_)));
    let headers = count(|one| matches!(one, ConditionRow::Header(_)));
    let queries = count(|one| matches!(one, ConditionRow::Query(_)));
    (kind, path, Reverse(has_method), Reverse(headers), Reverse(queries), row.name.as_str())
}

fn sort(rows: &mut [Arc<RouteRow>]) {
    rows.sort_by(|a, b| precedence(a).cmp(&precedence(b)));
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
        let tenant = &bundle.metadata.tenant;
        for route in &bundle.routes {
            let made = route_rows(route, tenant, rows, &mut self.table.regexes)?;
            for host in host_keys(&route.hostnames) {
                self.hosts.entry(host.to_owned()).or_default().extend_from_slice(&made);
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<RuleTable, CompileError> {
        let mut layout = Layout::default();
        for (host, mut routes) in self.hosts {
            sort(&mut routes);
            layout.add(&host, &routes)?;
        }
        let slashes = deepest(layout.routes.shared());
        layout.put_into(&mut self.table, slashes);
        Ok(self.table)
    }
}

/// Returns a row per match of a route, in their order.
pub(super) fn route_rows(
    route: &Route,
    tenant: &str,
    rows: &TenantRows<'_>,
    regexes: &mut Rows<RegexRow>,
) -> Result<Vec<Arc<RouteRow>>, CompileError> {
    let mut made = Vec::with_capacity(route.rules.len());
    for (index, rule) in route.rules.iter().enumerate() {
        let release = rule.release.as_deref().and_then(|name| rows.releases.get(name)).copied();
        let upstream = rule.upstream.as_deref().and_then(|name| rows.upstreams.get(name));
        if release.is_none() && upstream.is_none() {
            let name = rule.release.clone().or_else(|| rule.upstream.clone());
            return Err(CompileError::Unresolved {
                tenant: tenant.to_owned(),
                path: format!("routes.{}.rules[{index}]", route.name),
                name: name.unwrap_or_default(),
            });
        }
        let action = (release.unwrap_or(NONE), upstream.map_or(NONE, |span| span.start));
        rule_rows(&mut made, route, rows.tenant, rule, action, regexes)?;
    }
    Ok(made)
}

/// Adds a row per match; `action` is a release and a variant.
fn rule_rows(
    made: &mut Vec<Arc<RouteRow>>,
    route: &Route,
    tenant: u32,
    rule: &Rule,
    action: (u32, u32),
    regexes: &mut Rows<RegexRow>,
) -> Result<(), CompileError> {
    let everything = [Match::default()];
    let request = rule.timeouts.and_then(|timeouts| timeouts.request);
    let body = rule.limits.and_then(|limits| limits.body_bytes);
    let matches = if rule.matches.is_empty() { &everything[..] } else { &rule.matches };
    for matched in matches {
        made.push(Arc::new(RouteRow {
            name: route.name.clone(),
            tenant,
            path: path_row(matched.path.as_ref(), regexes)?,
            conditions: condition_rows(matched, regexes)?,
            release: action.0,
            variant: action.1,
            request_ms: request.map_or(NONE, Timeout::ms),
            body_bytes: body.map_or(u64::MAX, Size::bytes),
        }));
    }
    Ok(())
}

/// Routes in their final order.
#[derive(Default)]
struct Layout {
    hosts: Vec<HostRow>,
    wildcards: Vec<HostRow>,
    any_host: Span,
    routes: Rows<RouteRow>,
}

impl Layout {
    /// Adds a host, after all those whose keys sort before.
    fn add(&mut self, host: &str, rows: &[Arc<RouteRow>]) -> Result<(), CompileError> {
        let start = row(self.routes.len())?;
        self.routes.extend(rows.iter().cloned());
        let routes = Span { start, end: row(self.routes.len())? };
        match host.strip_prefix('*') {
            Some("") => self.any_host = routes,
            Some(suffix) => self.wildcards.push(HostRow { name: suffix.to_owned(), routes }),
            None => self.hosts.push(HostRow { name: host.to_owned(), routes }),
        }
        Ok(())
    }

    fn put_into(mut self, table: &mut RuleTable, prefix_slashes: u32) {
        self.wildcards.sort_by(|a, b| a.name.cmp(&b.name));
        table.prefix_slashes = prefix_slashes;
        let Self { hosts, wildcards, any_host, routes } = self;
        (table.hosts, table.wildcards, table.any_host, table.routes) =
            (hosts, wildcards, any_host, routes);
    }
}

/// Returns the most slashes in any prefix.
fn deepest(rows: &[Arc<RouteRow>]) -> u32 {
    rows.iter().map(|row| row.path.slashes()).max().unwrap_or_default()
}

/// What a change makes of the routes of one host.
#[derive(Default)]
struct HostChange<'a> {
    /// Names of routes that are replaced or gone.
    gone: BTreeSet<&'a str>,
    new: Vec<Arc<RouteRow>>,
}

impl HostChange<'_> {
    /// Returns what it makes of the rows of its host, in their order.
    fn of(&self, rows: &[Arc<RouteRow>]) -> Vec<Arc<RouteRow>> {
        let stays = rows.iter().filter(|row| !self.gone.contains(row.name.as_str()));
        let mut rows: Vec<Arc<RouteRow>> = stays.chain(&self.new).cloned().collect();
        sort(&mut rows);
        rows
    }
}

/// Replaces routes of the tenant in row `tenant`: those of `gone` by those of `new`, whose rows were made.
///
/// # Errors
/// [`CompileError::Hostname`] when a new one asks for another tenant's host name.
pub(super) fn replace_routes(
    table: &mut RuleTable,
    tenant: u32,
    gone: &[&Arc<Route>],
    new: &[(&Arc<Route>, Vec<Arc<RouteRow>>)],
) -> Result<(), CompileError> {
    let mut changes: BTreeMap<&str, HostChange<'_>> = BTreeMap::new();
    for route in gone {
        for host in host_keys(&route.hostnames) {
            changes.entry(host).or_default().gone.insert(&route.name);
        }
    }
    for (route, rows) in new {
        for host in host_keys(&route.hostnames) {
            changes.entry(host).or_default().new.extend_from_slice(rows);
        }
    }
    if replace_in_place(table, tenant, &changes) {
        put_slashes(table, gone, new);
        return Ok(());
    }
    let mut layout =
        Layout { routes: Rows::with_capacity(table.routes.len()), ..Layout::default() };
    for (host, span) in hosts_of(table) {
        // Those before it are new.
        while let Some(first) = changes.first_entry().filter(|first| *first.key() < &*host) {
            let (host, change) = first.remove_entry();
            add_changed(&mut layout, table, (host, &[]), tenant, &change)?;
        }
        let rows = &table.routes[span.start as usize..span.end as usize];
        match changes.remove(&*host) {
            None => layout.add(&host, rows)?,
            Some(change) => add_changed(&mut layout, table, (&host, rows), tenant, &change)?,
        }
    }
    for (host, change) in changes {
        add_changed(&mut layout, table, (host, &[]), tenant, &change)?;
    }
    let slashes = table.prefix_slashes;
    layout.put_into(table, slashes);
    put_slashes(table, gone, new);
    Ok(())
}

/// Puts the rows a change makes of each host where its rows are, if they are as many: no other row moves then. Returns
/// whether that was so for all; nothing is changed otherwise.
fn replace_in_place(
    table: &mut RuleTable,
    tenant: u32,
    changes: &BTreeMap<&str, HostChange<'_>>,
) -> bool {
    let mut places = Vec::with_capacity(changes.len());
    for (host, change) in changes {
        let Some(span) = span_of(table, host) else { return false };
        let rows = &table.routes[span.start as usize..span.end as usize];
        let made = change.of(rows);
        if made.len() != rows.len() || rows.iter().any(|row| row.tenant != tenant) {
            return false;
        }
        places.push((span.start as usize, made));
    }
    for (start, rows) in places {
        (start..).zip(rows).for_each(|(at, row)| table.routes.put(at, row));
    }
    true
}

/// Returns the rows of a host by its key.
fn span_of(table: &RuleTable, host: &str) -> Option<Span> {
    let find = |hosts: &[HostRow], name: &str| {
        let at = hosts.binary_search_by(|host| host.name.as_str().cmp(name)).ok()?;
        Some(hosts[at].routes)
    };
    match host.strip_prefix('*') {
        Some("") => Some(table.any_host),
        Some(suffix) => find(&table.wildcards, suffix),
        None => find(&table.hosts, host),
    }
}

/// Says how deep prefixes are, after `gone` were replaced by `new`.
fn put_slashes(
    table: &mut RuleTable,
    gone: &[&Arc<Route>],
    new: &[(&Arc<Route>, Vec<Arc<RouteRow>>)],
) {
    let new = new.iter().map(|(_, rows)| deepest(rows)).max().unwrap_or_default();
    // All rows are looked at only where the deepest one may be gone.
    let gone = gone.iter().any(|route| may_have_slashes(route, table.prefix_slashes));
    if new >= table.prefix_slashes {
        table.prefix_slashes = new;
    } else if gone {
        table.prefix_slashes = deepest(table.routes.shared());
    }
}

/// Returns whether a path of a route has so many slashes, as it is written.
fn may_have_slashes(route: &Route, count: u32) -> bool {
    let matches = route.rules.iter().flat_map(|rule| &rule.matches);
    let mut paths = matches.filter_map(|matched| matched.path.as_ref());
    count == 0 || paths.any(|path| path.value.matches('/').count() >= count as usize)
}

fn add_changed(
    layout: &mut Layout,
    table: &RuleTable,
    (host, rows): (&str, &[Arc<RouteRow>]),
    tenant: u32,
    change: &HostChange<'_>,
) -> Result<(), CompileError> {
    let owner = rows.first().map(|row| row.tenant).filter(|owner| *owner != tenant);
    if let Some(owner) = owner {
        let name = |at: u32| table.tenants[at as usize].name.clone();
        let hostname = host.to_owned();
        return Err(CompileError::Hostname { hostname, tenant: name(tenant), owner: name(owner) });
    }
    let routes = change.of(rows);
    if routes.is_empty() { Ok(()) } else { layout.add(host, &routes) }
}

/// Returns the hosts of a table by their keys, in the order of these, with their routes.
fn hosts_of(table: &RuleTable) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, Span)> {
    let any = Some((EVERY_HOST.into(), table.any_host)).filter(|(_, span)| span.start < span.end);
    let wildcards =
        table.wildcards.iter().map(|host| (format!("*{}", host.name).into(), host.routes));
    let hosts = table.hosts.iter().map(|host| (host.name.as_str().into(), host.routes));
    any.into_iter().chain(wildcards).chain(hosts)
}

fn host_keys(hostnames: &[String]) -> impl Iterator<Item = &str> {
    let any = hostnames.is_empty().then_some(EVERY_HOST);
    hostnames.iter().map(String::as_str).chain(any)
}
