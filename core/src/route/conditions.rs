//! Conditions on a request: what routes and targets match on.
//!
//! Owns the comparison of each kind of condition. Values are taken as POLICY stage 0 says
//! ([`super::values`]); names and paths are in normal form on both sides already.
//!
//! Invariant: what is absent or malformed does not match; nothing here can fail.

use std::net::IpAddr;

use rkyv::vec::ArchivedVec;
use smallvec::SmallVec;

use super::{
    RequestView,
    values::{cookie, header, query},
};
use crate::{
    signal::trust::Cidr,
    table::{ArchivedAddressRangeRow, ArchivedConditionRow, ArchivedPathRow, ArchivedRuleTable},
};

/// Returns whether every one of `conditions` holds.
pub(super) fn all_hold(
    table: &ArchivedRuleTable,
    conditions: &ArchivedVec<ArchivedConditionRow>,
    request: &RequestView<'_>,
) -> bool {
    conditions.iter().all(|condition| holds(table, condition, request))
}

fn holds(
    table: &ArchivedRuleTable,
    condition: &ArchivedConditionRow,
    request: &RequestView<'_>,
) -> bool {
    match condition {
        ArchivedConditionRow::Method(method) => **method == *request.method,
        ArchivedConditionRow::Path(path) => path_matches(path, request.path),
        ArchivedConditionRow::Header(row) => {
            let mut joined = SmallVec::new();
            believed_header(table, request, &row.name, &mut joined) == Some(row.value.as_bytes())
        }
        ArchivedConditionRow::Query(row) => {
            query(request.query, &row.name) == Some(row.value.as_bytes())
        }
        ArchivedConditionRow::Cookie(row) => {
            cookie(request.headers, &row.name) == Some(row.value.as_bytes())
        }
        ArchivedConditionRow::Hosts(names) => {
            names.iter().any(|name| host_matches(name.as_bytes(), request.host))
        }
        ArchivedConditionRow::Sources(ranges) => {
            let address = request.client_ip.parse::<IpAddr>();
            address.is_ok_and(|address| ranges.iter().any(|range| cidr(range).contains(address)))
        }
    }
}

/// Returns the value of a header; one that is reserved is not there when the peer is not trusted: it
/// will be stripped (POLICY stage 1), and what is stripped decides nothing.
pub(super) fn believed_header<'a>(
    table: &ArchivedRuleTable,
    request: &RequestView<'a>,
    name: &str,
    joined: &'a mut SmallVec<[u8; 128]>,
) -> Option<&'a [u8]> {
    let value = header(request.headers, name, joined)?;
    let believed = request.trusted || !table.reserved.iter().any(|reserved| **reserved == *name);
    believed.then_some(value)
}

/// Returns whether `path` (in normal form) is the row's, or lies below it.
pub(super) fn path_matches(row: &ArchivedPathRow, path: &[u8]) -> bool {
    match row {
        ArchivedPathRow::Exact(exact) => exact.as_bytes() == path,
        ArchivedPathRow::Prefix(prefix) => {
            prefix.is_empty()
                || path
                    .strip_prefix(prefix.as_bytes())
                    .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
        }
    }
}

fn host_matches(name: &[u8], host: &[u8]) -> bool {
    if name.first() == Some(&b'.') {
        host.len() > name.len() && host.ends_with(name)
    } else {
        host == name
    }
}

fn cidr(range: &ArchivedAddressRangeRow) -> Cidr {
    match range {
        ArchivedAddressRangeRow::V4(address, bits) => Cidr::new(IpAddr::from(*address), *bits),
        ArchivedAddressRangeRow::V6(address, bits) => Cidr::new(IpAddr::from(*address), *bits),
    }
}
