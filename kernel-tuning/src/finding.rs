//! What was found about one knob.
//!
//! Owns [`Finding`], its status and its serialised form. Does not read or judge: each knob's own
//! room does.
//!
//! Invariants:
//! - `current` is absent exactly when the status is unknown, and then `unread` says why.
//! - `how` and `undo` are present together, and only when the status is low.

use std::error::Error;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::ReadError;

/// Says how a knob compares with what a gateway wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The knob is as wanted, or beyond it.
    Ok,
    /// The knob falls short of what is wanted.
    Low,
    /// The knob could not be read.
    Unknown,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Describes one knob: what it is, what it should be, and what a person would run.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The kernel's own name of the knob, as in `net.core.somaxconn`.
    pub knob: String,
    /// The value found.
    pub current: Option<String>,
    /// The value a gateway wants, in words a person reads.
    pub wanted: String,
    /// How the two compare.
    pub status: Status,
    /// Why a gateway cares, in one sentence.
    pub reason: &'static str,
    /// Why the knob could not be read.
    #[serde(serialize_with = "serialize_with_causes")]
    pub unread: Option<ReadError>,
    /// The command that sets the knob as wanted until the next boot; needs root.
    pub how: Option<String>,
    /// The command that sets it back to `current`.
    pub undo: Option<String>,
}

/// The commands that change a knob and change it back.
pub(crate) struct Commands {
    pub(crate) how: String,
    pub(crate) undo: String,
}

/// A knob before it is read.
pub(crate) struct Knob {
    pub(crate) name: String,
    pub(crate) wanted: String,
    pub(crate) reason: &'static str,
}

impl Knob {
    /// Makes the finding of a knob that is as wanted.
    pub(crate) fn ok(self, current: String) -> Finding {
        self.judged(current, Status::Ok, None)
    }

    /// Makes the finding of a knob that falls short; `commands` is absent when none changes it.
    pub(crate) fn low(self, current: String, commands: Option<Commands>) -> Finding {
        self.judged(current, Status::Low, commands)
    }

    /// Makes the finding of a knob that could not be read.
    pub(crate) fn unknown(self, error: ReadError) -> Finding {
        Finding {
            knob: self.name,
            current: None,
            wanted: self.wanted,
            status: Status::Unknown,
            reason: self.reason,
            unread: Some(error),
            how: None,
            undo: None,
        }
    }

    fn judged(self, current: String, status: Status, commands: Option<Commands>) -> Finding {
        let (how, undo) = commands.map(|commands| (commands.how, commands.undo)).unzip();
        Finding {
            knob: self.name,
            current: Some(current),
            wanted: self.wanted,
            status,
            reason: self.reason,
            unread: None,
            how,
            undo,
        }
    }
}

/// Writes the command that puts each value into its file, files of one value together.
///
/// Values and paths must have been parsed: they are not quoted.
pub(crate) fn write_command(settings: &[(String, String)]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (path, value) in settings {
        match groups.iter_mut().find(|(known, _)| known == value) {
            Some((_, paths)) => paths.push(path),
            None => groups.push((value, vec![path])),
        }
    }
    let commands: Vec<String> = groups
        .iter()
        .map(|(value, paths)| format!("echo {value} | tee {}", paths.join(" ")))
        .collect();
    commands.join(" && ")
}

/// Writes an error and its causes on one line.
pub(crate) fn with_causes(error: &ReadError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn serialize_with_causes<S: Serializer>(
    unread: &Option<ReadError>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    unread.as_ref().map(with_causes).serialize(serializer)
}

#[cfg(test)]
mod tests;
