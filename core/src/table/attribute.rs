//! Attributes as they are archived: where a value comes from, and what its text is read as.
//!
//! Owns these rows. The parts of a request they name are [`super::expression`]'s.

use rkyv::{Archive, Deserialize, Serialize};

use super::PartRow;

/// An attribute.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct AttributeRow {
    /// Its name, for people.
    pub name: String,
    /// What its text is read as.
    pub kind: AttributeKind,
    /// Where its value may come from, first present wins.
    pub sources: Vec<SourceRow>,
    /// Its text when none is present; no bucketing key.
    pub default: Option<String>,
}

/// What the text of an attribute is read as.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum AttributeKind {
    /// UTF-8 text.
    String,
    /// A decimal 64-bit integer.
    Int,
    /// A decimal number.
    Double,
    /// `true` or `false`.
    Bool,
}

/// A place a value may come from.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct SourceRow {
    /// Which part of the request.
    pub part: PartRow,
    /// Whether it is believed from trusted peers only.
    pub trusted: bool,
}
