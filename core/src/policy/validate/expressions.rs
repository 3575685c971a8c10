//! Attributes and expressions.
//!
//! Owns what names in expressions may be, and the place in the bundle of whatever is wrong with them.

use std::collections::BTreeMap;

use super::{Found, check_token, claims, regions};
use crate::{
    expr::{self, Names as _, Scope, Segment as Named, Size, Type, Unknown},
    limits::{NAME_BYTES_MAX, SEGMENTS_MAX, TAG_VALUE_BYTES_MAX},
    policy::{
        Attribute, AttributeType, Bundle, CLIENT_IP, Diagnostic, Label, Lack, Source, USER_ID,
        is_name,
    },
};

/// First words of names that expressions have already.
const TAKEN: [&str; 5] = ["request", "client", "geo", "geohash", "segment"];
/// Furthest segment of a path that can be an attribute: what lies beyond is no name any more.
const PATH_SEGMENTS_MAX: u32 = 64;

/// Checks attributes and segments; returns what expressions of this bundle may name.
pub(super) fn check_names<'a>(found: &mut Found, bundle: &'a Bundle) -> Scope<'a> {
    let mut scope = Scope::default();
    scope.add_attribute(CLIENT_IP, 0, Type::String);
    for (row, (name, attribute)) in (1u32..).zip(&bundle.attributes) {
        let path = format!("attributes.{name}");
        check_attribute(found, &path, name, attribute);
        check_tags(found, &path, name, attribute, bundle);
        regions::check(found, &path, name, attribute, bundle);
        check_devices(found, &path, attribute);
        let kind = attribute.kind.in_expressions();
        scope.add_attribute(name, row, kind);
        let Some(alias) = &attribute.alias else { continue };
        let path = format!("{path}.alias");
        if !is_identifier(alias) {
            found.add(&path, format!("expected letters, digits and '_', got {alias:?}"));
        } else if TAKEN.contains(&alias.as_str()) {
            found.add(&path, format!("{alias:?} has a meaning in expressions already"));
        } else if bundle.attributes.contains_key(alias) {
            found.add(&path, format!("{alias:?} is the name of an attribute already"));
        } else if scope.attribute(alias).is_some() {
            found.add(&path, format!("{alias:?} is the alias of another attribute already"));
        } else {
            scope.add_attribute(alias, row, kind);
        }
    }
    check_segments(found, bundle, &mut scope);
    scope
}

/// Checks an expression.
pub(super) fn check_expression(found: &mut Found, path: &str, text: &str, scope: &mut Scope<'_>) {
    for problem in expr::compile(text, scope).err().into_iter().flatten() {
        add_problem(found, path, problem);
    }
}

fn add_problem(found: &mut Found, path: &str, problem: expr::Problem) {
    let message = problem.to_string();
    let lack = problem.unknown.map(|unknown| match unknown {
        Unknown::Attribute(name) => Lack::Attribute(name),
        Unknown::Segment(name) => Lack::Segment(name),
    });
    let lacks = lack.into_iter().collect();
    found.0.push(Diagnostic { lacks, ..Diagnostic::new(path, message) });
}

fn check_attribute(found: &mut Found, path: &str, name: &str, attribute: &Attribute) {
    found.name(path, name);
    if name == CLIENT_IP {
        found.add(path, "client.ip is always there and cannot be declared");
    }
    if attribute.from.is_empty() {
        found.empty(&format!("{path}.from"), "expected at least one source");
    }
    for (index, source) in attribute.from.iter().enumerate() {
        check_source(found, &format!("{path}.from[{index}]"), source);
    }
    if let Some(default) = &attribute.default {
        check_default(found, &format!("{path}.default"), attribute.kind, default);
    }
}

/// Checks the value that stands in for one that is not there.
fn check_default(found: &mut Found, path: &str, kind: AttributeType, default: &Label) {
    let text = default.to_string();
    let (is_read, expected) = match kind {
        AttributeType::String => (true, "text"),
        AttributeType::Int => (text.parse::<i64>().is_ok(), "a whole number of 64 bits"),
        AttributeType::Double => (text.parse().is_ok_and(f64::is_finite), "a number"),
        AttributeType::Bool => (text.parse::<bool>().is_ok(), "true or false"),
    };
    if !is_read {
        found.add(path, format!("expected {expected}, as the type says, got {text:?}"));
    } else if text.len() > TAG_VALUE_BYTES_MAX {
        found.add(path, format!("expected at most {TAG_VALUE_BYTES_MAX} bytes"));
    }
}

/// Checks that tags can be looked up: by an id that does not come from tags itself.
fn check_tags(found: &mut Found, path: &str, name: &str, attribute: &Attribute, bundle: &Bundle) {
    for (index, source) in attribute.from.iter().enumerate() {
        let Some(tag) = &source.tags else { continue };
        let path = format!("{path}.from[{index}].tags");
        if !is_name(tag) {
            found.add(&path, format!("expected letters, digits, '.', '_' and '-', got {tag:?}"));
        }
        if name == USER_ID {
            let message = format!("tags are looked up by {USER_ID}, which cannot be one of them");
            found.add(&path, message);
        } else if !bundle.attributes.contains_key(USER_ID) {
            let message = format!("tags are looked up by the attribute {USER_ID}: declare it");
            found.undeclared(&path, USER_ID, &message);
        }
    }
}

