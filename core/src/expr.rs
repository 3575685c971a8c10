//! Expressions: what people write after `when:`, a subset of CEL.
//!
//! Owns the way from text to an archived program: bounds, the `cel` crate's parser, types, and the
//! form that workers evaluate ([`crate::table::ExpressionRow`]). Does not evaluate
//! ([`crate::route`] does) and knows no bundle: what names mean is asked of [`Names`].
//!
//! Invariants:
//! - every problem of a text is found at once, each with line and column;
//! - a program that is returned is well typed, and what it costs is bounded;
//! - a text is hostile: what would take the parser too deep is refused before it is parsed.

use std::fmt;

use crate::table::{ExpressionRow, regex::RegexError};

mod bounds;
mod check;
mod functions;
mod lists;
mod parse;
mod scope;
mod uses;

pub use scope::{Scope, is_spelled, order, spelled};
pub use uses::{Use, uses};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A 64-bit signed integer.
    Int,
    /// A 64-bit floating point number.
    Double,
    /// UTF-8 text.
    String,
}

impl Type {
    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
        })
    }
}

/// A segment that an expression may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its row in `segments`.
    pub row: u32,
    /// What it costs to ask.
    pub size: Size,
}

/// How large a program is, with the segments it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Nodes that are evaluated at most.
    pub nodes: usize,
    /// How deep they lie.
    pub depth: usize,
}

impl Size {
    /// A question that nothing else is part of.
    pub const ONE: Self = Self { nodes: 1, depth: 1 };
}

/// What the names in an expression mean.
pub trait Names {
    /// Returns the row and the type of an attribute, by its name or alias.
    fn attribute(&self, name: &str) -> Option<(u32, Type)>;
    /// Returns a segment.
    fn segment(&self, name: &str) -> Option<Segment>;
    /// Returns every name of an attribute and every alias, for suggestions.
    fn attributes(&self) -> Vec<&str>;
    /// Returns the names of all segments, for suggestions.
    fn segments(&self) -> Vec<&str>;
    /// Returns the row of a regular expression that is searched for.
    ///
    /// # Errors
    /// [`RegexError`].
    fn search(&mut self, pattern: &str) -> Result<u32, RegexError>;
}

/// What is wrong at one place of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub message: String,
    /// The name that means nothing, if that is what is wrong.
    pub unknown: Option<Unknown>,
}

/// A name that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// As an attribute, or as the alias of one.
    Attribute(String),
    /// As a segment.
    Segment(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Compiles `text`, an expression that is true or false.
///
/// # Errors
/// Every [`Problem`], in the order of the text.
pub fn compile(text: &str, names: &mut impl Names) -> Result<(ExpressionRow, Size), Vec<Problem>> {
    bounds::check(text).map_err(|problem| vec![problem])?;
    let parsed = parse::parse(text)?;
    check::check(text, &parsed, names)
}

/// Returns the line and the column, in characters, of the byte at `offset`; both from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.char_indices().take_while(|(at, _)| *at < offset);
    before.fold((1, 1), |(line, column), (_, character)| match character {
        '\n' => (line + 1, 1),
        _ => (line, column + 1),
    })
}

#[cfg(test)]
mod tests;
