//! The functions of expressions.
//!
//! Owns their names, what they take and what they give, and the words for what is no function.

use std::ops::RangeInclusive;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, operators},
};

use super::{
    Names, Type, Unknown,
    check::{Checker, Operand, qualified},
    scope::is_spelled,
};
use crate::{
    policy::{GEO_LATITUDE, GEO_LONGITUDE, nearest},
    signal::{geo::position::FURTHEST_KM, trust::Cidr},
    table::{AffixRow, NONE, NodeRow, PositionRow, WithinRow},
};

/// Every function, as it is written.
const FUNCTIONS: [&str; 9] =
    ["startsWith", "endsWith", "contains", "matches", "size", "has", "segment", "inCidr", "within"];
/// CEL's loops.
const LOOPS: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];

impl<N: Names> Checker<'_, N> {
    pub(super) fn function(&mut self, at: &IdedExpr, call: &CallExpr) -> Option<Operand> {
        let target = call.target.as_deref();
        let affix = match call.func_name.as_str() {
            "startsWith" => Some(AffixRow::StartsWith),
            "endsWith" => Some(AffixRow::EndsWith),
            "contains" => Some(AffixRow::Contains),
            _ => None,
        };
        match (call.func_name.as_str(), target, call.args.as_slice()) {
            (_, Some(text), [part]) if let Some(affix) = affix => {
                let (text, part) =
                    (self.wanted(text, Type::String), self.wanted(part, Type::String));
                let (text, part) = (text?, part?);
                self.push(NodeRow::Affix(affix, text.node, part.node), &[text, part], Type::Bool)
            }
            ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => {
                self.matches(text, pattern)
            }
            ("size", Some(text), []) | ("size", None, [text]) => {
                let text = self.wanted(text, Type::String)?;
                self.push(NodeRow::Size(text.node), &[text], Type::Int)
            }
            ("has", None, [value]) => {
                let value = self.value(value)?;
                self.push(NodeRow::Has(value.node), &[value], Type::Bool)
            }
            ("inCidr", Some(address), [range]) => self.in_range(address, range),
            ("segment", None, [name]) => {
                let Expr::Literal(LiteralValue::String(text)) = &name.expr else {
                    return self.problem(name, "expected a segment's name in quotes");
                };
                self.segment(name, text.inner())
            }
            ("within", Some(geo), [latitude, longitude, km])
                if qualified(geo).is_some_and(|(_, name)| name == "geo") =>
            {
                self.within(latitude, longitude, km)
            }
            (name, None, []) if !FUNCTIONS.contains(&name) => self.segment(at, name),
            (name, _, _) => self.unknown(at, name),
        }
    }

    fn matches(&mut self, text: &IdedExpr, pattern: &IdedExpr) -> Option<Operand> {
        let text = self.wanted(text, Type::String);
        let Expr::Literal(LiteralValue::String(written)) = &pattern.expr else {
            return self.problem(pattern, "expected a regular expression in quotes");
        };
        match self.names.search(written.inner()) {
            Ok(row) => {
                let text = text?;
                self.push(NodeRow::Matches(text.node, row), &[text], Type::Bool)
            }
            Err(error) => self.problem(pattern, error.to_string()),
        }
    }

    fn in_range(&mut self, address: &IdedExpr, range: &IdedExpr) -> Option<Operand> {
        let address = self.wanted(address, Type::String);
        let Expr::Literal(LiteralValue::String(written)) = &range.expr else {
            return self.problem(range, "expected a range in quotes, such as \"10.0.0.0/8\"");
        };
        match written.inner().parse::<Cidr>() {
            Ok(range) => {
                let address = address?;
                let node = NodeRow::InRange(address.node, range.into());
                self.push(node, &[address], Type::Bool)
            }
            Err(error) => self.problem(range, error.to_string()),
        }
    }

    /// A circle: its centre and its radius are constants, so that they can be judged now.
    fn within(
        &mut self,
        latitude: &IdedExpr,
        longitude: &IdedExpr,
        km: &IdedExpr,
    ) -> Option<Operand> {
        let position = self.position();
        let latitude = self.constant(latitude, -90.0..=90.0, "degrees to the north");
        let longitude = self.constant(longitude, -180.0..=180.0, "degrees to the east");
        let km = self.constant(km, 0.0..=FURTHEST_KM, "kilometres");
        let row = WithinRow { position, latitude: latitude?, longitude: longitude?, km: km? };
        self.push(NodeRow::Within(row), &[], Type::Bool)
    }

    /// A number as it is written, within bounds.
    fn constant(
        &mut self,
        written: &IdedExpr,
        bounds: RangeInclusive<f64>,
        unit: &str,
    ) -> Option<f64> {
        let number = number(written).filter(|number| bounds.contains(number));
        if number.is_none() {
            let (least, most) = (bounds.start(), bounds.end());
            self.problem(written, format!("expected {unit}, a number from {least} to {most}"));
        }
        number
    }

    /// Where the caller's position is said.
    pub(super) fn position(&self) -> PositionRow {
        let row = |name| self.names.attribute(name).map(|(row, _)| row);
        match (row(GEO_LATITUDE), row(GEO_LONGITUDE)) {
            (Some(latitude), Some(longitude)) => PositionRow { latitude, longitude },
            _ => PositionRow { latitude: NONE, longitude: NONE },
        }
    }

    /// A segment by its name; a call spells `-` as `_`.
    fn segment(&mut self, at: &IdedExpr, name: &str) -> Option<Operand> {
        if let Some(segment) = self.names.segment(name) {
            return self.push_segment(segment);
        }
        let known = self.names.segments();
        let called = known.iter().find(|known| is_spelled(known, name));
        if let Some(segment) = called.and_then(|called| self.names.segment(called)) {
            return self.push_segment(segment);
        }
        let near = nearest(name, known.into_iter()).map(str::to_owned);
        self.unknown_name(at, Unknown::Segment(name.to_owned()), near.as_deref())
    }

    fn unknown(&mut self, at: &IdedExpr, name: &str) -> Option<Operand> {
        if LOOPS.contains(&name) {
            return self.problem(at, format!("loops are not supported: {name}"));
        }
        if FUNCTIONS.contains(&name) {
            let form = match name {
                "size" => "size(text)",
                "has" => "has(user.id)",
                "segment" => "segment(\"name\")",
                "inCidr" => "client.ip.inCidr(\"10.0.0.0/8\")",
                "within" => {
                    "geo.within(31.2, 121.5, 50), in degrees north and east, and kilometres"
                }
                _ => "text.startsWith(\"x\"), and endsWith, contains, matches like it",
            };
            return self.problem(at, format!("{name} is written {form}"));
        }
        let near =
            nearest(name, FUNCTIONS.into_iter()).map(|near| format!("; did you mean {near:?}?"));
        self.problem(at, format!("unknown function {name:?}{}", near.unwrap_or_default()))
    }
}

/// Returns the number that an expression is, with its sign.
fn number(written: &IdedExpr) -> Option<f64> {
    match &written.expr {
        Expr::Literal(LiteralValue::Double(value)) => Some(**value),
        #[expect(clippy::cast_precision_loss, reason = "what is rounded is far out of bounds")]
        Expr::Literal(LiteralValue::Int(value)) => Some(**value as f64),
        Expr::Call(call) if call.func_name == operators::NEGATE => {
            call.args.first().and_then(number).map(std::ops::Neg::neg)
        }
        _ => None,
    }
}
