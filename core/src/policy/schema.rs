//! JSON Schema of what people write, for editors and other programs.
//!
//! Owns the shapes that serde's types do not tell by themselves, and the removal of what this build
//! does not serve. Says less than validation: names that must resolve and weights that must fit are
//! [`super::validate`]'s.
//!
//! Invariants: equal for equal builds; a field of POLICY that this build refuses is not in it; `null`
//! stands nowhere, though it is read as nothing.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};

use super::{Bundle, Gateway, Label, NotServed, Percent, Size, Split, Timeout, Timestamp};

/// Marks what is taken out.
const NOT_SERVED: &str = "x-not-served";

/// Returns the schema of `kind: Bundle`.
#[must_use]
pub fn bundle_schema() -> Value {
    schema::<Bundle>("Bundle")
}

/// Returns the schema of `kind: Gateway`.
#[must_use]
pub fn gateway_schema() -> Value {
    schema::<Gateway>("Gateway")
}

fn schema<T: JsonSchema>(kind: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    clean(&mut schema);
    schema["properties"]["apiVersion"] = json!({ "const": "halftone/v1" });
    schema["properties"]["kind"] = json!({ "const": kind });
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        definitions.remove("NotServed");
    }
    schema
}

/// Takes out what is not served, `null`, and the links of our own documentation.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get_mut("properties") {
                properties.retain(|_, property| !is_not_served(property));
            }
            if members.get("default") == Some(&Value::Null) {
                members.remove("default");
            }
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|one| one != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|one| *one != json!({ "type": "null" }));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only: Map<String, Value> = only.clone();
                    members.remove("anyOf");
                    for (name, value) in only {
                        members.entry(name).or_insert(value);
                    }
                }
            }
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`").replace("super::", "");
            }
            members.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}

fn is_not_served(schema: &Value) -> bool {
    let any_of = schema["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    schema.get(NOT_SERVED).is_some() || any_of.iter().any(is_not_served)
}

/// Gives a type that is written as text, or otherwise by hand, its schema.
macro_rules! by_hand {
    ($($type:ident => $schema:tt,)*) => {
        $(impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

by_hand! {
    NotServed => { "x-not-served": true },
    Percent => {
        "type": ["string", "integer"], "minimum": 0, "maximum": 100,
        "pattern": r"^\s*[0-9]{1,3}(\.[0-9]{1,4})?\s*%?\s*$",
    },
    Timestamp => { "type": "string", "format": "date-time" },
    Timeout => { "type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$" },
    Size => {
        "type": ["string", "integer"], "minimum": 0,
        "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB)?$",
    },
    Label => { "type": ["string", "integer", "boolean"] },
}

impl JsonSchema for Split {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Split".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let weight = generator.subschema_for::<Percent>();
        json_schema!({ "oneOf": [
            { "const": "scheduled" },
            { "type": "object", "additionalProperties": weight },
        ] })
    }
}
