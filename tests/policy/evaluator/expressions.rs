//! Expressions, by the `cel` crate's interpreter over everything a request has.
//!
//! Owns the interpreter's view: an attribute that is missing is a name that is not there.

use std::collections::HashMap;

use cel::{Context, ExecutionError, Program, extractors::This};
use serde_json::{Map, Value, json};

use super::{Seen, devices, list, regions, text, tokens};

/// Whether an expression holds; nothing when nobody can say.
pub(super) fn holds(bundle: &Value, when: &str, seen: &Seen<'_>) -> Option<bool> {
    let mut context = Context::default();
    let mut values = Map::new();
    let mut put = |name: &str, value: Value| {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        match rest {
            "" => drop(values.insert(first.to_owned(), value)),
            rest => values.entry(first).or_insert_with(|| json!({}))[rest] = value,
        }
    };
    // Names with a dot are fields: they are there when one of them is.
    for (name, attribute) in bundle["attributes"].as_object().into_iter().flatten() {
        if name.contains('.') {
            put(&format!("{name}-none"), json!(""));
        }
        let Some(value) = attribute_value(bundle, attribute, seen) else { continue };
        put(name, value.clone());
        if let Some(alias) = attribute["alias"].as_str() {
            put(alias, value);
        }
    }
    values.insert("client".to_owned(), json!({ "ip": seen.request.client_ip }));
    values.insert("request".to_owned(), request(seen));
    for (name, value) in values {
        context.add_variable_from_value(name, value_of(value));
    }
    for (name, segment) in bundle["segments"].as_object().into_iter().flatten() {
        // A segment is asked only where it is named, so that none asks itself.
        if when.contains(&format!("{name}()")) {
            let held = match segment["members"].as_str() {
                Some(list) => is_member(bundle, list, seen),
                None => holds(bundle, &text(&segment["when"]), seen),
            };
            let added = context.add_function(name, move || {
                held.ok_or_else(|| ExecutionError::function_error("segment", "cannot be told"))
            });
            added.expect("a name of its own");
        }
    }
    let position = position(bundle, seen);
    if let Some(position) = position {
        let geohash = regions::geohash(position);
        context.add_variable_from_value("geohash", value_of(json!(geohash)));
    }
    let added = context.add_function(
        "within",
        move |This(_): This<cel::Value>, latitude: f64, longitude: f64, km: f64| {
            let distance = position.map(|at| regions::distance_km(at, (latitude, longitude)));
            let error = || ExecutionError::function_error("within", "nobody knows where");
            distance.map(|distance| distance <= km).ok_or_else(error)
        },
    );
    added.expect("a name of its own");
    let added = context.add_function(
        "inCidr",
        |This(address): This<std::sync::Arc<String>>, range: std::sync::Arc<String>| {
            let parsed = address.parse::<std::net::IpAddr>();
            let error = |_| ExecutionError::function_error("inCidr", "no address");
            parsed.map(|address| super::matches::is_in(address, &range)).map_err(error)
        },
    );
    added.expect("a name of its own");
    let program = Program::compile(when).expect("the interpreter reads it, too");
    match program.execute(&context) {
        Ok(cel::Value::Bool(held)) => Some(held),
        _ => None,
    }
}

/// Whether the user whom the request names is on a list; nothing when it names none, or there is no such list.
fn is_member(bundle: &Value, list: &str, seen: &Seen<'_>) -> Option<bool> {
    let id = source_text(bundle, &bundle["attributes"]["user.id"], seen)?;
    let members = seen.request.lists.get(list)?;
    (!id.is_empty()).then(|| members.contains(&id))
}

/// Integers are CEL's `int`, not its `uint`.
fn value_of(value: Value) -> cel::Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, value_of(value)));
            cel::Value::Map(fields.collect::<HashMap<String, cel::Value>>().into())
        }
        Value::Number(number) => match number.as_i64() {
            Some(number) => cel::Value::Int(number),
            None => cel::Value::Float(number.as_f64().expect("a number")),
        },
        Value::String(text) => cel::Value::String(text.into()),
        Value::Bool(truth) => cel::Value::Bool(truth),
        other => panic!("{other} is no value of a request"),
    }
}