/// Checks that what a device tells can be of the type: words are no numbers.
fn check_devices(found: &mut Found, path: &str, attribute: &Attribute) {
    let properties = attribute.from.iter().enumerate();
    for (index, property) in properties.filter_map(|(index, one)| Some((index, one.device?))) {
        let is_number = matches!(attribute.kind, AttributeType::Int | AttributeType::Double);
        let fits = attribute.kind == AttributeType::String || is_number && property.is_number();
        if !fits {
            let types = if property.is_number() { "string, int or double" } else { "string" };
            let message = format!("{:?} is text; expected type {types}", property.as_str());
            found.add(&format!("{path}.from[{index}].device"), message);
        }
    }
}

fn check_source(found: &mut Found, path: &str, source: &Source) {
    let named = [
        source.header.is_some(),
        source.cookie.is_some(),
        source.query.is_some(),
        source.path_segment.is_some(),
        source.request.is_some(),
        source.grpc.is_some(),
        source.client.is_some(),
        source.tags.is_some(),
        source.geoip.is_some(),
        source.geohash.is_some(),
        source.device.is_some(),
        source.jwt.is_some(),
    ];
    let places = [
        "header",
        "cookie",
        "query",
        "pathSegment",
        "request",
        "grpc",
        "client",
        "tags",
        "geoip",
        "geohash",
        "device",
        "jwt",
    ];
    if source.signed && source.cookie.is_none() {
        found.add(&format!("{path}.signed"), "only a cookie can be signed: name one");
    }
    found.one_of(path, &places, named.into_iter().filter(|is_there| *is_there).count());
    claims::check(found, path, source);
    if let Some(header) = &source.header {
        check_token(found, &format!("{path}.header"), header);
    }
    if let Some(cookie) = &source.cookie {
        check_token(found, &format!("{path}.cookie"), cookie);
    }
    if let Some(query) = &source.query
        && !(1..=NAME_BYTES_MAX).contains(&query.len())
    {
        found.add(&format!("{path}.query"), format!("expected 1 to {NAME_BYTES_MAX} bytes"));
    }
    if let Some(number) = source.path_segment
        && !(1..=PATH_SEGMENTS_MAX).contains(&number)
    {
        let message = format!("expected 1 to {PATH_SEGMENTS_MAX}, got {number}");
        found.add(&format!("{path}.pathSegment"), message);
    }
}

fn check_segments<'a>(found: &mut Found, bundle: &'a Bundle, scope: &mut Scope<'a>) {
    if bundle.segments.len() > SEGMENTS_MAX {
        found.add("segments", format!("expected at most {SEGMENTS_MAX}"));
    }
    let mut spelled = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for (name, segment) in &bundle.segments {
        let path = format!("segments.{name}");
        found.name(&path, name);
        if let Some(other) = spelled.insert(expr::spelled(name), name) {
            found.add(&path, format!("is called like {other:?}: calls spell '-' and '.' as '_'"));
        }
        if let Some(list) = &segment.members {
            check_members(found, &format!("{path}.members"), list, bundle);
            scope.add_segment(name, Named { row: 0, size: Size::ONE });
        }
        texts.extend(segment.when.as_deref().map(|text| (name.as_str(), text)));
        let given = usize::from(segment.when.is_some()) + usize::from(segment.members.is_some());
        found.one_of(&path, &["when", "members"], given);
    }
    let ordered = match expr::order(&texts) {
        Ok(ordered) => ordered,
        Err(circle) => {
            let first = circle.first().copied().unwrap_or_default();
            let message = format!("segments name each other: {} → {first}", circle.join(" → "));
            found.add(&format!("segments.{first}.when"), message);
            Vec::new()
        }
    };
    for (row, name) in (0u32..).zip(&ordered) {
        let size = match expr::compile(texts[name], scope) {
            Ok((_, size)) => size,
            Err(problems) => {
                for problem in problems {
                    add_problem(found, &format!("segments.{name}.when"), problem);
                }
                Size::default()
            }
        };
        scope.add_segment(name, Named { row, size });
    }
    // What cannot be compiled is told once, where it is written; naming it is no mistake of its own.
    let others = texts.keys().copied().filter(|name| !ordered.contains(name));
    for name in others {
        scope.add_segment(name, Named { row: 0, size: Size::default() });
    }
}

/// Checks that members can be told: by an id that the bundle declares.
fn check_members(found: &mut Found, path: &str, list: &str, bundle: &Bundle) {
    if !is_name(list) {
        let expected = "expected the name of a list: letters, digits, '.', '_' and '-'";
        found.add(path, format!("{expected}, got {list:?}"));
    }
    if !bundle.attributes.contains_key(USER_ID) {
        let message = format!("members are told by the attribute {USER_ID}: declare it");
        found.undeclared(path, USER_ID, &message);
    }
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first
        && text.len() <= NAME_BYTES_MAX
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
