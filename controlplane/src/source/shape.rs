//! The shape of a tree: every field that is unknown, missing or of another type, at once.
//!
//! Owns a serde deserializer over [`Node`]s. serde stops at the first error, so what was wrong is
//! left out and the tree is read again, until it can be read or nothing is left. Unknown fields are
//! noted in passing.
//!
//! Invariants: a problem is told once; a field that is missing because its value was refused is no
//! problem of its own; the number of readings is bounded.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    fmt,
};

use halftone_core::policy::{Diagnostic, nearest};
use serde::{
    de::{
        self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, IntoDeserializer as _,
        MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};

use super::{
    tree::{Entry, Node, Place, Value, join},
    words,
};

/// Most values that are looked at in all readings of one tree together: a small one is read as often
/// as anybody makes mistakes, a large one for a second or so.
const VALUES_MAX: usize = 4_000_000;
/// Readings of the largest tree, and of the smallest.
const READINGS: (usize, usize) = (64, 4096);

/// What could be read of a tree.
pub(super) struct Shape<T> {
    /// The value without what was left out; nothing when nothing is left.
    pub(super) value: Option<T>,
    /// Every problem, with its place and path.
    pub(super) problems: Vec<Diagnostic>,
    /// Values that were refused, by address: the tree does not move.
    pub(super) left_out: HashSet<usize>,
}

/// Reads a `T` out of `root`.
pub(super) fn read_shape<T: DeserializeOwned>(root: &Node) -> Shape<T> {
    let notes = Notes::default();
    for _ in 0..(VALUES_MAX / root.count()).clamp(READINGS.0, READINGS.1) {
        match T::deserialize(Reader { node: root, path: String::new(), notes: &notes }) {
            Ok(value) => return notes.into_shape(Some(value)),
            Err(refused) => {
                let (node, path, place) =
                    refused.at.unwrap_or((id(root), String::new(), root.place));
                notes.left_out.borrow_mut().insert(node);
                if !refused.follows {
                    notes.add(path, refused.message, place);
                }
                if node == id(root) {
                    return notes.into_shape(None);
                }
            }
        }
    }
    let more = "these are not all: reading ends after so many, correct them and look again";
    notes.add(String::new(), more.to_owned(), root.place);
    notes.into_shape(None)
}

/// What was noted so far.
#[derive(Default)]
struct Notes {
    /// Values that were refused, by address: the tree does not move.
    left_out: RefCell<HashSet<usize>>,
    /// Problems by place, so that one is told once.
    problems: RefCell<BTreeMap<(u64, u64, String), Diagnostic>>,
}

impl Notes {
    fn add(&self, path: String, message: String, Place { line, column }: Place) {
        let problem = Diagnostic::new(path.clone(), message).at(line, column);
        self.problems.borrow_mut().entry((line, column, path)).or_insert(problem);
    }

    fn is_left_out(&self, node: &Node) -> bool {
        self.left_out.borrow().contains(&id(node))
    }

    fn into_shape<T>(self, value: Option<T>) -> Shape<T> {
        Shape {
            value,
            problems: self.problems.into_inner().into_values().collect(),
            left_out: self.left_out.into_inner(),
        }
    }
}

/// Returns what tells a value of a tree from all others: its address.
pub(super) fn id(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

/// Why a value is not what was expected; the innermost reader adds where.
#[derive(Debug)]
struct Refused {
    message: String,
    at: Option<(usize, String, Place)>,
    /// Whether it only follows from what was left out.
    follows: bool,
}

impl Refused {
    /// Gives it the place of `node`, unless something in that was refused: what a type finds wrong with a value that it has
    /// read is known outside of the value's reader only.
    fn at(self, node: &Node, path: String) -> Self {
        Self { at: self.at.or_else(|| Some((id(node), path, node.place))), ..self }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), at: None, follows: false }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(words::mismatch(found, expected))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(words::mismatch(found, expected))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::custom(words::unknown_word(found, known))
    }
}

/// One value, to be read.
struct Reader<'t> {
    node: &'t Node,
    path: String,
    notes: &'t Notes,
}

impl<'t> Reader<'t> {
    /// Reads, and gives an error its place.
    fn read<V>(self, read: impl FnOnce(&Self) -> Result<V, Refused>) -> Result<V, Refused> {
        read(&self).map_err(|refused| refused.at(self.node, self.path.clone()))
    }

