//! Evaluating expressions, in place.
//!
//! Owns the meaning of every node, as CEL has it: an error in one operand of `&&` or `||` is absorbed
//! by the other where that decides (CEL specification, "Logical operators"), everywhere else it is the
//! result. Does not check types: [`crate::expr`] has, and a node whose operands are of another type is
//! an error like a missing value.
//!
//! Invariants: total, no allocation unless a header is repeated; a table that was verified ends.

use std::net::IpAddr;

use rkyv::rend::u32_le;

use super::{
    asked::Asked,
    conditions::cidr,
    parts::{part, part_name},
    trace::{Read, Recorder, text},
    value::{Evaluated, Fault, Value, calculated, compared, position, utf8},
};
use crate::{
    signal::geo::position::distance_km,
    table::{
        ArchivedAffixRow, ArchivedAttributeRow, ArchivedExpressionRow, ArchivedNodeRow,
        ArchivedWithinRow, Rules,
    },
};

type Nodes = [ArchivedNodeRow];

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
        let nodes = expression.nodes.as_slice();
        let Some(root) = nodes.len().checked_sub(1) else { return Err(Fault::Type) };
        self.bool(nodes, root)
    }

    /// Evaluates a node that is true or false. Most nodes are, and what they are fits a register.
    fn bool(&mut self, nodes: &'a Nodes, at: usize) -> Result<bool, Fault> {
        match &nodes[at] {
            ArchivedNodeRow::Bool(value) => Ok(*value),
            ArchivedNodeRow::And(a, b) => self.decided_by(false, nodes, operand(a), operand(b)),
            ArchivedNodeRow::Or(a, b) => self.decided_by(true, nodes, operand(a), operand(b)),
            ArchivedNodeRow::Not(value) => self.bool(nodes, operand(value)).map(|value| !value),
            ArchivedNodeRow::Compare(compare, a, b) => {
                let a = self.node(nodes, operand(a))?;
                compared(compare, a, self.node(nodes, operand(b))?)
            }
            ArchivedNodeRow::InTexts(value, items) => {
                let value = self.text(nodes, operand(value))?;
                Ok(position(value.as_bytes(), items).is_some())
            }
            _ => self.rarely(nodes, at),
        }
    }

    /// Evaluates a node that is true or false, of those that few expressions have: apart, so that the others need not make
    /// room for what these keep.
    #[inline(never)]
    fn rarely(&mut self, nodes: &'a Nodes, at: usize) -> Result<bool, Fault> {
        match &nodes[at] {
            ArchivedNodeRow::Segment(row) => {
                self.expression(&self.table.table.segments[operand(row)].when)
            }
            ArchivedNodeRow::Has(value) => Ok(self.node(nodes, operand(value)).is_ok()),
            ArchivedNodeRow::Affix(affix, a, b) => {
                let (a, b) = (self.text(nodes, operand(a))?, self.text(nodes, operand(b))?);
                Ok(match affix {
                    ArchivedAffixRow::StartsWith => a.starts_with(b),
                    ArchivedAffixRow::EndsWith => a.ends_with(b),
                    ArchivedAffixRow::Contains => a.contains(b),
                })
            }
            ArchivedNodeRow::Matches(value, regex) => {
                let value = self.text(nodes, operand(value))?;
                Ok(self.table.regexes[operand(regex)].is_match(value.as_bytes()))
            }
            ArchivedNodeRow::InInts(value, items) => match self.node(nodes, operand(value))? {
                Value::Int(value) => Ok(items.binary_search(&value.into()).is_ok()),
                _ => Err(Fault::Type),
            },
            ArchivedNodeRow::InDoubles(value, items) => match self.node(nodes, operand(value))? {
                Value::Double(value) => Ok(items.iter().any(|item| *item == value)),
                _ => Err(Fault::Type),
            },
            ArchivedNodeRow::Within(circle) => self.within(circle),
            ArchivedNodeRow::Member { id, list } => self.member(*id, list),
            ArchivedNodeRow::InRange(value, range) => {
                let address = self.text(nodes, operand(value))?.parse::<IpAddr>();
                address.map(|address| cidr(range).contains(address)).map_err(|_| Fault::Address)
            }
            _ => match self.value(nodes, at)? {
                Value::Bool(value) => Ok(value),
                _ => Err(Fault::Type),
            },
        }
    }

    /// Evaluates a node. What needs no other is told at once.
    #[inline(always)]
    fn node(&mut self, nodes: &'a Nodes, at: usize) -> Evaluated<'a> {
        match &nodes[at] {
            ArchivedNodeRow::Int(value) => Ok(Value::Int(value.to_native())),
            ArchivedNodeRow::Text(value) => Ok(Value::Text(value)),
            ArchivedNodeRow::Attribute(row) => self.attribute(*row),
            _ => self.value(nodes, at),
        }
    }

    fn value(&mut self, nodes: &'a Nodes, at: usize) -> Evaluated<'a> {
        match &nodes[at] {
            ArchivedNodeRow::Int(value) => Ok(Value::Int(value.to_native())),
            ArchivedNodeRow::Double(value) => Ok(Value::Double(value.to_native())),
            ArchivedNodeRow::Text(value) => Ok(Value::Text(value)),
            ArchivedNodeRow::Attribute(row) => self.attribute(*row),
            ArchivedNodeRow::Part(row) => {
                let found = part(self.request, row);
                self.recorder.read(|| Read::of(part_name(row), found.map(text)));
                utf8(found)
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
            ArchivedNodeRow::Choose(condition, a, b) => {
                let chosen = if self.bool(nodes, operand(condition))? { a } else { b };
                self.value(nodes, operand(chosen))
            }
            ArchivedNodeRow::Calculate(calculate, a, b) => {
                let (a, b) = (self.node(nodes, operand(a))?, self.node(nodes, operand(b))?);
                calculated(calculate, a, b)
            }
            ArchivedNodeRow::Bool(_)
            | ArchivedNodeRow::Segment(_)
            | ArchivedNodeRow::Has(_)
            | ArchivedNodeRow::Not(_)
            | ArchivedNodeRow::And(..)
            | ArchivedNodeRow::Or(..)
            | ArchivedNodeRow::Compare(..)
            | ArchivedNodeRow::Affix(..)
            | ArchivedNodeRow::Matches(..)
            | ArchivedNodeRow::InTexts(..)
            | ArchivedNodeRow::InInts(..)
            | ArchivedNodeRow::InDoubles(..)
            | ArchivedNodeRow::InRange(..)
            | ArchivedNodeRow::Within(_)
            | ArchivedNodeRow::Member { .. } => self.bool(nodes, at).map(Value::Bool),
        }
    }

    #[inline(always)]
    fn text(&mut self, nodes: &'a Nodes, at: usize) -> Result<&'a str, Fault> {
        match self.node(nodes, at)? {
            Value::Text(value) => Ok(value),
            _ => Err(Fault::Type),
        }
    }

    /// The value of an attribute: of the first source that is there and believed, else its default.
    #[inline]
    fn attribute(&mut self, row: u32_le) -> Evaluated<'a> {
        let request = self.request;
        let read = || {
            attribute_read(&self.table.table.attributes[operand(&row)], request, request.text(row))
        };
        self.recorder.read(read);
        request.value(row)
    }

    /// Whether the caller is in a circle.
    fn within(&mut self, circle: &ArchivedWithinRow) -> Result<bool, Fault> {
        let position = self.request.position(&circle.position);
        let found = |(latitude, longitude)| format!("{latitude},{longitude}");
        self.recorder.read(|| Read::of("position", position.ok().map(found)));
        let centre = (circle.latitude.to_native(), circle.longitude.to_native());
        Ok(distance_km(position?, centre) <= circle.km.to_native())
    }

    /// Whether the caller is on a list.
    fn member(&mut self, id: u32_le, list: &'a str) -> Result<bool, Fault> {
        let held = self.request.is_member(id, list);
        let row = &self.table.table.attributes[id.to_native() as usize];
        let request = self.request;
        self.recorder.read(|| attribute_read(row, request, request.present(id)));
        let found = || held.map(|held| held.to_string());
        self.recorder.read(|| Read::of(format!("members of {list}"), found()));
        held.ok_or(Fault::Missing)
    }

    /// `&&`, which one `false` decides, and `||`, which one `true` decides, whatever the other is.
    fn decided_by(
        &mut self,
        decisive: bool,
        nodes: &'a Nodes,
        a: usize,
        b: usize,
    ) -> Result<bool, Fault> {
        let first = self.bool(nodes, a);
        if first == Ok(decisive) {
            return Ok(decisive);
        }
        match self.bool(nodes, b) {
            Ok(second) if second == decisive => Ok(decisive),
            second => first.and(second),
        }
    }
}

#[inline(always)]
fn operand(number: &u32_le) -> usize {
    number.to_native() as usize
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

/// Tells what was found of an attribute, and of what is there and not believed.
pub(super) fn attribute_read(
    row: &ArchivedAttributeRow,
    request: &Asked<'_>,
    found: Option<&[u8]>,
) -> Read {
    let mut distrusted = row.sources.iter().filter(|source| source.trusted && !request.trusted);
    let is_said = present_text(row, request).is_some();
    let source = distrusted.find(|source| !is_said && part(request, &source.part).is_some());
    let not_believed = source.map(|source| part_name(&source.part));
    Read { name: row.name.to_string(), found: found.map(text), not_believed }
}
