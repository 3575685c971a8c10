//! What is looked up by a name, and what is one of several.
//!
//! Owns `request.headers["x"]` and its like, and `in` with all that may stand behind it.

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue},
};

use super::{
    Names, Type,
    check::{Checker, MAPS, Operand, qualified},
};
use crate::{
    limits::{ALTERNATIVES_MAX, NAME_BYTES_MAX},
    table::{NodeRow, PartRow},
};

impl<N: Names> Checker<'_, N> {
    /// `request.headers["x"]` and its like.
    pub(super) fn lookup(&mut self, map: &IdedExpr, key: &IdedExpr) -> Option<Operand> {
        let name = qualified(map).map(|(_, name)| name).unwrap_or_default();
        if !MAPS.contains(&name.as_str()) {
            return self.problem(map, format!("expected one of {} before [", MAPS.join(", ")));
        }
        let part = self.part(&name, key)?;
        self.push(NodeRow::Part(part), &[], Type::String)
    }

    fn part(&mut self, map: &str, key: &IdedExpr) -> Option<PartRow> {
        let Expr::Literal(LiteralValue::String(key_text)) = &key.expr else {
            self.problem(key, format!("expected a name in quotes, as in {map}[\"x\"]"));
            return None;
        };
        let text = key_text.inner();
        if text.is_empty() || text.len() > NAME_BYTES_MAX {
            self.problem(key, "expected a name of 1 to 253 bytes");
            return None;
        }
        Some(match map {
            "request.headers" => PartRow::Header(text.to_ascii_lowercase()),
            "request.query" => PartRow::Query(text.to_owned()),
            _ => PartRow::Cookie(text.to_owned()),
        })
    }

    /// `x in [1, 2]`, and `"x" in request.headers`.
    pub(super) fn contained(
        &mut self,
        at: &IdedExpr,
        value: &IdedExpr,
        list: &IdedExpr,
    ) -> Option<Operand> {
        let map = qualified(list).map(|(_, name)| name);
        if let Some(map) = map.filter(|map| MAPS.contains(&map.as_str())) {
            let part = self.part(&map, value)?;
            let part = self.push(NodeRow::Part(part), &[], Type::String)?;
            return self.push(NodeRow::Has(part.node), &[part], Type::Bool);
        }
        let Expr::List(items) = &list.expr else {
            self.value(value);
            return self.problem(list, "expected a list behind `in`, as in x in [1, 2]");
        };
        let operand = self.value(value);
        if items.elements.len() > ALTERNATIVES_MAX {
            let message = format!(
                "expected at most {ALTERNATIVES_MAX} values, got {}: use a segment",
                items.elements.len()
            );
            return self.problem(list, message);
        }
        let found = self.found();
        let mut node = match operand?.kind {
            Type::String => NodeRow::InTexts(
                0,
                self.items(&items.elements, "text", |literal| {
                    let LiteralValue::String(text) = literal else { return None };
                    Some(text.inner().into())
                }),
            ),
            Type::Int => NodeRow::InInts(
                0,
                self.items(&items.elements, "an integer", |literal| {
                    let LiteralValue::Int(number) = literal else { return None };
                    Some(**number)
                }),
            ),
            Type::Double => NodeRow::InDoubles(0, self.items(&items.elements, "a number", number)),
            Type::Bool => return self.problem(at, "true and false need no list"),
        };
        if self.found() > found {
            return None;
        }
        let operand = operand?;
        match &mut node {
            NodeRow::InTexts(value, items) => {
                *value = operand.node;
                items.sort();
                items.dedup();
            }
            NodeRow::InInts(value, items) => {
                *value = operand.node;
                items.sort_unstable();
                items.dedup();
            }
            NodeRow::InDoubles(value, _) => *value = operand.node,
            _ => {}
        }
        self.push(node, &[operand], Type::Bool)
    }

    /// Returns the literals of a list, and notes those that are of another type.
    fn items<T>(
        &mut self,
        elements: &[IdedExpr],
        expected: &str,
        read: impl Fn(&LiteralValue) -> Option<T>,
    ) -> Vec<T> {
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            let literal = match &element.expr {
                Expr::Literal(literal) => read(literal),
                _ => None,
            };
            match literal {
                Some(item) => items.push(item),
                None => {
                    self.problem(element, format!("expected {expected}, written out"));
                }
            }
        }
        items
    }
}

fn number(literal: &LiteralValue) -> Option<f64> {
    match literal {
        LiteralValue::Double(number) => Some(**number),
        // What a double cannot hold exactly is not what was written.
        LiteralValue::Int(number) => i32::try_from(**number).ok().map(f64::from),
        _ => None,
    }
}