    fn visit<'de, V: Visitor<'de>>(
        &self,
        visitor: V,
        fields: Option<&'static [&'static str]>,
    ) -> Result<V::Value, Refused> {
        let (path, notes) = (&self.path, self.notes);
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Unsigned(value) => visitor.visit_u64(*value),
            Value::Signed(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => {
                visitor.visit_seq(Items { items: items.iter().enumerate(), path, notes })
            }
            Value::Map(entries) => visitor.visit_map(Entries {
                entries: entries.iter(),
                value: None,
                fields,
                path,
                notes,
            }),
        }
    }
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.read(|reader| reader.visit(visitor, None))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let bare = !matches!(self.node.value, Value::Text(_) | Value::List(_) | Value::Map(_));
        self.read(|reader| reader.visit(visitor, None)).map_err(|mut refused| {
            if bare {
                refused.message.push_str("; put it in quotes");
            }
            refused
        })
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.read(|reader| {
            // serde would take a list for the fields in their order.
            if matches!(reader.node.value, Value::List(_)) {
                return Err(de::Error::invalid_type(Unexpected::Seq, &visitor));
            }
            reader.visit(visitor, Some(fields)).map_err(|refused| {
                // `missing field `x``: its own, unless x was there and left out.
                let missing = refused.message.strip_prefix("missing field `");
                let missing = missing.and_then(|rest| rest.strip_suffix('`'));
                let follows = refused.at.is_none() && missing.is_some_and(|name| reader.lost(name));
                Refused { follows: follows || refused.follows, ..refused }
            })
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        struct OneOf(&'static [&'static str]);
        impl Expected for OneOf {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&words::one_of(self.0))
            }
        }
        self.read(|reader| match &reader.node.value {
            Value::Text(text) => visitor.visit_enum(Word(text)),
            other => Err(de::Error::invalid_type(other.unexpected(), &OneOf(known))),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

impl Reader<'_> {
    /// Returns whether the map has this field, left out because of what is in it.
    fn lost(&self, name: &str) -> bool {
        let Value::Map(entries) = &self.node.value else { return false };
        entries.iter().any(|entry| entry.key == name && self.notes.is_left_out(&entry.node))
    }
}

/// The items of a list.
struct Items<'t> {
    items: std::iter::Enumerate<std::slice::Iter<'t, Node>>,
    path: &'t str,
    notes: &'t Notes,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        let Self { path, notes, .. } = *self;
        let Some((at, node)) = self.items.find(|(_, node)| !notes.is_left_out(node)) else {
            return Ok(None);
        };
        let path = || format!("{path}[{at}]");
        let read = seed.deserialize(Reader { node, path: path(), notes });
        read.map(Some).map_err(|refused| refused.at(node, path()))
    }
}

/// The entries of a map; of a struct when it has fields.
struct Entries<'t> {
    entries: std::slice::Iter<'t, Entry>,
    value: Option<&'t Entry>,
    fields: Option<&'static [&'static str]>,
    path: &'t str,
    notes: &'t Notes,
}

impl<'t> Entries<'t> {
    fn next(&mut self) -> Option<&'t Entry> {
        let Self { fields, path, notes, .. } = *self;
        self.entries.by_ref().filter(|entry| !notes.is_left_out(&entry.node)).find(|entry| {
            let Some(fields) = fields else { return true };
            let known = fields.contains(&entry.key.as_str());
            if !known {
                let hint = nearest(&entry.key, fields.iter().copied());
                let hint = hint.map_or_else(
                    || format!("; expected one of {}", fields.join(", ")),
                    |near| format!("; did you mean {near:?}?"),
                );
                let message = format!("unknown field {:?}{hint}", entry.key);
                notes.add(join(path, &entry.key), message, entry.place);
            }
            known
        })
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        self.value = self.next();
        let Some(entry) = self.value else { return Ok(None) };
        seed.deserialize(entry.key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let entry = self.value.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        let path = || join(self.path, &entry.key);
        let read = seed.deserialize(Reader { node: &entry.node, path: path(), notes: self.notes });
        read.map_err(|refused| refused.at(&entry.node, path()))
    }
}

/// A word that names one of several.
struct Word<'t>(&'t str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        let value = seed.deserialize(self.0.into_deserializer())?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Refused> {
        Err(de::Error::custom("expected a value beside the word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Refused> {
        Err(de::Error::custom("expected values beside the word"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refused> {
        Err(de::Error::custom("expected fields beside the word"))
    }
}
