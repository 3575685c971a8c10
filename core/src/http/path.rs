//! The normal form of a path (POLICY, stage 0).
//!
//! Owns decoding of unreserved escapes and removal of dot segments (RFC 3986 §6.2.2). Invariants:
//! `//` is kept, `%2F` and `%00` are never decoded; a path in normal form is not copied.

use memchr::{memchr, memchr_iter};
use smallvec::SmallVec;

/// Where a path is brought into normal form when it is not already: on the stack, unless it is long.
pub type PathScratch = SmallVec<[u8; 256]>;

/// Returns `path` in normal form, borrowing it when it already is; nothing when an escape is broken.
#[must_use]
pub fn normalise<'a>(path: &'a [u8], scratch: &'a mut PathScratch) -> Option<&'a [u8]> {
    if memchr(b'%', path).is_none() && !has_dot_segment(path) {
        return Some(path);
    }
    decode(path, scratch)?;
    if has_dot_segment(scratch) {
        remove_dot_segments(scratch);
    }
    Some(scratch)
}

/// Returns a copy of `path` in normal form; nothing when an escape is broken.
#[must_use]
pub fn normal_path(path: &[u8]) -> Option<PathScratch> {
    let mut scratch = PathScratch::new();
    let normal = normalise(path, &mut scratch)?;
    Some(PathScratch::from_slice(normal))
}

fn has_dot_segment(path: &[u8]) -> bool {
    // Most paths have no dot.
    memchr_iter(b'.', path).any(|dot| {
        let is_segment = matches!(
            &path[dot..],
            [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..]
        );
        is_segment && path[..dot].ends_with(b"/")
    })
}

/// Decodes escapes of unreserved characters; the others keep theirs, in upper case.
fn decode(path: &[u8], out: &mut PathScratch) -> Option<()> {
    out.clear();
    let mut rest = path;
    while let Some(at) = memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        let high = hex(*rest.get(at + 1)?)?;
        let low = hex(*rest.get(at + 2)?)?;
        let byte = high << 4 | low;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[
                b'%',
                b"0123456789ABCDEF"[usize::from(high)],
                b"0123456789ABCDEF"[usize::from(low)],
            ]);
        }
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    Some(())
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Removes `.` and `..` segments in place (RFC 3986 §5.2.4); `..` above the root stays there.
fn remove_dot_segments(path: &mut PathScratch) {
    let mut kept = 0;
    let mut at = 0;
    while at < path.len() {
        let end = memchr(b'/', &path[at + 1..]).map_or(path.len(), |next| at + 1 + next);
        let last = end == path.len();
        match &path[at + 1..end] {
            b"." | b".." => {
                if &path[at + 1..end] == b".." {
                    kept = path[..kept].iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                }
                if last {
                    path[kept] = b'/';
                    kept += 1;
                }
            }
            _ => {
                path.copy_within(at..end, kept);
                kept += end - at;
            }
        }
        at = end;
    }
    path.truncate(kept);
}

#[cfg(test)]
mod tests;
