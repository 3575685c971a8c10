//! JSON strings, of whatever bytes.
//!
//! Owns what is escaped: what JSON asks for, and what a terminal would obey.

use std::io::Write as _;

/// Appends a member whose value is a number.
pub(super) fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a JSON string; bytes that are not UTF-8 become U+FFFD.
pub(in crate::telemetry) fn text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 2);
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    inside(out, value);
    out.push(b'"');
}

/// Appends what is inside a JSON string, in parts.
pub(in crate::telemetry) fn escape_into(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| inside(out, part.as_bytes()));
}

fn inside(out: &mut Vec<u8>, value: &[u8]) {
    if is_plain(value) {
        out.extend_from_slice(value);
        return;
    }
    for chunk in value.utf8_chunks() {
        chunk.valid().chars().for_each(|character| escape(out, character));
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Returns whether nothing in `value` has to be escaped. Looks at eight bytes at once, the last of them twice
/// where they do not come out even.
fn is_plain(value: &[u8]) -> bool {
    if let Some(last) = value.last_chunk() {
        let (words, _) = value.as_chunks();
        words.iter().fold(special(*last), |found, word| found | special(*word)) == 0
    } else {
        value.iter().all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))
    }
}

/// Returns something but zero when one of eight bytes has to be escaped: is below a space or above a tilde, a quote or
/// a backslash. (A byte is zero where taking one from it borrows: the bit tricks of Hacker's Delight, 6-1. A borrow
/// may run into the next byte, which makes no difference to whether there is one.)
fn special(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let word = u64::from_le_bytes(word);
    let below = |least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    let above = word.wrapping_add(ONES) | word;
    (below(b' ') | quote | backslash | above) & (ONES * 0x80)
}

/// Returns whether a terminal or a viewer lets `character` change how the rest of a line looks: separators
/// of lines, marks of direction, and the byte order mark.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

fn escape(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        other if other.is_control() || is_invisible(other) => {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests;
