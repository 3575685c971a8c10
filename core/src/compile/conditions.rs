//! Conditions of a match become rows.
//!
//! Owns the form each kind of condition is stored in: the form that requests are brought into.

use std::net::IpAddr;

use crate::{
    policy::{Match, Method, PathMatch, PathType, Target, ValueMatch},
    signal::trust::Cidr,
    table::{AddressRangeRow, ConditionRow, PathRow, ValueRow},
};

/// Returns the row of a path; none means every path.
pub(super) fn path_row(path: Option<&PathMatch>) -> PathRow {
    match path {
        None => PathRow::Prefix(String::new()),
        Some(path) if path.kind == PathType::PathPrefix => {
            PathRow::Prefix(path.value.trim_end_matches('/').to_owned())
        }
        Some(path) => PathRow::Exact(path.value.clone()),
    }
}

/// Returns the rows of everything but the path.
pub(super) fn condition_rows(matched: &Match) -> Vec<ConditionRow> {
    shared_rows(matched.method, &matched.headers, &matched.query_params).collect()
}

/// Returns the rows of a target: cheap conditions first.
pub(super) fn target_rows(target: &Target) -> Vec<ConditionRow> {
    let Some(matched) = &target.matched else { return Vec::new() };
    let path = matched.path.as_ref().map(|path| ConditionRow::Path(path_row(Some(path))));
    let hosts = (!matched.hostnames.is_empty()).then(|| {
        let names = matched.hostnames.iter().map(|name| name.trim_start_matches('*').to_owned());
        ConditionRow::Hosts(names.collect())
    });
    let shared = shared_rows(matched.method, &matched.headers, &matched.query_params);
    let cookies = matched.cookies.iter().map(|cookie| ConditionRow::Cookie(value_row(cookie)));
    let sources = (!matched.source_ranges.is_empty()).then(|| {
        let ranges = matched.source_ranges.iter().filter_map(|range| range.parse().ok());
        ConditionRow::Sources(ranges.map(range_row).collect())
    });
    path.into_iter().chain(hosts).chain(shared).chain(cookies).chain(sources).collect()
}

fn shared_rows(
    method: Option<Method>,
    headers: &[ValueMatch],
    queries: &[ValueMatch],
) -> impl Iterator<Item = ConditionRow> {
    let method = method.map(|method| ConditionRow::Method(method.as_str().to_owned()));
    let queries = queries.iter().map(|query| ConditionRow::Query(value_row(query)));
    method.into_iter().chain(headers.iter().map(header_row)).chain(queries)
}

fn range_row(range: Cidr) -> AddressRangeRow {
    match range.address() {
        IpAddr::V4(address) => AddressRangeRow::V4(address.octets(), range.prefix()),
        IpAddr::V6(address) => AddressRangeRow::V6(address.octets(), range.prefix()),
    }
}

fn header_row(header: &ValueMatch) -> ConditionRow {
    let row = value_row(header);
    ConditionRow::Header(ValueRow { name: row.name.to_ascii_lowercase(), ..row })
}

fn value_row(matched: &ValueMatch) -> ValueRow {
    ValueRow { name: matched.name.clone(), value: matched.value.clone() }
}
