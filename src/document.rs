//! Files that commands are given: read, judged, and what is wrong with them told.
//!
//! Owns reading within bounds and the form in which problems are printed. Judging is
//! `halftone_controlplane::document`'s, the same that the API does.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Result, bail};
use halftone_controlplane::document::{self, Document, Judgement};
use halftone_core::{
    limits::BUNDLE_BYTES_MAX,
    policy::{Bundle, Diagnostic},
};
use serde_json::Value;

use crate::{config, usage::Usage};

/// The name under which a command reads standard input.
const STDIN: &str = "-";

/// A file, read.
pub(crate) struct Text {
    /// Its name, as it was given and as it is shown.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
}

impl Text {
    /// Reads the file at `path`; `-` is standard input.
    ///
    /// # Errors
    /// [`Usage`]: it cannot be read, or is larger than anything that is.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let is_stdin = path.as_os_str() == STDIN;
        let name = if is_stdin { "stdin".to_owned() } else { path.display().to_string() };
        let read = if is_stdin { read(io::stdin()) } else { File::open(path).and_then(read) };
        match read {
            Ok(bytes) if bytes.len() > BUNDLE_BYTES_MAX => {
                let most = BUNDLE_BYTES_MAX / 1024 / 1024;
                Err(Usage(format!("{name} is larger than {most} MiB, the most that is read"))
                    .into())
            }
            Ok(bytes) => Ok(Self { name, bytes }),
            Err(error) => Err(Usage(format!("{name} cannot be read: {error}")).into()),
        }
    }

    /// Judges it by what kind it is.
    pub(crate) fn judge(&self) -> Judgement {
        document::judge(&self.bytes, Path::new(&self.name), &config::problems)
    }

    /// Returns the bundle that it is; `done` is what cannot be done to anything else.
    ///
    /// # Errors
    /// [`Usage`] when it is something else; every problem when it has some.
    pub(crate) fn bundle(&self, done: &str) -> Result<Bundle> {
        let (name, judgement) = (&self.name, self.judge());
        if let Some(Document::Bundle(bundle)) = judgement.document {
            return Ok(*bundle);
        }
        if judgement.problems.is_empty() {
            return Err(Usage(format!("{name} is no bundle: only bundles are {done}")).into());
        }
        let told: Vec<String> = judgement.problems.iter().map(ToString::to_string).collect();
        bail!("{name} is not {done}:\n  {}", told.join("\n  "))
    }
}

/// Opens the file at `path`, to be read as it is sent on; `-` is standard input.
///
/// # Errors
/// [`Usage`]: it cannot be read.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path.as_os_str() == STDIN {
        return Ok(Box::new(io::stdin()));
    }
    let failed = |error| Usage(format!("{} cannot be read: {error}", path.display()));
    Ok(Box::new(File::open(path).map_err(failed)?))
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(BUNDLE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// It is refused.
    Error,
    /// It is taken.
    Warning,
}

/// Writes `file:line:column: error: path: message`, the form that editors and CI follow.
pub(crate) fn line(severity: Severity, diagnostic: &Diagnostic) -> String {
    let word = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut place = diagnostic.file.clone().unwrap_or_default();
    if let (Some(line), Some(column)) = (diagnostic.line, diagnostic.column) {
        place.push_str(&format!(":{line}:{column}"));
    }
    let rest = Diagnostic { file: None, line: None, column: None, ..diagnostic.clone() };
    let line = format!("{place}: {word}: {rest}");
    line.trim_start_matches(": ").to_owned()
}

/// Returns what the API says of a file, its errors or its warnings.
pub(crate) fn told_of(file: &str, list: &Value) -> Vec<Diagnostic> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let diagnostic = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default();
        let place = |name: &str| one[name].as_u64();
        Diagnostic {
            line: place("line"),
            column: place("column"),
            ..Diagnostic::new(text("path"), text("message")).in_file(file)
        }
    };
    list.iter().map(diagnostic).collect()
}

/// Says how many of something there are.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_editors_follow() {
        let problem = Diagnostic::new("releases.a", "expected b");
        let check = |problem: &Diagnostic, severity, expected: &str| {
            assert_eq!(line(severity, problem), expected);
        };
        check(&problem, Severity::Error, "error: releases.a: expected b");
        let problem = problem.in_file("a.yaml");
        check(&problem, Severity::Error, "a.yaml: error: releases.a: expected b");
        let problem = problem.at(3, 7);
        check(&problem, Severity::Warning, "a.yaml:3:7: warning: releases.a: expected b");
    }
}
