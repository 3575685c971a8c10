//! What a check found wrong.

use std::fmt;

/// One place that breaks a rule of the house.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offence {
    /// File, file and line, or package.
    pub(crate) place: String,
    /// What the rule asks for there.
    pub(crate) expected: String,
    /// What stands there.
    pub(crate) found: String,
}

impl Offence {
    pub(crate) fn new(
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { place: place.into(), expected: expected.into(), found: found.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.place, self.expected, self.found)
    }
}

/// Fails a test with every offence on a line of its own.
///
/// # Panics
/// There is an offence.
pub(crate) fn assert_none(rule: &str, offences: &[Offence]) {
    let lines: Vec<String> = offences.iter().map(|offence| format!("  {offence}")).collect();
    assert!(offences.is_empty(), "{rule}: {} broken\n{}\n", lines.len(), lines.join("\n"));
}
