//! A text as a tree of values, each with its place.
//!
//! Owns the values and the search for the place a diagnostic is about. Does not know what a value is
//! for ([`super::shape`] does). Invariants: places are counted in lines and characters from 1; keys
//! given twice are found here, in every format.

use std::{collections::HashSet, fmt};

use halftone_core::policy::Diagnostic;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Unexpected, Visitor},
};
use serde_saphyr::Spanned;

/// A place in a text: line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, its place, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// Returns the place of what `path` (of a [`Diagnostic`]) names, or of the nearest thing around
    /// it that is there. Names in a path may have dots, so the longest key that fits is taken.
    pub(super) fn locate(&self, path: &str) -> Place {
        let (mut node, mut place, mut rest) = (self, self.place, path);
        while let Some((found, found_place, behind)) = node.step(rest) {
            (node, rest) = (found, behind);
            place = if found.is_container() { found_place } else { found.place };
        }
        place
    }

    /// Returns what `path` names, or `key` in it, and all that is around it, outermost first; up to
    /// what stands where a map or a list would; nothing when it is not there.
    pub(super) fn trail(&self, path: &str, key: Option<&str>) -> Option<Vec<&Self>> {
        let (mut trail, mut node, mut rest) = (vec![self], self, path);
        while !rest.is_empty() && node.is_container() {
            (node, _, rest) = node.step(rest)?;
            trail.push(node);
        }
        if let (Some(key), Value::Map(entries)) = (key, &node.value) {
            trail.push(&entries.iter().find(|entry| entry.key == key)?.node);
        }
        Some(trail)
    }

    /// Returns whether `holds` does of this value or of any in it.
    pub(super) fn any(&self, holds: &impl Fn(&Self) -> bool) -> bool {
        holds(self)
            || match &self.value {
                Value::Map(entries) => entries.iter().any(|entry| entry.node.any(holds)),
                Value::List(items) => items.iter().any(|item| item.any(holds)),
                _ => false,
            }
    }

    /// Counts this value and all in it.
    pub(super) fn count(&self) -> usize {
        1 + match &self.value {
            Value::Map(entries) => entries.iter().map(|entry| entry.node.count()).sum(),
            Value::List(items) => items.iter().map(Self::count).sum(),
            _ => 0,
        }
    }

    pub(super) fn is_container(&self) -> bool {
        matches!(self.value, Value::Map(_) | Value::List(_))
    }

    /// Goes one step along a path: what is there, its place, and the rest of the path.
    fn step<'p>(&self, path: &'p str) -> Option<(&Self, Place, &'p str)> {
        let path = path.strip_prefix('.').unwrap_or(path);
        match &self.value {
            Value::Map(entries) => {
                let fits = |entry: &&Entry| {
                    let behind = path.strip_prefix(entry.key.as_str());
                    behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
                };
                let found = entries.iter().filter(fits).max_by_key(|entry| entry.key.len())?;
                Some((&found.node, found.place, &path[found.key.len()..]))
            }
            Value::List(items) => {
                let (at, behind) = index(path)?;
                items.get(at).map(|item| (item, item.place, behind))
            }
            _ => None,
        }
    }

    /// Returns the text behind these keys, if one is there.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        match (&self.value, path) {
            (Value::Text(text), []) => Some(text),
            (Value::Map(entries), [key, rest @ ..]) => {
                entries.iter().find(|entry| entry.key == *key)?.node.text(rest)
            }
            _ => None,
        }
    }

    /// Finds keys that are given twice, and removes all but the first.
    pub(super) fn take_duplicates(&mut self, path: &str, found: &mut Vec<Diagnostic>) {
        match &mut self.value {
            Value::Map(entries) => {
                let mut seen = HashSet::new();
                entries.retain(|entry| {
                    let is_first = seen.insert(entry.key.clone());
                    if !is_first {
                        let message = format!("the key {:?} is given twice", entry.key);
                        let Place { line, column } = entry.place;
                        found.push(
                            Diagnostic::new(join(path, &entry.key), message).at(line, column),
                        );
                    }
                    is_first
                });
                for entry in entries {
                    entry.node.take_duplicates(&join(path, &entry.key), found);
                }
            }
            Value::List(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    item.take_duplicates(&format!("{path}[{at}]"), found);
                }
            }
            _ => {}
        }
    }
}

impl Value {
    /// Returns what serde calls it.
    pub(super) fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::Text(text) => Unexpected::Str(text),
            Self::List(_) => Unexpected::Seq,
            Self::Map(_) => Unexpected::Map,
        }
    }
}

/// Reads `[3]` at the front.
fn index(text: &str) -> Option<(usize, &str)> {
    let (number, behind) = text.strip_prefix('[')?.split_once(']')?;
    Some((number.parse().ok()?, behind))
}

/// Appends a key to a path.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { value: spanned.value, place: place(&spanned.referenced) }
    }
}

fn place(location: &serde_saphyr::Location) -> Place {
    Place { line: location.line(), column: location.column() }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Signed(value), Value::Unsigned))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(item.into());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let place = place(&key.referenced);
            let node = entries.next_value::<Spanned<Value>>()?.into();
            map.push(Entry { key: key.value, place, node });
        }
        Ok(Value::Map(map))
    }
}
