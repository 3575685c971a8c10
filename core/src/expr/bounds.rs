//! Bounds of a text, before it is parsed.
//!
//! Owns the reason why the parser may be trusted with a stack: it descends once per nested bracket
//! and once per operator of a chain, so both are counted here, outside of literals and comments.

use super::{Problem, place};
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_NESTING_MAX, EXPRESSION_OPERATORS_MAX};

/// Refuses a text that is too long, nests too deeply or has too many operators.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!("expected at most {EXPRESSION_BYTES_MAX} bytes, got {}", text.len());
        return Err(Problem { line: 1, column: 1, message, unknown: None });
    }
    let problem = |at: usize, message: String| {
        let (line, column) = place(text, at);
        Problem { line, column, message, unknown: None }
    };
    // By open bracket: the conditionals in it, which nest until it is closed.
    let mut conditionals = vec![0usize];
    let (mut operators, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let end = token_end(bytes, at);
        match bytes[at] {
            b'(' | b'[' | b'{' => conditionals.push(0),
            b')' | b']' | b'}' if conditionals.len() > 1 => drop(conditionals.pop()),
            b'?' => conditionals.iter_mut().next_back().into_iter().for_each(|count| *count += 1),
            _ => {}
        }
        let nesting = conditionals.len() - 1 + conditionals.iter().sum::<usize>();
        operators += usize::from(b"+-*/%<>=!&|?:.([{".contains(&bytes[at]));
        if nesting > EXPRESSION_NESTING_MAX {
            let message = format!("expected at most {EXPRESSION_NESTING_MAX} levels of nesting");
            return Err(problem(at, message));
        }
        if operators > EXPRESSION_OPERATORS_MAX {
            let message =
                format!("too costly: expected at most {EXPRESSION_OPERATORS_MAX} operators");
            return Err(problem(at, message));
        }
        at = end;
    }
    Ok(())
}

/// Returns the end of the literal, comment or character that begins at `at`.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return memchr::memchr(b'\n', rest).map_or(bytes.len(), |end| at + end);
    }
    if is_word(rest[0]) {
        let word = rest.iter().take_while(|byte| is_word(**byte)).count();
        let is_raw = matches!(&rest[..word], b"r" | b"R" | b"br" | b"bR" | b"Br" | b"BR");
        return match rest.get(word) {
            Some(b'"' | b'\'') if is_raw => literal_end(bytes, at + word, true),
            _ => at + word,
        };
    }
    match rest[0] {
        b'"' | b'\'' => literal_end(bytes, at, false),
        // The lexer skips what it does not know one character at a time.
        _ => at + 1,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the end of the literal whose quote is at `at`; just behind the quote when it never ends.
fn literal_end(bytes: &[u8], at: usize, is_raw: bool) -> usize {
    let quote = bytes[at];
    let triple = [quote; 3];
    let is_long = bytes[at..].starts_with(&triple);
    let mut next = at + if is_long { 3 } else { 1 };
    while next < bytes.len() {
        let byte = bytes[next];
        if byte == b'\\' && !is_raw {
            next += 2;
        } else if is_long && bytes[next..].starts_with(&triple) {
            return next + 3;
        } else if !is_long && byte == quote {
            return next + 1;
        } else if !is_long && matches!(byte, b'\n' | b'\r') {
            break;
        } else {
            next += 1;
        }
    }
    at + 1
}
