//! Regular expressions: written by people, compiled by a control plane, run by workers.
//!
//! Owns the form in which they travel (the bytes of a sparse DFA) and the one in which they run. Does not know what
//! they are matched against. Invariants:
//! - a match looks at each byte once, allocates nothing and cannot fail: what a DFA cannot do is refused when it is
//!   compiled;
//! - an expression matches a whole value, as those of Envoy's routes do, unless it is made to be searched for, as
//!   CEL's `matches` does;
//! - bytes are decoded once, when their table is opened, and checked then.

use std::fmt;

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton as _, StartKind, dense, sparse},
    util::syntax,
};
use thiserror::Error;

use super::RegexRow;
use crate::limits::{REGEX_BUILD_BYTES_MAX, REGEX_BYTES_MAX, VALUE_BYTES_MAX};

/// Why an expression cannot be served; says what to write instead where there is something.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RegexError {
    /// It is longer than any value it could be compared with.
    #[error("expected at most {VALUE_BYTES_MAX} bytes, got {0}")]
    Long(usize),
    /// It is no expression, or says what a DFA cannot decide.
    #[error("{0}")]
    Refused(String),
    /// Its automaton takes more memory than one expression may.
    #[error(
        "its automaton takes more than {REGEX_BYTES_MAX} bytes: use smaller repetitions, or (?-u) where ASCII will do"
    )]
    Large,
}

/// Compiles `pattern`, which matches whole values.
///
/// # Errors
/// [`RegexError`].
pub fn compile(pattern: &str) -> Result<RegexRow, RegexError> {
    compile_as(pattern, &format!(r"(?:{pattern})\z"), false)
}

/// Compiles `pattern`, which is searched for in values.
///
/// # Errors
/// [`RegexError`].
pub fn compile_search(pattern: &str) -> Result<RegexRow, RegexError> {
    compile_as(pattern, &format!("(?s-u:.)*?(?:{pattern})"), true)
}

fn compile_as(pattern: &str, anchored: &str, search: bool) -> Result<RegexRow, RegexError> {
    if pattern.len() > VALUE_BYTES_MAX {
        return Err(RegexError::Long(pattern.len()));
    }
    // Alone first, so that what is wrong is told about what was written.
    check_syntax(pattern)?;
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .match_kind(MatchKind::LeftmostFirst)
        .dfa_size_limit(Some(REGEX_BUILD_BYTES_MAX))
        .determinize_size_limit(Some(REGEX_BUILD_BYTES_MAX));
    let dense = dense::Builder::new()
        .configure(config)
        .syntax(syntax())
        .build(anchored)
        .map_err(|error| refused(&error))?;
    let dfa = dense.to_sparse().map_err(|error| refused(&error))?.to_bytes_little_endian();
    if dfa.len() > REGEX_BYTES_MAX {
        return Err(RegexError::Large);
    }
    Ok(RegexRow { pattern: pattern.to_owned(), search, dfa })
}

/// Values are bytes: what is not UTF-8 is matched by nothing that means characters.
fn syntax() -> syntax::Config {
    syntax::Config::new().utf8(false)
}

fn check_syntax(pattern: &str) -> Result<(), RegexError> {
    match syntax::parse_with(pattern, &syntax()) {
        Ok(_) => Ok(()),
        // Several lines, the last of which says what is wrong.
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(RegexError::Refused(format!("no regular expression: {last}")))
        }
    }
}

fn refused(error: &dense::BuildError) -> RegexError {
    if error.is_size_limit_exceeded() {
        return RegexError::Large;
    }
    let text =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    RegexError::Refused(text)
}

/// An expression, ready to run.
pub struct Regex(sparse::DFA<Vec<u8>>);

impl Regex {
    /// Decodes the bytes of an automaton; nothing when they are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (dfa, used) = sparse::DFA::from_bytes(bytes).ok()?;
        (used == bytes.len()).then(|| Self(dfa.to_owned()))
    }

    /// Returns whether the whole of `value` matches, or whether something in it does when it was made for that.
    #[must_use]
    pub fn is_match(&self, value: &[u8]) -> bool {
        let input = Input::new(value).anchored(Anchored::Yes).earliest(true);
        matches!(self.0.try_search_fwd(&input), Ok(Some(_)))
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regex").field("bytes", &self.0.memory_usage()).finish()
    }
}

#[cfg(test)]
mod tests;
