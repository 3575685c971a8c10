//! A load: bytes as they come, cut into lines, gathered into portions for the store.
//!
//! Owns the numbers of lines and the list of bad ones. Does not write: who feeds it takes [`Loader::portion`]
//! whenever [`Loader::is_full`].
//!
//! Invariants:
//! - what is held is bounded: one line, one portion, and the messages of [`TAG_REFUSALS_MAX`] bad lines;
//! - every line that was read is in a portion, or told; a load that ends early says at which line.

use halftone_core::{
    limits::{TAG_BATCH_BYTES, TAG_BATCH_LINES, TAG_LINE_BYTES_MAX, TAG_REFUSALS_MAX},
    signal::tags::size,
};
use serde::Serialize;

pub(crate) use super::lines::tags_of;
use super::{Row, lines::Form};

/// How ids are written that come alone, but for one a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdForm {
    /// A column `id` among others.
    Csv,
    /// An object a line, with a field `id` among others.
    Ndjson,
}

/// A line that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// Its number, from 1.
    pub(crate) line: u64,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// A load while it comes.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    /// Nothing until the first byte that is no space tells, unless it was said.
    form: Option<Form>,
    /// Whether nothing but ids is of interest.
    ids_alone: bool,
    /// Whether any line was not empty.
    has_begun: bool,
    /// The beginning of the next line.
    pending: Vec<u8>,
    /// Whether the rest of a line is passed over, which was too long.
    skipping: bool,
    line: u64,
    rows: Vec<Row>,
    bytes: usize,
    refused: Vec<Refused>,
    /// The line with which it ended early.
    ended_at: Option<u64>,
}

impl Loader {
    /// Reads CSV, whatever the first byte says.
    #[must_use]
    pub(crate) fn csv() -> Self {
        Self { form: Some(Form::Csv(Vec::new())), ..Self::default() }
    }

    /// Reads NDJSON, whatever the first byte says.
    #[must_use]
    pub(crate) fn ndjson() -> Self {
        Self { form: Some(Form::Ndjson), ..Self::default() }
    }

    /// Reads ids alone: of `form`, else of what the first line tells.
    #[must_use]
    pub(crate) fn of_ids(form: Option<IdForm>) -> Self {
        let form = form.map(|form| match form {
            IdForm::Csv => Form::Csv(Vec::new()),
            IdForm::Ndjson => Form::NdjsonIds,
        });
        Self { form, ids_alone: true, ..Self::default() }
    }

    /// Takes what has come.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// Takes the last line, which need not have an end.
    pub(crate) fn finish(&mut self) {
        if !self.pending.is_empty() || self.skipping {
            self.end_line();
        }
    }

    /// Returns whether there is enough to be written.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= TAG_BATCH_LINES || self.bytes >= TAG_BATCH_BYTES
    }

    /// Takes the rows out that were read since the last time.
    pub(crate) fn portion(&mut self) -> Vec<Row> {
        self.bytes = 0;
        std::mem::take(&mut self.rows)
    }

    /// Returns the bad lines, in order.
    #[must_use]
    pub(crate) fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Returns the line with which the load ended, when nothing behind it is read.
    #[must_use]
    pub(crate) fn ended_at(&self) -> Option<u64> {
        self.ended_at
    }

    /// Returns whether there was anything to read.
    #[must_use]
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.skipping || self.ended_at.is_some() {
            return;
        }
        if self.pending.len() + bytes.len() > TAG_LINE_BYTES_MAX {
            self.skipping = true;
            self.pending.clear();
        } else {
            self.pending.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self) {
        if self.ended_at.is_some() {
            return;
        }
        self.line += 1;
        if std::mem::take(&mut self.skipping) {
            return self.refuse(format!("expected at most {TAG_LINE_BYTES_MAX} bytes"));
        }
        let line = std::mem::take(&mut self.pending);
        self.has_begun |= line.iter().any(|byte| !byte.is_ascii_whitespace());
        if self.form.is_none() {
            self.form = Form::of_first(&line, self.ids_alone);
        }
        let Some(form) = &mut self.form else { return };
        match form.read(&line) {
            Ok(Some(row)) => {
                self.bytes += row.0.len() + size(&row.1);
                self.rows.push(row);
            }
            Ok(None) => {}
            Err(message) => self.refuse(message),
        }
        // Its room is used again.
        self.pending = line;
        self.pending.clear();
    }

    fn refuse(&mut self, message: String) {
        self.refused.push(Refused { line: self.line, message });
        let is_lost = self.form.as_ref().is_some_and(Form::is_lost);
        if is_lost || self.refused.len() >= TAG_REFUSALS_MAX {
            self.ended_at = Some(self.line);
        }
    }
}

#[cfg(test)]
mod tests;
