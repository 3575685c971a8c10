//! Parsing, by the `cel` crate.
//!
//! Owns the words for what is no expression: the parser tells them in terms of its grammar. Remembers
//! what it parsed: a text is parsed when its bundle is judged, linted, compiled and published, and again
//! with each change of another line of it. Nobody can tell but by the time it takes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use cel::{Env, IdedExpr, common::ast::SourceInfo};

use super::Problem;
use crate::limits::{EXPRESSION_NESTING_MAX, EXPRESSIONS_REMEMBERED_BYTES_MAX};

/// What the parser says before characters that begin no token.
const UNREAD: &str = "token recognition error at: ";

/// A text, parsed.
pub(super) struct Parsed {
    pub(super) root: IdedExpr,
    pub(super) source: SourceInfo,
}

/// Texts that were parsed.
static REMEMBERED: Mutex<Memory> = Mutex::new(Memory { late: None, before: None, late_bytes: 0 });

/// Two generations of texts: when the late one is full, what nobody asked for since the last time that
/// happened is forgotten.
struct Memory {
    late: Option<HashMap<String, Arc<Parsed>>>,
    before: Option<HashMap<String, Arc<Parsed>>>,
    late_bytes: usize,
}

impl Memory {
    fn find(&mut self, text: &str) -> Option<Arc<Parsed>> {
        if let Some(parsed) = self.late.as_ref().and_then(|late| late.get(text)) {
            return Some(Arc::clone(parsed));
        }
        let parsed = self.before.as_mut()?.remove(text)?;
        self.keep(text, Arc::clone(&parsed));
        Some(parsed)
    }

    fn keep(&mut self, text: &str, parsed: Arc<Parsed>) {
        if self.late_bytes + text.len() > EXPRESSIONS_REMEMBERED_BYTES_MAX {
            self.before = self.late.take();
            self.late_bytes = 0;
        }
        self.late_bytes += text.len();
        self.late.get_or_insert_default().insert(text.to_owned(), parsed);
    }
}

/// Parses a text that is within its bounds.
pub(super) fn parse(text: &str) -> Result<Arc<Parsed>, Vec<Problem>> {
    let memory = || REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(parsed) = memory().find(text) {
        return Ok(parsed);
    }
    let parsed = Arc::new(parse_anew(text)?);
    memory().keep(text, Arc::clone(&parsed));
    Ok(parsed)
}

fn parse_anew(text: &str) -> Result<Parsed, Vec<Problem>> {
    // An environment without the standard library expands no macros: `has` and `all` stay calls.
    let nesting = u16::try_from(EXPRESSION_NESTING_MAX).unwrap_or(u16::MAX);
    let parser = Env::default().parser().max_recursion_depth(nesting);
    let refused = match parser.parse_with_source_info(text) {
        Ok((root, source)) => return Ok(Parsed { root, source }),
        Err(refused) => refused,
    };
    let end = text.chars().count();
    let mut problems: Vec<Problem> = Vec::new();
    let mut unread = false;
    for error in refused.errors {
        // What lies behind characters that are none of the language's cannot be told from them.
        let is_character = error.msg.contains(UNREAD);
        if unread && !is_character {
            continue;
        }
        unread |= is_character;
        let at = |number: isize| usize::try_from(number).unwrap_or(1).max(1);
        let problem = Problem {
            line: at(error.pos.0),
            column: at(error.pos.1),
            message: words(&error.msg, end == 0),
            unknown: None,
        };
        // What cannot be read at a place is told once.
        if !problems
            .iter()
            .any(|known| (known.line, known.column) == (problem.line, problem.column))
        {
            problems.push(problem);
        }
    }
    Err(problems)
}

fn words(message: &str, is_empty: bool) -> String {
    let message = message.trim_start_matches("Syntax error: ");
    let quoted = |text: &str| {
        // `'x' expecting …`: what lies between the first quote and the last before "expecting".
        let text = text.split(" expecting ").next().unwrap_or(text);
        let text = text.strip_prefix('\'').unwrap_or(text);
        text.strip_suffix('\'').unwrap_or(text).to_owned()
    };
    if is_empty {
        return "expected an expression such as age > 18, got nothing".to_owned();
    }
    if message.contains("input '<EOF>'") {
        return "the expression ends where a value is expected".to_owned();
    }
    if let Some(rest) = message.strip_prefix(UNREAD) {
        let found = quoted(rest);
        let hint = if found.starts_with(['"', '\'']) {
            ": the quote is not closed"
        } else {
            meant(found.trim())
        };
        return format!("cannot read {:?}{hint}", found.trim());
    }
    for prefix in ["extraneous input ", "mismatched input ", "no viable alternative at input "] {
        if let Some(rest) = message.strip_prefix(prefix) {
            let found = quoted(rest);
            return format!("did not expect {found:?} here{}", meant(&found));
        }
    }
    match message {
        "UNKNOWN" => format!("expected at most {EXPRESSION_NESTING_MAX} levels of nesting"),
        "invalid int literal" => "expected an integer of 64 bits".to_owned(),
        "invalid double literal" => "expected a finite number of 64 bits".to_owned(),
        other => other.to_owned(),
    }
}

/// Says what an operator of another language is here.
fn meant(found: &str) -> &'static str {
    match found {
        "=" => "; did you mean \"==\"?",
        "&" | "and" | "AND" => "; did you mean \"&&\"?",
        "|" | "or" | "OR" => "; did you mean \"||\"?",
        "not" | "NOT" => "; did you mean \"!\"?",
        _ => "",
    }
}
