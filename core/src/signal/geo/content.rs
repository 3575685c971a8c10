//! What a record says, as a number: equal for equal content, wherever in a file it lies.
//!
//! Owns that. Names in a map count in any order; places in an array count.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The content of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content(pub(super) u64);

impl Content {
    fn of(kind: u64, bytes: &[u8]) -> Self {
        Self(xxh3_64_with_seed(bytes, kind))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::of(1, &[u8::from(value)]))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::of(2, &i128::from(value).to_le_bytes()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::of(2, &i128::from(value).to_le_bytes()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::of(3, &value.to_le_bytes()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::of(4, &value.to_le_bytes()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::of(5, value.as_bytes()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Content, E> {
        Ok(Content::of(6, value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut whole = Content::of(7, &[]);
        while let Some(Content(item)) = items.next_element()? {
            let both = (u128::from(whole.0) << 64) | u128::from(item);
            whole = Content::of(7, &both.to_le_bytes());
        }
        Ok(whole)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut sum = 0u64;
        while let Some((Content(name), Content(value))) = entries.next_entry()? {
            let both = (u128::from(name) << 64) | u128::from(value);
            sum = sum.wrapping_add(Content::of(8, &both.to_le_bytes()).0);
        }
        Ok(Content::of(8, &sum.to_le_bytes()))
    }
}
