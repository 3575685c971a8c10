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
    asked::Asked,
    conditions::{all_hold, path_holds},
    trace::{Recorder, Step, text},
};
use crate::table::{ArchivedHostRow, ArchivedRouteRow, ArchivedSpan, Rules};

/// Finds the first route by host name (exact, wildcard longest first, any), then by precedence.
pub(super) fn find_route<'t, R: Recorder>(
    table: Rules<'t>,
    request: &'t RequestView<'t>,
    recorder: &mut R,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let exact = named(&table.hosts, request.host);
    recorder.step(|| host("", request.host, exact));
    if let Some(found) = exact.and_then(|routes| first(table, routes, request, recorder)) {
        return Some(found);
    }
    if !table.wildcards.is_empty() {
        // A wildcard stands for one label at least, so a dot in front of everything is none.
        for dot in memchr_iter(b'.', request.host).filter(|dot| *dot > 0) {
            let Some(routes) = named(&table.wildcards, &request.host[dot..]) else { continue };
            recorder.step(|| host("*", &request.host[dot..], Some(routes)));
            if let Some(found) = first(table, routes, request, recorder) {
                return Some(found);
            }
        }
    }
    recorder.step(|| host("*", b"", Some(&table.any_host)));
    first(table, &table.any_host, request, recorder)
}

fn named<'t>(hosts: &'t ArchivedVec<ArchivedHostRow>, name: &[u8]) -> Option<&'t ArchivedSpan> {
    let at = hosts.binary_search_by(|host| host.name.as_bytes().cmp(name)).ok()?;
    Some(&hosts[at].routes)
}

fn first<'t, R: Recorder>(
    table: Rules<'t>,
    routes: &ArchivedSpan,
    request: &'t RequestView<'t>,
    recorder: &mut R,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let mut span = routes.start.to_native()..routes.end.to_native();
    span.find_map(|at| {
        let row = &table.table.routes[at as usize];
        let request = &Asked::of_tenant(request, table.table, row.tenant);
        let matched = path_holds(table, &row.path, request.path, recorder)
            && all_hold(table, &row.conditions, request, recorder) == Ok(true);
        recorder.step(|| Step::Route {
            name: row.name.to_string(),
            conditions: Vec::new(),
            matched,
        });
        matched.then_some((at, row))
    })
}

fn host(prefix: &str, name: &[u8], routes: Option<&ArchivedSpan>) -> Step {
    let count =
        routes.map(|routes| routes.end.to_native().saturating_sub(routes.start.to_native()));
    Step::Host { name: format!("{prefix}{}", text(name)), routes: count.unwrap_or(0) }
}
