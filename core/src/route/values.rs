//! Values of a request: a header, a cookie, a query parameter, the host name.
//!
//! Owns POLICY stage 0 for values: repeated headers are joined by `, `, the first cookie or query
//! value wins. Invariants: a value is a slice of the request unless a header is repeated; one that is repeated is joined
//! once per decision, however many rules read it.

use std::cell::Cell;

use bumpalo::Bump;
use memchr::{memchr, memchr_iter};
use smallvec::SmallVec;

use crate::http::{Header, is_field};

/// Where a host name is brought into lower case when it is not already.
pub type HostScratch = SmallVec<[u8; 64]>;

/// Returns the host name of `host` (a Host field): lower case, without port or final dot.
#[must_use]
pub fn host_name<'a>(host: &'a str, scratch: &'a mut HostScratch) -> &'a [u8] {
    let bytes = host.as_bytes();
    let end = match bytes.first() {
        Some(b'[') => memchr(b']', bytes).map_or(bytes.len(), |at| at + 1),
        _ => memchr(b':', bytes).unwrap_or(bytes.len()),
    };
    let name = bytes[..end].strip_suffix(b".").unwrap_or(&bytes[..end]);
    if !name.iter().any(u8::is_ascii_uppercase) {
        return name;
    }
    scratch.clear();
    scratch.extend(name.iter().map(u8::to_ascii_lowercase));
    scratch
}

/// The repeated headers that one decision has joined, each by the place of its first field.
#[derive(Debug, Default)]
pub(super) struct Joins<'a>(Cell<Option<&'a Join<'a>>>);

#[derive(Debug)]
struct Join<'a> {
    first: usize,
    value: &'a [u8],
    before: Option<&'a Join<'a>>,
}

impl<'a> Joins<'a> {
    fn find(&self, first: usize) -> Option<&'a [u8]> {
        let mut next = self.0.get();
        while let Some(join) = next {
            if join.first == first {
                return Some(join.value);
            }
            next = join.before;
        }
        None
    }

    fn keep(&self, first: usize, value: &'a [u8], arena: &'a Bump) {
        self.0.set(Some(arena.alloc(Join { first, value, before: self.0.get() })));
    }
}

/// Returns the value of the header `name` (lower case), joined when it is repeated.
pub(super) fn header<'a>(
    headers: &'a [Header<'a>],
    name: &str,
    joins: &Joins<'a>,
    arena: &'a Bump,
) -> Option<&'a [u8]> {
    let fields = headers.iter().enumerate();
    let mut fields = fields.filter(|(_, header)| is_field(header.name, name));
    let (at, first) = fields.next()?;
    let others = fields.clone().map(|(_, header)| header.value);
    if fields.next().is_none() {
        return Some(first.value);
    }
    if let Some(value) = joins.find(at) {
        return Some(value);
    }
    let value = join(first.value, others, arena);
    joins.keep(at, value, arena);
    Some(value)
}

/// Joins the values of a repeated field (RFC 9110 §5.3).
fn join<'a>(
    first: &[u8],
    others: impl Iterator<Item = &'a [u8]> + Clone,
    arena: &'a Bump,
) -> &'a [u8] {
    let bytes = others.clone().fold(first.len(), |sum, value| sum + 2 + value.len());
    let joined = arena.alloc_slice_fill_copy(bytes, 0);
    let (start, mut rest) = joined.split_at_mut(first.len());
    start.copy_from_slice(first);
    for value in others {
        let (comma, behind) = rest.split_at_mut(2);
        comma.copy_from_slice(b", ");
        let (place, behind) = behind.split_at_mut(value.len());
        place.copy_from_slice(value);
        rest = behind;
    }
    joined
}

/// Returns the first value of the cookie `name` (RFC 6265 §4.2.1).
#[must_use]
pub fn cookie<'a>(headers: &'a [Header<'a>], name: &str) -> Option<&'a [u8]> {
    cookie_of(headers, &[name])
}

/// Returns the first value of the cookie whose name is these parts, one behind the other.
pub(super) fn cookie_of<'a>(headers: &'a [Header<'a>], name: &[&str]) -> Option<&'a [u8]> {
    let fields = headers.iter().filter(|header| is_field(header.name, "cookie"));
    fields.flat_map(|header| header.value.split(|byte| *byte == b';')).find_map(|pair| {
        let mut rest = pair.trim_ascii();
        for part in name {
            rest = rest.strip_prefix(part.as_bytes())?;
        }
        let value = rest.strip_prefix(b"=")?;
        Some(value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
    })
}

/// Returns the first value of the query parameter `name`, as written: escapes are not decoded.
pub(super) fn query<'a>(query: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut start = 0;
    for end in memchr_iter(b'&', query).chain([query.len()]) {
        let pair = &query[start..end];
        if let Some(value) =
            pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
        {
            return Some(value);
        }
        start = end + 1;
    }
    None
}
