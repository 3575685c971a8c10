//! Conditions on a request: what routes and targets match on.
//!
//! Owns the comparison of each kind of condition. Values are taken as POLICY stage 0 says
//! ([`super::values`]); names and paths are in normal form on both sides already.
//!
//! Invariant: what is absent or malformed does not match. Only an expression can be neither true nor false.

use std::net::IpAddr;

use rkyv::{rend::u32_le, vec::ArchivedVec};

use super::{
    asked::Asked,
    evaluate,
    trace::{EXPRESSION, Recorder, Seen, text},
    value::Fault,
    values::query,
};
use crate::{
    signal::trust::Cidr,
    table::{
        ArchivedAddressRangeRow, ArchivedConditionRow, ArchivedPathRow, ArchivedValueRow,
        ArchivedWantedRow, Rules,
    },
};

/// Returns whether every one of `conditions` holds; a fault when one cannot be told.
pub(super) fn all_hold<'a, R: Recorder>(
    table: Rules<'a>,
    conditions: &'a ArchivedVec<ArchivedConditionRow>,
    request: &Asked<'a>,
    recorder: &mut R,
) -> Result<bool, Fault> {
    for condition in conditions.iter() {
        if !holds(table, condition, request, recorder)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds<'a, R: Recorder>(
    table: Rules<'a>,
    condition: &'a ArchivedConditionRow,
    request: &Asked<'a>,
    recorder: &mut R,
) -> Result<bool, Fault> {
    let held = match condition {
        ArchivedConditionRow::Method(method) => {
            let holds = **method == *request.method;
            let seen = || seen("method", method, Some(request.method.as_bytes()), holds);
            recorder.condition(seen);
            holds
        }
        ArchivedConditionRow::Path(path) => path_holds(table, path, request.path, recorder),
        ArchivedConditionRow::Header(row) => {
            let found = request.believed_header(&row.name);
            is_value(table, "header", row, found, recorder)
        }
        ArchivedConditionRow::Query(row) => {
            is_value(table, "query", row, query(request.query, &row.name), recorder)
        }
        ArchivedConditionRow::Cookie(row) => {
            is_value(table, "cookie", row, request.cookie(&row.name), recorder)
        }
        ArchivedConditionRow::Hosts(names) => {
            let holds = names.iter().any(|name| host_matches(name.as_bytes(), request.host));
            let wanted = || listed(names.iter().map(|name| host_text(name)));
            recorder.condition(|| seen("host", &wanted(), Some(request.host), holds));
            holds
        }
        ArchivedConditionRow::Sources(ranges) => {
            let address = request.client_ip.parse::<IpAddr>();
            let holds = address
                .is_ok_and(|address| ranges.iter().any(|range| cidr(range).contains(address)));
            let wanted = || listed(ranges.iter().map(|range| cidr(range).to_string()));
            let found = Some(request.client_ip.as_bytes());
            recorder.condition(|| seen("client.ip", &wanted(), found, holds));
            holds
        }
        ArchivedConditionRow::Expression(row) => {
            let held = evaluate::holds(table, row, request, recorder);
            recorder.condition(|| {
                let found = match held {
                    Ok(true) => "true",
                    Ok(false) => "false",
                    Err(fault) => fault.as_str(),
                };
                seen(EXPRESSION, &row.text, Some(found.as_bytes()), held == Ok(true))
            });
            held?
        }
    };
    Ok(held)
}

fn is_value<R: Recorder>(
    table: Rules<'_>,
    part: &str,
    row: &ArchivedValueRow,
    found: Option<&[u8]>,
    recorder: &mut R,
) -> bool {
    let holds = found.is_some_and(|found| match &row.value {
        ArchivedWantedRow::Exact(value) => found == value.as_bytes(),
        ArchivedWantedRow::Regex(regex) => {
            table.regexes[regex.to_native() as usize].is_match(found)
        }
    });
    recorder.condition(|| {
        let wanted = match &row.value {
            ArchivedWantedRow::Exact(value) => value.to_string(),
            ArchivedWantedRow::Regex(regex) => pattern(table, *regex),
        };
        seen(&format!("{part} {}", row.name), &wanted, found, holds)
    });
    holds
}

/// Returns whether `path` (in normal form) is the row's, or lies below it.
pub(super) fn path_holds<R: Recorder>(
    table: Rules<'_>,
    row: &ArchivedPathRow,
    path: &[u8],
    recorder: &mut R,
) -> bool {
    let holds = match row {
        ArchivedPathRow::Exact(exact) => exact.as_bytes() == path,
        ArchivedPathRow::Prefix(prefix) => {
            prefix.is_empty()
                || path
                    .strip_prefix(prefix.as_bytes())
                    .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
        }
        ArchivedPathRow::Regex(regex) => table.regexes[regex.to_native() as usize].is_match(path),
    };
    recorder.condition(|| match row {
        ArchivedPathRow::Exact(exact) => seen("path", exact, Some(path), holds),
        ArchivedPathRow::Prefix(prefix) => seen("path", &format!("{prefix}/…"), Some(path), holds),
        ArchivedPathRow::Regex(regex) => seen("path", &pattern(table, *regex), Some(path), holds),
    });
    holds
}

fn pattern(table: Rules<'_>, regex: u32_le) -> String {
    format!("~ {}", table.table.regexes[regex.to_native() as usize].pattern)
}

fn host_matches(name: &[u8], host: &[u8]) -> bool {
    if name.first() == Some(&b'.') {
        host.len() > name.len() && host.ends_with(name)
    } else {
        host == name
    }
}

pub(super) fn cidr(range: &ArchivedAddressRangeRow) -> Cidr {
    match range {
        ArchivedAddressRangeRow::V4(address, bits) => Cidr::new(IpAddr::from(*address), *bits),
        ArchivedAddressRangeRow::V6(address, bits) => Cidr::new(IpAddr::from(*address), *bits),
    }
}

fn seen(part: &str, wanted: &str, found: Option<&[u8]>, holds: bool) -> Seen {
    Seen {
        part: part.to_owned(),
        wanted: text(wanted.as_bytes()),
        found: found.map(text),
        holds,
        reads: Vec::new(),
    }
}

fn host_text(name: &str) -> String {
    if name.starts_with('.') { format!("*{name}") } else { name.to_owned() }
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    format!("one of {}", parts.collect::<Vec<_>>().join(", "))
}
