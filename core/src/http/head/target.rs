//! Request targets: which forms are served, and their parts.
//!
//! Owns the target's form (RFC 9112 §3.2) and what a host may look like. Does not decode paths:
//! [`super::super::path`] does.

use memchr::memchr;

use super::HeadError;
use crate::limits::HOST_BYTES_MAX;

/// A request target in parts.
pub(super) struct Target<'b> {
    pub(super) origin: &'b str,
    pub(super) path: &'b str,
    pub(super) query: &'b str,
    pub(super) authority: Option<&'b str>,
}

impl<'b> Target<'b> {
    pub(super) fn split(method: &str, target: &'b str) -> Result<Self, HeadError> {
        if method == "CONNECT" {
            return Err(HeadError::Connect);
        }
        if memchr(b'#', target.as_bytes()).is_some() {
            return Err(HeadError::Target);
        }
        let (authority, origin) = if target.starts_with('/')
            || (target == "*" && method == "OPTIONS")
        {
            (None, target)
        } else {
            let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
            let rest = &target[scheme.ok_or(HeadError::Target)?.len()..];
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let origin = if rest[end..].starts_with('/') { &rest[end..] } else { "/" };
            // "http://host?query" has an empty path, which cannot be forwarded without rewriting.
            if rest[..end].is_empty() || rest[end..].starts_with('?') {
                return Err(HeadError::Target);
            }
            (Some(&rest[..end]), origin)
        };
        let mark = memchr(b'?', origin.as_bytes());
        let (path, query) = mark.map_or((origin, ""), |at| (&origin[..at], &origin[at + 1..]));
        Ok(Self { origin, path, query, authority })
    }
}

/// Returns whether `host` is empty or a host with an optional port (RFC 3986 §3.2.2, no user part). A comma, which that
/// allows in a name, would make a list of hosts of it for whoever joins fields.
pub(super) fn is_host(host: &str) -> bool {
    if host.is_empty() {
        return true;
    }
    let (name, rest) = match host.strip_prefix('[').and_then(|literal| literal.split_once(']')) {
        Some((address, rest)) => (is_address(address), rest),
        None => {
            let colon = memchr(b':', host.as_bytes()).unwrap_or(host.len());
            let (name, rest) = host.split_at(colon);
            (is_name(name), rest)
        }
    };
    host.len() <= HOST_BYTES_MAX && name && (rest.is_empty() || is_port(rest))
}

fn is_address(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    !text.is_empty() && text.bytes().all(part)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| NAME_PARTS[usize::from(byte)])
}

/// Which bytes a name may have.
const NAME_PARTS: [bool; 256] = {
    let mut parts = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        parts[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~%!$&'()*+;=";
    let mut at = 0;
    while at < others.len() {
        parts[others[at] as usize] = true;
        at += 1;
    }
    parts
};

/// Returns whether `text` is a colon and a port, or nothing behind it.
fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':');
    digits.is_some_and(|digits| {
        digits.is_empty()
            || (digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok())
    })
}
