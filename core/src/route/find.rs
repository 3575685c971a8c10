//! Finding the route: POLICY stage 2.
//!
//! Owns the walk over hosts and paths. Relies on the compiler for the order of precedence.

use super::RequestView;
use crate::table::{ArchivedPathRow, ArchivedRouteRow, ArchivedRuleTable, ArchivedSpan};

/// Finds the first route by host name (exact, wildcard longest first, any), then by precedence.
pub(super) fn find_route<'t>(
    table: &'t ArchivedRuleTable,
    request: &RequestView<'_>,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let exact = table.hosts.binary_search_by(|host| host.name.as_bytes().cmp(request.host)).ok();
    if let Some(found) =
        exact.and_then(|at| find_path(table, &table.hosts[at].routes, request.path))
    {
        return Some(found);
    }
    for host in table.wildcards.iter() {
        let suffix = host.name.as_bytes();
        let matches = request.host.len() > suffix.len() && request.host.ends_with(suffix);
        if let Some(found) = find_path(table, &host.routes, request.path).filter(|_| matches) {
            return Some(found);
        }
    }
    find_path(table, &table.any_host, request.path)
}

fn find_path<'t>(
    table: &'t ArchivedRuleTable,
    routes: &ArchivedSpan,
    path: &[u8],
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let span = routes.start.to_native()..routes.end.to_native();
    span.map(|at| (at, &table.routes[at as usize])).find(|(_, row)| match &row.path {
        ArchivedPathRow::Exact(exact) => exact.as_bytes() == path,
        ArchivedPathRow::Prefix(prefix) => {
            path.strip_prefix(prefix.as_bytes())
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
                || prefix.is_empty()
        }
    })
}
