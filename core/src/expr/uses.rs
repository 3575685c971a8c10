//! What an expression reads, without judging it.
//!
//! Owns a walk over the parsed text, for those who need the names in it before they have meanings.

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};

use super::{bounds, check::qualified, parse};

/// Something that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// A name: an attribute's, an alias, or a part of the request.
    Name(String),
    /// A segment, as it is called.
    Segment(String),
    /// A header.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A query parameter.
    Query(String),
}

/// Returns everything that `text` reads; nothing when it cannot be parsed.
#[must_use]
pub fn uses(text: &str) -> Vec<Use> {
    let mut uses = Vec::new();
    if bounds::check(text).is_ok()
        && let Ok(parsed) = parse::parse(text)
    {
        collect(&parsed.root, &mut uses);
    }
    uses
}

fn collect(expression: &IdedExpr, uses: &mut Vec<Use>) {
    if let Some((_, name)) = qualified(expression) {
        uses.push(Use::Name(name));
        return;
    }
    match &expression.expr {
        Expr::Call(call) => {
            match (call.func_name.as_str(), call.args.as_slice()) {
                ("segment", [name]) => uses.extend(literal(name).map(Use::Segment)),
                (operators::INDEX, [map, key]) | (operators::IN, [key, map]) => {
                    uses.extend(looked_up(map, key));
                }
                (name, []) if call.target.is_none() => uses.push(Use::Segment(name.to_owned())),
                _ => {}
            }
            call.target.iter().for_each(|target| collect(target, uses));
            call.args.iter().for_each(|argument| collect(argument, uses));
        }
        Expr::Select(select) => collect(&select.operand, uses),
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, uses)),
        _ => {}
    }
}

fn looked_up(map: &IdedExpr, key: &IdedExpr) -> Option<Use> {
    let (_, map) = qualified(map)?;
    let key = literal(key)?;
    match map.as_str() {
        "request.headers" => Some(Use::Header(key)),
        "request.cookies" => Some(Use::Cookie(key)),
        "request.query" => Some(Use::Query(key)),
        _ => None,
    }
}

fn literal(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}
