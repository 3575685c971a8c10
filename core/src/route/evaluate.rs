//! Evaluating expressions, in place.
//!
//! Owns the meaning of every node, as CEL has it: an error in one operand of `&&` or `||` is absorbed
//! by the other where that decides (CEL specification, "Logical operators"), everywhere else it is the
//! result. Does not check types: [`crate::expr`] has, and a node whose operands are of another type is
//! an error like a missing value.
//!
//! Invariants: total, no allocation unless a header is repeated; a table that was verified ends.

use std::{cmp::Ordering, net::IpAddr};

use rkyv::{rend::u32_le, string::ArchivedString, vec::ArchivedVec};

use super::{
    asked::Asked,
    conditions::cidr,
    parts::{part, part_name},
    trace::{Read, Recorder, text},
};
use crate::{
    signal::geo::position::distance_km,
    table::{
        ArchivedAffixRow, ArchivedAttributeKind, ArchivedAttributeRow, ArchivedCalculateRow,
        ArchivedCompareRow, ArchivedExpressionRow, ArchivedNodeRow, ArchivedWithinRow, Rules,
    },
};

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(&'a str),
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request has none, or none that is believed.
    Missing,
    /// The request has one, of another type than the attribute.
    Type,
    /// A number leaves 64 bits, or is divided by zero.
    Arithmetic,
    /// A text that should be an address is none.
    Address,
}

impl Fault {
    /// Returns the words that explanations use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "a value is missing",
            Self::Type => "a value has another type",
            Self::Arithmetic => "a number leaves 64 bits or is divided by zero",
            Self::Address => "a value is no address",
        }
    }
}

type Evaluated<'a> = Result<Value<'a>, Fault>;

/// Returns whether an expression holds.
pub(super) fn holds<'a, R: Recorder>(
    table: Rules<'a>,
    expression: &'a ArchivedExpressionRow,
    request: &Asked<'a>,
    recorder: &mut R,
) -> Result<bool, Fault> {
    Evaluator { table, request, recorder }.expression(expression)
}

struct Evaluator<'e, 'a, R> {
    table: Rules<'a>,
    request: &'e Asked<'a>,
    recorder: &'e mut R,
}

