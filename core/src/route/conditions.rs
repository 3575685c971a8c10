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
    table::{ArchivedAddressRangeRow, ArchivedConditionRow, ArchivedPathRow},
};

/// Returns whether every one of `conditions` holds.
pub(super) fn all_hold(
    conditions: &ArchivedVec<ArchivedConditionRow>,
    request: &RequestView<'_>,
) -> bool {
    conditions.iter().all(|condition| holds(condition, request))
}

fn holds(condition: &ArchivedConditionRow, request: &RequestView<'_>) -> bool {
    match condition {
        ArchivedConditionRow::Method(method) => **method == *request.method,
        ArchivedConditionRow::Path(path) => path_matches(path, request.path),
        ArchivedConditionRow::Header(row) => {
            let mut joined = SmallVec::new();
            header(request.headers, &row.name, &mut joined) == Some(row.value.as_bytes())
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
