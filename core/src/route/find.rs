//! Finding the route: POLICY stage 2.
//!
//! Owns the walk over hosts: the exact name, then wildcards from the longest, then every host. Relies
//! on the compiler for the order of precedence among the routes of one host.
//!
//! Cost: a binary search per label of the host, then the routes of that host in turn.

use memchr::memchr_iter;
use rkyv::vec::ArchivedVec;

use super::{
    RequestView,
    conditions::{all_hold, path_matches},
};
use crate::table::{ArchivedHostRow, ArchivedRouteRow, ArchivedRuleTable, ArchivedSpan};

/// Finds the first route by host name (exact, wildcard longest first, any), then by precedence.
pub(super) fn find_route<'t>(
    table: &'t ArchivedRuleTable,
    request: &RequestView<'_>,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let exact = named(&table.hosts, request.host);
    if let Some(found) = exact.and_then(|routes| first(table, routes, request)) {
        return Some(found);
    }
    if !table.wildcards.is_empty() {
        // A wildcard stands for one label at least, so a dot in front of everything is none.
        for dot in memchr_iter(b'.', request.host).filter(|dot| *dot > 0) {
            let routes = named(&table.wildcards, &request.host[dot..]);
            if let Some(found) = routes.and_then(|routes| first(table, routes, request)) {
                return Some(found);
            }
        }
    }
    first(table, &table.any_host, request)
}

fn named<'t>(hosts: &'t ArchivedVec<ArchivedHostRow>, name: &[u8]) -> Option<&'t ArchivedSpan> {
    let at = hosts.binary_search_by(|host| host.name.as_bytes().cmp(name)).ok()?;
    Some(&hosts[at].routes)
}

fn first<'t>(
    table: &'t ArchivedRuleTable,
    routes: &ArchivedSpan,
    request: &RequestView<'_>,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let span = routes.start.to_native()..routes.end.to_native();
    span.map(|at| (at, &table.routes[at as usize])).find(|(_, row)| {
        path_matches(&row.path, request.path) && all_hold(table, &row.conditions, request)
    })
}