impl<'a, R: Recorder> Evaluator<'_, 'a, R> {
    fn expression(&mut self, expression: &'a ArchivedExpressionRow) -> Result<bool, Fault> {
        let Some(root) = expression.nodes.len().checked_sub(1) else { return Err(Fault::Type) };
        self.bool(&expression.nodes, root)
    }

    fn node(&mut self, nodes: &'a ArchivedVec<ArchivedNodeRow>, at: usize) -> Evaluated<'a> {
        let operand = |number: &u32_le| number.to_native() as usize;
        match &nodes[at] {
            ArchivedNodeRow::Bool(value) => Ok(Value::Bool(*value)),
            ArchivedNodeRow::Int(value) => Ok(Value::Int(value.to_native())),
            ArchivedNodeRow::Double(value) => Ok(Value::Double(value.to_native())),
            ArchivedNodeRow::Text(value) => Ok(Value::Text(value)),
            ArchivedNodeRow::Attribute(row) => {
                attribute(&self.table.table.attributes[operand(row)], self.request, self.recorder)
            }
            ArchivedNodeRow::Part(row) => {
                let found = part(self.request, row);
                self.recorder.read(|| Read { name: part_name(row), found: found.map(text) });
                utf8(found)
            }
            ArchivedNodeRow::Segment(row) => {
                let segment = &self.table.table.segments[operand(row)];
                self.expression(&segment.when).map(Value::Bool)
            }
            ArchivedNodeRow::Has(value) => {
                Ok(Value::Bool(self.node(nodes, operand(value)).is_ok()))
            }
            ArchivedNodeRow::Not(value) => {
                self.bool(nodes, operand(value)).map(|value| Value::Bool(!value))
            }
            ArchivedNodeRow::Negate(value) => match self.node(nodes, operand(value))? {
                Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(Fault::Arithmetic),
                Value::Double(value) => Ok(Value::Double(-value)),
                _ => Err(Fault::Type),
            },
            ArchivedNodeRow::Size(value) => {
                let characters = self.text(nodes, operand(value))?.chars().count();
                i64::try_from(characters).map(Value::Int).map_err(|_| Fault::Arithmetic)
            }
            ArchivedNodeRow::And(a, b) => self.decided_by(false, nodes, operand(a), operand(b)),
            ArchivedNodeRow::Or(a, b) => self.decided_by(true, nodes, operand(a), operand(b)),
            ArchivedNodeRow::Choose(condition, a, b) => {
                let chosen = if self.bool(nodes, operand(condition))? { a } else { b };
                self.node(nodes, operand(chosen))
            }
            ArchivedNodeRow::Compare(compare, a, b) => {
                let (a, b) = (self.node(nodes, operand(a))?, self.node(nodes, operand(b))?);
                compared(compare, a, b).map(Value::Bool)
            }
            ArchivedNodeRow::Calculate(calculate, a, b) => {
                let (a, b) = (self.node(nodes, operand(a))?, self.node(nodes, operand(b))?);
                calculated(calculate, a, b)
            }
            ArchivedNodeRow::Affix(affix, a, b) => {
                let (a, b) = (self.text(nodes, operand(a))?, self.text(nodes, operand(b))?);
                Ok(Value::Bool(match affix {
                    ArchivedAffixRow::StartsWith => a.starts_with(b),
                    ArchivedAffixRow::EndsWith => a.ends_with(b),
                    ArchivedAffixRow::Contains => a.contains(b),
                }))
            }
            ArchivedNodeRow::Matches(value, regex) => {
                let value = self.text(nodes, operand(value))?;
                Ok(Value::Bool(self.table.regexes[operand(regex)].is_match(value.as_bytes())))
            }
            ArchivedNodeRow::InTexts(value, items) => {
                self.text(nodes, operand(value)).map(|value| Value::Bool(is_one_of(value, items)))
            }
            ArchivedNodeRow::InInts(value, items) => match self.node(nodes, operand(value))? {
                Value::Int(value) => Ok(Value::Bool(items.binary_search(&value.into()).is_ok())),
                _ => Err(Fault::Type),
            },
            ArchivedNodeRow::InDoubles(value, items) => match self.node(nodes, operand(value))? {
                Value::Double(value) => Ok(Value::Bool(items.iter().any(|item| *item == value))),
                _ => Err(Fault::Type),
            },
            ArchivedNodeRow::Within(circle) => self.within(circle).map(Value::Bool),
            ArchivedNodeRow::Member { id, list } => self.member(*id, list).map(Value::Bool),
            ArchivedNodeRow::InRange(value, range) => {
                let address = self.text(nodes, operand(value))?.parse::<IpAddr>();
                address
                    .map(|address| Value::Bool(cidr(range).contains(address)))
                    .map_err(|_| Fault::Address)
            }
        }
    }

    fn bool(&mut self, nodes: &'a ArchivedVec<ArchivedNodeRow>, at: usize) -> Result<bool, Fault> {
        match self.node(nodes, at)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Fault::Type),
        }
    }

    fn text(
        &mut self,
        nodes: &'a ArchivedVec<ArchivedNodeRow>,
        at: usize,
    ) -> Result<&'a str, Fault> {
        match self.node(nodes, at)? {
            Value::Text(value) => Ok(value),
            _ => Err(Fault::Type),
        }
    }

    /// Whether the caller is in a circle.
    fn within(&mut self, circle: &ArchivedWithinRow) -> Result<bool, Fault> {
        let position = self.request.position(&circle.position);
        self.recorder.read(|| Read {
            name: "position".to_owned(),
            found: position.ok().map(|(latitude, longitude)| format!("{latitude},{longitude}")),
        });
        let centre = (circle.latitude.to_native(), circle.longitude.to_native());
        Ok(distance_km(position?, centre) <= circle.km.to_native())
    }

    /// Whether the caller is on a list.
    fn member(&mut self, id: u32_le, list: &'a str) -> Result<bool, Fault> {
        let held = self.request.is_member(id, list);
        let row = &self.table.table.attributes[id.to_native() as usize];
        let request = self.request;
        self.recorder.read(|| Read {
            name: row.name.to_string(),
            found: present_text(row, request).map(text),
        });
        self.recorder.read(|| Read {
            name: format!("members of {list}"),
            found: held.map(|held| held.to_string()),
        });
        held.ok_or(Fault::Missing)
    }

    /// `&&`, which one `false` decides, and `||`, which one `true` decides, whatever the other is.
    fn decided_by(
        &mut self,
        decisive: bool,
        nodes: &'a ArchivedVec<ArchivedNodeRow>,
        a: usize,
        b: usize,
    ) -> Evaluated<'a> {
        let first = self.bool(nodes, a);
        if first == Ok(decisive) {
            return Ok(Value::Bool(decisive));
        }
        match self.bool(nodes, b) {
            Ok(second) if second == decisive => Ok(Value::Bool(decisive)),
            second => first.and(second).map(Value::Bool),
        }
    }
}