fn request(seen: &Seen<'_>) -> Value {
    let mut headers: HashMap<String, String> = HashMap::new();
    for (name, _) in &seen.request.headers {
        if let Some(value) = seen.header(name) {
            headers.insert(name.to_lowercase(), value);
        }
    }
    let mut query: Vec<&str> = seen.request.query.split('&').collect();
    query.retain(|pair| pair.contains('='));
    let names = query.iter().filter_map(|pair| pair.split_once('=')).map(|(name, _)| name);
    let query: Map<String, Value> =
        names.filter_map(|name| Some((name.to_owned(), json!(seen.query(name)?)))).collect();
    json!({
        "method": seen.request.method, "path": seen.path, "host": seen.host, "scheme": seen.request.scheme,
        "protocol": "HTTP/1.1", "headers": headers, "query": query,
    })
}

/// The text of an attribute: of the first source that has one and is believed, else its default.
pub(super) fn attribute_text(bundle: &Value, attribute: &Value, seen: &Seen<'_>) -> Option<String> {
    let default = || match &attribute["default"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    source_text(bundle, attribute, seen).or_else(default)
}

fn source_text(bundle: &Value, attribute: &Value, seen: &Seen<'_>) -> Option<String> {
    list(&attribute["from"]).iter().find_map(|source| {
        let believed = source["trusted"] != true || seen.request.trusted;
        let beside = ["trusted", "signed", "lang", "issuer"];
        let kinds = source.as_object()?.iter();
        let value = match kinds.into_iter().find(|(name, _)| !beside.contains(&name.as_str()))? {
            (kind, Value::String(name)) if kind == "header" => seen.header(name),
            (kind, Value::String(name)) if kind == "cookie" => {
                super::buckets::cookie_source(source, name, seen)
            }
            (kind, Value::String(name)) if kind == "query" => seen.query(name),
            (kind, Value::String(name)) if kind == "tags" => {
                let id = source_text(bundle, &bundle["attributes"]["user.id"], seen)?;
                seen.request.tags.get(&id)?.get(name).cloned()
            }
            (kind, Value::String(name)) if kind == "jwt" => {
                tokens::claim(name, source["issuer"].as_str(), seen)
            }
            (kind, field) if kind == "geoip" => {
                regions::field(&seen.request.client_ip, field.as_str()?, source["lang"].as_str())
            }
            (kind, letters) if kind == "geohash" => {
                let letters = usize::try_from(letters.as_u64()?).ok()?;
                Some(regions::geohash(position(bundle, seen)?)[..letters].to_owned())
            }
            (kind, Value::String(name)) if kind == "device" => devices::value(name, seen),
            (kind, number) if kind == "pathSegment" => {
                let number = usize::try_from(number.as_u64()?).ok()?;
                let segment = seen.path.split('/').nth(number)?;
                (!segment.is_empty()).then(|| segment.to_owned())
            }
            (kind, part) if kind == "request" => match part.as_str()? {
                "method" => Some(seen.request.method.clone()),
                "host" => Some(seen.host.clone()).filter(|host| !host.is_empty()),
                "path" => Some(seen.path.clone()),
                _ => None,
            },
            _ => None,
        };
        value.filter(|_| believed)
    })
}

/// Where the caller is: where the request says, if it says both, else where its address is.
fn position(bundle: &Value, seen: &Seen<'_>) -> Option<(f64, f64)> {
    let said = |name: &str| {
        let attribute = bundle["attributes"].get(name)?;
        attribute_text(bundle, attribute, seen)
    };
    match (said("geo.lat"), said("geo.lon")) {
        (Some(latitude), Some(longitude)) => {
            let (latitude, longitude) = (latitude.parse().ok()?, longitude.parse().ok()?);
            let on_globe = f64::abs(latitude) <= 90.0 && f64::abs(longitude) <= 180.0;
            on_globe.then_some((latitude, longitude))
        }
        _ => regions::position(&seen.request.client_ip),
    }
}

fn attribute_value(bundle: &Value, attribute: &Value, seen: &Seen<'_>) -> Option<Value> {
    let written = attribute_text(bundle, attribute, seen)?;
    match attribute["type"].as_str()? {
        "int" => written.parse::<i64>().ok().map(|number| json!(number)),
        "double" => written
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(|number| json!(number)),
        "bool" => written.parse::<bool>().ok().map(|truth| json!(truth)),
        _ => Some(json!(written)),
    }
}
