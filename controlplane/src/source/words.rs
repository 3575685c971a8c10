//! What serde expects and finds, in the words of people who write bundles.
//!
//! Owns the translation: nobody who wrote YAML knows what a `u64` or a `struct Rule` is.

use serde::de::{Expected, Unexpected};

/// Most characters of a text that are repeated to who wrote it.
const SHOWN_MAX: usize = 64;

/// Says that something else was expected, and what was found.
pub(super) fn mismatch(found: Unexpected<'_>, expected: &dyn Expected) -> String {
    format!("expected {}, got {}", wanted(&expected.to_string()), shown(found))
}

/// Says that a word is none of those known here.
pub(super) fn unknown_word(found: &str, known: &[&str]) -> String {
    format!("expected {}, got {}", one_of(known), shown(Unexpected::Str(found)))
}

/// Names the words of which one is expected.
pub(super) fn one_of(known: &[&str]) -> String {
    match known {
        [only] => (*only).to_owned(),
        several => format!("one of {}", several.join(", ")),
    }
}

fn wanted(expected: &str) -> &str {
    match expected {
        "a string" | "string" | "str" => "text",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") => "a map",
        other => other,
    }
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Char(value) => format!("{:?}", value.to_string()),
        Unexpected::Str(text) if text.chars().count() > SHOWN_MAX => {
            format!("{:?}…", text.chars().take(SHOWN_MAX).collect::<String>())
        }
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}
