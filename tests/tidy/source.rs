//! Rust text without its comments and literals.
//!
//! Knows just enough of the language's lexical rules to tell code from text: comments that nest,
//! strings raw and plain, characters beside lifetimes. Does not parse.
//!
//! Invariant: what comes out has the lines of what went in.

/// Removes comments, strings and characters; lines stay where they are.
pub(crate) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = comment(rest).or_else(|| literal(rest, last_word(&code)));
        if let Some(length) = length {
            // A space keeps the words on both sides apart.
            code.push(' ');
            code.extend(rest[..length].chars().filter(|&c| c == '\n'));
            rest = &rest[length..];
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

/// Finds each place where a word stands as a whole, as pairs of what is before and after it.
pub(crate) fn occurrences<'a>(line: &'a str, word: &str) -> Vec<(&'a str, &'a str)> {
    let whole = |(before, after): &(&str, &str)| {
        !before.ends_with(is_word_part) && !after.starts_with(is_word_part)
    };
    let places = line.match_indices(word);
    places.map(|(at, _)| (&line[..at], &line[at + word.len()..])).filter(whole).collect()
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the word that a text ends with; empty if it ends with none.
pub(crate) fn last_word(code: &str) -> &str {
    &code[code.trim_end_matches(is_word_part).len()..]
}

/// Measures the comment that a text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(next) = text[at..].find(['/', '*']).map(|offset| at + offset) {
        let opens = text[next..].starts_with("/*");
        let closes = text[next..].starts_with("*/");
        at = next + if opens || closes { 2 } else { 1 };
        depth = depth + usize::from(opens) - usize::from(closes);
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

/// Measures the literal that a text begins with, given the word that ends right before it.
fn literal(text: &str, word_before: &str) -> Option<usize> {
    match text.as_bytes().first()? {
        b'"' => Some(quoted(text, '"')),
        b'\'' if is_character(text) => Some(quoted(text, '\'')),
        b'r' if matches!(word_before, "" | "b" | "c") => raw_string(text),
        _ => None,
    }
}

/// Tells a character, which is an escape or closes after one sign, from a lifetime or label.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|&byte| byte == b'#').count();
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before_body = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| before_body + at + end.len()))
}

#[cfg(test)]
mod tests;
