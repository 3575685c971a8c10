//! Finding the route: POLICY stage 2.
//!
//! Owns the walk over hosts: the exact name, then wildcards from the longest, then every host; and the
//! one over paths. Relies on the compiler for the order of precedence among the routes of one path.
//!
//! Cost: a binary search per label of the host, and one per segment of the path as deep as any prefix
//! goes; then the routes of that path in turn, and the expressions of that host.

use std::ops::Range;

use memchr::{memchr_iter, memrchr};
use rkyv::vec::ArchivedVec;

use super::{
    RequestView,
    asked::Asked,
    conditions::{all_hold, path_holds},
    trace::{Recorder, Step, text},
    values::Joins,
};
use crate::table::{ArchivedHostRow, ArchivedPathRow, ArchivedRouteRow, ArchivedSpan, Rules};

/// Finds the first route by host name (exact, wildcard longest first, any), then by precedence.
pub(super) fn find_route<'t, R: Recorder>(
    table: Rules<'t>,
    request: &'t RequestView<'t>,
    joins: &'t Joins<'t>,
    recorder: &mut R,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let exact = named(&table.hosts, request.host);
    recorder.step(|| host("", request.host, exact));
    if let Some(found) = exact.and_then(|routes| first(table, routes, request, joins, recorder)) {
        return Some(found);
    }
    if !table.wildcards.is_empty() {
        // A wildcard stands for one label at least, so a dot in front of everything is none.
        for dot in memchr_iter(b'.', request.host).filter(|dot| *dot > 0) {
            let Some(routes) = named(&table.wildcards, &request.host[dot..]) else { continue };
            recorder.step(|| host("*", &request.host[dot..], Some(routes)));
            if let Some(found) = first(table, routes, request, joins, recorder) {
                return Some(found);
            }
        }
    }
    recorder.step(|| host("*", b"", Some(&table.any_host)));
    first(table, &table.any_host, request, joins, recorder)
}

fn named<'t>(hosts: &'t ArchivedVec<ArchivedHostRow>, name: &[u8]) -> Option<&'t ArchivedSpan> {
    let at = hosts.binary_search_by(|host| host.name.as_bytes().cmp(name)).ok()?;
    Some(&hosts[at].routes)
}

/// Returns the tenant of a host (exact name, wildcard longest first, any), whatever paths its routes take; nothing when
/// no route is for it.
#[must_use]
pub fn tenant_of_host<'t>(table: Rules<'t>, host: &[u8]) -> Option<&'t str> {
    let wildcard = |dot: usize| named(&table.wildcards, &host[dot..]);
    let dots = || memchr_iter(b'.', host).filter(|dot| *dot > 0);
    let routes = named(&table.hosts, host).or_else(|| dots().find_map(wildcard));
    let routes = routes.unwrap_or(&table.any_host);
    let (start, end) = (routes.start.to_native(), routes.end.to_native());
    let first = (start < end).then(|| &table.table.routes[start as usize])?;
    Some(table.table.tenants[first.tenant.to_native() as usize].name.as_str())
}

/// Finds the first of one host's routes: the exact path, the path's prefixes from the longest, then
/// expressions.
fn first<'t, R: Recorder>(
    table: Rules<'t>,
    routes: &ArchivedSpan,
    request: &'t RequestView<'t>,
    joins: &'t Joins<'t>,
    recorder: &mut R,
) -> Option<(u32, &'t ArchivedRouteRow)> {
    let all = routes.start.to_native()..routes.end.to_native();
    if all.is_empty() {
        return None;
    }
    let mut lookup = Lookup { table, request, joins, recorder };
    let exact_end = lookup.behind(&all, |path| matches!(path, ArchivedPathRow::Exact(_)));
    let prefixes_end = lookup.behind(&all, |path| !matches!(path, ArchivedPathRow::Regex(_)));
    let (exact, prefixes) = (all.start..exact_end, exact_end..prefixes_end);
    if let Some(found) = lookup.of_path(exact, request.path) {
        return Some(found);
    }
    let mut end = deepest(request.path, table.prefix_slashes.to_native());
    while !prefixes.is_empty() {
        if let Some(found) = lookup.of_path(prefixes.clone(), &request.path[..end]) {
            return Some(found);
        }
        if end == 0 {
            break;
        }
        end = memrchr(b'/', &request.path[..end]).unwrap_or(0);
    }
    (prefixes_end..all.end).find_map(|at| lookup.taken(at))
}

/// Returns the end of the longest part of `path` that has no more than so many slashes and ends where
/// a segment does.
fn deepest(path: &[u8], slashes: u32) -> usize {
    memchr_iter(b'/', path).nth(slashes as usize).unwrap_or(path.len())
}

struct Lookup<'e, 't, R> {
    table: Rules<'t>,
    request: &'t RequestView<'t>,
    joins: &'t Joins<'t>,
    recorder: &'e mut R,
}

impl<'t, R: Recorder> Lookup<'_, 't, R> {
    /// Returns the place behind the first rows of `rows` whose path is so.
    fn behind(&self, rows: &Range<u32>, is_so: impl Fn(&ArchivedPathRow) -> bool) -> u32 {
        let rows_there = &self.table.table.routes[rows.start as usize..rows.end as usize];
        let count = rows_there.partition_point(|row| is_so(&row.path));
        rows.start + u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Finds the first of the rows, sorted by path, that are of this path and take the request.
    fn of_path(&mut self, rows: Range<u32>, path: &[u8]) -> Option<(u32, &'t ArchivedRouteRow)> {
        let table = self.table.table;
        let start = self.behind(&rows, |row| text_of(row) < path);
        (start..rows.end)
            .take_while(|at| text_of(&table.routes[*at as usize].path) == path)
            .find_map(|at| self.taken(at))
    }

    /// Returns a row when it takes the request.
    fn taken(&mut self, at: u32) -> Option<(u32, &'t ArchivedRouteRow)> {
        let row = &self.table.table.routes[at as usize];
        let asked = Asked::of_tenant(self.request, self.joins, self.table.table, row.tenant);
        let matched = path_holds(self.table, &row.path, asked.path, self.recorder)
            && all_hold(self.table, &row.conditions, &asked, self.recorder) == Ok(true);
        self.recorder.step(|| Step::Route {
            name: row.name.to_string(),
            conditions: Vec::new(),
            matched,
        });
        matched.then_some((at, row))
    }
}

/// Returns what rows are sorted by.
fn text_of(path: &ArchivedPathRow) -> &[u8] {
    match path {
        ArchivedPathRow::Exact(text) | ArchivedPathRow::Prefix(text) => text.as_bytes(),
        ArchivedPathRow::Regex(_) => b"",
    }
}

fn host(prefix: &str, name: &[u8], routes: Option<&ArchivedSpan>) -> Step {
    let count =
        routes.map(|routes| routes.end.to_native().saturating_sub(routes.start.to_native()));
    Step::Host { name: format!("{prefix}{}", text(name)), routes: count.unwrap_or(0) }
}
