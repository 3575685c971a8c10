//! Conditions of routes and targets.
//!
//! Invariant: what passes can match some request: a value that no request carries in that form is
//! refused, not served as never true.

use super::{Found, check_token};
use crate::{
    limits::{ALTERNATIVES_MAX, NAME_BYTES_MAX, PREFIX_SLASHES_MAX, VALUE_BYTES_MAX, VALUES_MAX},
    policy::{PathMatch, PathType, ValueMatch, ValueType, instance::is_name},
    signal::trust::Cidr,
    table::regex,
};

/// Where a value is taken from.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Header,
    Query,
    Cookie,
}

pub(super) fn check_hostnames(found: &mut Found, path: &str, hostnames: &[String]) {
    if hostnames.len() > ALTERNATIVES_MAX {
        found.add(path, format!("expected at most {ALTERNATIVES_MAX} host names"));
    }
    for (index, host) in hostnames.iter().enumerate() {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let dots = name.starts_with('.') || name.ends_with('.');
        if !is_name(name) || dots || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let expected = "expected a lower-case host name without port, or \"*.\" and one";
            found.add(&format!("{path}[{index}]"), format!("{expected}, got {host:?}"));
        }
    }
}

pub(super) fn check_path(found: &mut Found, path: &str, matched: Option<&PathMatch>) {
    let Some(PathMatch { kind, value }) = matched else { return };
    let path = &format!("{path}.value");
    if *kind == PathType::RegularExpression {
        return check_regex(found, path, value);
    }
    let normal = crate::http::normal_path(value.as_bytes());
    if !value.starts_with('/') || value.contains(['?', '#']) || value.len() > VALUE_BYTES_MAX {
        let expected = "expected a path that starts with '/', without '?' or '#'";
        found.add(path, format!("{expected}, got {value:?}"));
    } else if normal.as_ref().is_none_or(|normal| normal.as_slice() != value.as_bytes()) {
        let normal =
            normal.as_ref().map(|normal| String::from_utf8_lossy(normal.as_slice()).into_owned());
        found.add(
            path,
            format!("requests are matched in normal form: write {:?}", normal.unwrap_or_default()),
        );
    } else if *kind == PathType::PathPrefix && value.ends_with("//") {
        found.add(path, "expected a prefix that ends with one '/' at most");
    } else if *kind == PathType::PathPrefix && slashes(value) > PREFIX_SLASHES_MAX {
        found.add(path, format!("expected at most {PREFIX_SLASHES_MAX} segments"));
    }
}

fn slashes(path: &str) -> u32 {
    path.bytes().map(|byte| u32::from(byte == b'/')).sum()
}

pub(super) fn check_ranges(found: &mut Found, path: &str, ranges: &[String]) {
    if ranges.len() > ALTERNATIVES_MAX {
        found.add(path, format!("expected at most {ALTERNATIVES_MAX} ranges"));
    }
    for (index, range) in ranges.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match range.parse::<Cidr>() {
            Err(error) => found.add(&path, error.to_string()),
            // Addresses are compared with v4-mapped ones unwrapped.
            Ok(range) if range.address().to_canonical() != range.address() => {
                found.add(&path, "expected an IPv4 range instead of a v4-mapped one");
            }
            Ok(_) => {}
        }
    }
}

pub(super) fn check_values(found: &mut Found, path: &str, values: &[ValueMatch], place: Place) {
    if values.len() > VALUES_MAX {
        found.add(path, format!("expected at most {VALUES_MAX}"));
    }
    for (index, matched) in values.iter().enumerate() {
        let (name, value) = (&matched.name, &matched.value);
        let path = format!("{path}[{index}]");
        let same = |other: &&ValueMatch| match place {
            Place::Header => other.name.eq_ignore_ascii_case(name),
            Place::Query | Place::Cookie => other.name == *name,
        };
        if values[..index].iter().any(|other| same(&other)) {
            found.add(&format!("{path}.name"), format!("{name:?} is named above already"));
        }
        match place {
            Place::Query if !is_query_text(name, true) => {
                let expected = "expected a name as it is sent in a query, escapes included";
                found.add(&format!("{path}.name"), format!("{expected}, got {name:?}"));
            }
            Place::Query => {}
            Place::Header | Place::Cookie => check_token(found, &format!("{path}.name"), name),
        }
        if matched.kind == ValueType::RegularExpression {
            check_regex(found, &format!("{path}.value"), value);
        } else if !is_sent(value, place) {
            let expected = match place {
                Place::Query => "a value as it is sent in a query, escapes included",
                Place::Cookie => "a cookie's value (RFC 6265 4.1.1) without quotes",
                Place::Header => "a value without control characters or spaces around it",
            };
            let message = format!("expected {expected}, got {value:?}");
            found.add(&format!("{path}.value"), message);
        }
    }
}

fn check_regex(found: &mut Found, path: &str, pattern: &str) {
    if let Err(error) = regex::compile(pattern) {
        found.add(path, format!("{error} (in {pattern:?})"));
    }
}

/// Returns whether a request can carry `value` there.
fn is_sent(value: &str, place: Place) -> bool {
    let form = match place {
        Place::Query => is_query_text(value, false),
        Place::Cookie => {
            value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
        }
        Place::Header => value.trim() == value && !value.chars().any(char::is_control),
    };
    form && !value.is_empty() && value.len() <= VALUE_BYTES_MAX
}

/// Returns whether `text` can stand between two `&` of a query (RFC 3986 §3.4).
fn is_query_text(text: &str, is_name: bool) -> bool {
    let bounds = !is_name || (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.contains('=');
    bounds && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'&' && byte != b'#')
}
