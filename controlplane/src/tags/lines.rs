//! Lines that people load, and the rows they are.
//!
//! Owns the forms: NDJSON, an object `{"id": …, "tags": {…}}` a line; and CSV (RFC 4180) whose first line names
//! the columns, one of them `id`, the others tags; an empty field is no tag. Where ids are wanted alone: either of these with
//! whatever else is in it, or an id a line. Does not know where lines come from.
//!
//! Invariant: a line is a row, within bounds, or one message; a field in quotes ends on its line.

use std::collections::{BTreeMap, BTreeSet};

use halftone_core::{
    policy::{Label, is_name},
    signal::tags::{Tags, check},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::Row;

/// The column of CSV that is no tag.
const ID: &str = "id";

/// How a line is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An object a line.
    Ndjson,
    /// An object a line, of which the id is read.
    NdjsonIds,
    /// An id a line.
    Ids,
    /// Fields, in the order of these columns; none yet before the first line.
    Csv(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    id: String,
    tags: BTreeMap<String, Label>,
}

/// An object that has an id, and whatever else.
#[derive(Deserialize)]
struct Identified {
    id: String,
}

impl Form {
    /// Returns what the first line that is not empty tells; nothing when it is.
    pub(super) fn of_first(line: &[u8], ids_alone: bool) -> Option<Self> {
        let first = line.iter().find(|byte| !byte.is_ascii_whitespace())?;
        let named = || std::str::from_utf8(line).is_ok_and(|text| header(text.trim_end()).is_ok());
        Some(match (*first == b'{', ids_alone) {
            (true, false) => Self::Ndjson,
            (true, true) => Self::NdjsonIds,
            // With a comma in it, it is CSV that does not name its columns.
            (false, true) if !named() && !line.contains(&b',') => Self::Ids,
            (false, _) => Self::Csv(Vec::new()),
        })
    }

    /// Reads a line without its end; nothing when it is empty, or names the columns.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn read(&mut self, line: &[u8]) -> Result<Option<Row>, String> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| "expected UTF-8".to_owned())?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let row = match self {
            Self::Ndjson => {
                let object: Object = object(text)?;
                (object.id, tags_of(object.tags))
            }
            Self::NdjsonIds => (object::<Identified>(text)?.id, Tags::new()),
            Self::Ids => (text.trim_start_matches('\u{feff}').trim().to_owned(), Tags::new()),
            Self::Csv(columns) if columns.is_empty() => {
                *columns = header(text)?;
                return Ok(None);
            }
            Self::Csv(columns) => record(text, columns)?,
        };
        check(&row.0, &row.1).map_err(|error| error.to_string())?;
        Ok(Some(row))
    }

    /// Returns whether nothing can be read for lack of columns.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Csv(columns) if columns.is_empty())
    }
}

/// Returns the texts of labels, as tags are kept.
pub(crate) fn tags_of(labels: BTreeMap<String, Label>) -> Tags {
    labels.into_iter().map(|(name, value)| (name, value.to_string())).collect()
}

fn object<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        // Every text is one line, so its number is the caller's to tell.
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        format!("column {column}: {}", message.strip_suffix(&place).unwrap_or(&message))
    })
}

fn header(text: &str) -> Result<Vec<String>, String> {
    let columns = fields(text.trim_start_matches('\u{feff}'))?;
    let mut seen = BTreeSet::new();
    for name in &columns {
        if !is_name(name) {
            return Err(format!("expected names of columns, one of them {ID:?}, got {name:?}"));
        }
        if !seen.insert(name) {
            return Err(format!("column {name:?} is there twice"));
        }
    }
    if !columns.iter().any(|name| name == ID) {
        return Err(format!("expected a column {ID:?} among {}", columns.join(", ")));
    }
    Ok(columns)
}

fn record(text: &str, columns: &[String]) -> Result<Row, String> {
    let fields = fields(text)?;
    if fields.len() != columns.len() {
        return Err(format!("expected {} fields, got {}", columns.len(), fields.len()));
    }
    let (mut id, mut tags) = (String::new(), Tags::new());
    for (name, value) in columns.iter().zip(fields) {
        if name == ID {
            id = value;
        } else if !value.is_empty() {
            tags.insert(name.clone(), value);
        }
    }
    Ok((id, tags))
}

/// Splits a record (RFC 4180 §2, rules 4 to 7).
fn fields(text: &str) -> Result<Vec<String>, String> {
    let (mut fields, mut rest) = (Vec::new(), text);
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let (field, behind) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                if field.contains('"') {
                    return Err("a quote stands inside a field that is not quoted".to_owned());
                }
                (field.to_owned(), behind)
            }
        };
        fields.push(field);
        match behind.strip_prefix(',') {
            Some(more) => rest = more,
            None if behind.is_empty() => return Ok(fields),
            None => return Err("expected a comma behind a quoted field".to_owned()),
        }
    }
}

fn quoted_field(mut rest: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    loop {
        let end = rest.find('"').ok_or("a quoted field does not end on its line")?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            // A quote is written twice.
            Some(behind) => {
                field.push('"');
                rest = behind;
            }
            None => return Ok((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests;