/// Returns the value of an attribute: of the first source that has one.
fn attribute<'a, R: Recorder>(
    row: &'a ArchivedAttributeRow,
    request: &Asked<'a>,
    recorder: &mut R,
) -> Evaluated<'a> {
    let found = attribute_text(row, request);
    recorder.read(|| Read { name: row.name.to_string(), found: found.map(text) });
    let value = utf8(found)?;
    let Value::Text(written) = value else { return Err(Fault::Type) };
    let read = match row.kind {
        ArchivedAttributeKind::String => Some(value),
        ArchivedAttributeKind::Int => written.parse().ok().map(Value::Int),
        ArchivedAttributeKind::Double => {
            written.parse().ok().filter(|value: &f64| value.is_finite()).map(Value::Double)
        }
        ArchivedAttributeKind::Bool => written.parse().ok().map(Value::Bool),
    };
    read.ok_or(Fault::Type)
}

/// Returns the text of an attribute: of the first source that is there and believed, else its default.
pub(super) fn attribute_text<'a>(
    row: &'a ArchivedAttributeRow,
    request: &Asked<'a>,
) -> Option<&'a [u8]> {
    let default = || row.default.as_ref().map(|text| text.as_bytes());
    present_text(row, request).or_else(default)
}

/// Returns what the request itself says of an attribute.
pub(super) fn present_text<'a>(
    row: &ArchivedAttributeRow,
    request: &Asked<'a>,
) -> Option<&'a [u8]> {
    let believed = row.sources.iter().filter(|source| request.trusted || !source.trusted);
    let mut believed = believed;
    believed.find_map(|source| part(request, &source.part))
}

fn utf8(found: Option<&[u8]>) -> Evaluated<'_> {
    std::str::from_utf8(found.ok_or(Fault::Missing)?).map(Value::Text).map_err(|_| Fault::Type)
}

fn is_one_of(value: &str, items: &ArchivedVec<ArchivedString>) -> bool {
    items.binary_search_by(|item| item.as_str().cmp(value)).is_ok()
}

fn compared(compare: &ArchivedCompareRow, a: Value<'_>, b: Value<'_>) -> Result<bool, Fault> {
    let order = match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(&b),
        (Value::Int(a), Value::Double(b)) => int_and_double(a, b),
        (Value::Double(a), Value::Int(b)) => int_and_double(b, a).map(Ordering::reverse),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        _ => return Err(Fault::Type),
    };
    // Not a number is equal to nothing, and neither less nor greater.
    Ok(match compare {
        ArchivedCompareRow::Equal => order == Some(Ordering::Equal),
        ArchivedCompareRow::NotEqual => order != Some(Ordering::Equal),
        ArchivedCompareRow::Less => order == Some(Ordering::Less),
        ArchivedCompareRow::LessOrEqual => order.is_some_and(Ordering::is_le),
        ArchivedCompareRow::Greater => order == Some(Ordering::Greater),
        ArchivedCompareRow::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    })
}

/// Compares without rounding either.
fn int_and_double(a: i64, b: f64) -> Option<Ordering> {
    /// 2^63: the first number beyond 64 bits, which a double holds exactly.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() {
        return None;
    }
    if b >= BEYOND {
        return Some(Ordering::Less);
    }
    if b < -BEYOND {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "its whole part is within 64 bits")]
    let whole = b.trunc() as i64;
    let rest = 0.0.partial_cmp(&b.fract())?;
    Some(a.cmp(&whole).then(rest))
}

fn calculated<'a>(calculate: &ArchivedCalculateRow, a: Value<'_>, b: Value<'_>) -> Evaluated<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => {
            let result = match calculate {
                ArchivedCalculateRow::Add => a.checked_add(b),
                ArchivedCalculateRow::Subtract => a.checked_sub(b),
                ArchivedCalculateRow::Multiply => a.checked_mul(b),
                ArchivedCalculateRow::Divide => a.checked_div(b),
                ArchivedCalculateRow::Remainder => a.checked_rem(b),
            };
            result.map(Value::Int).ok_or(Fault::Arithmetic)
        }
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(match calculate {
            ArchivedCalculateRow::Add => a + b,
            ArchivedCalculateRow::Subtract => a - b,
            ArchivedCalculateRow::Multiply => a * b,
            ArchivedCalculateRow::Divide => a / b,
            ArchivedCalculateRow::Remainder => return Err(Fault::Type),
        })),
        _ => Err(Fault::Type),
    }
}
