//! Values of expressions: what texts stand for, how values compare, and what is calculated of them.
//!
//! Owns the meaning of operators, as CEL has it. Does not read requests. Invariant: total; nothing is rounded to compare it.

use std::cmp::Ordering;

use rkyv::{boxed::ArchivedBox, vec::ArchivedVec};

use crate::table::{
    ArchivedAttributeKind, ArchivedAttributeRow, ArchivedCalculateRow, ArchivedCompareRow,
};

/// Items up to which a list is gone through in turn: fewer are compared than a search would, and most by their length.
const SHORT: usize = 8;

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

/// A value, or why there is none.
pub(super) type Evaluated<'a> = Result<Value<'a>, Fault>;

/// Returns what the text of an attribute stands for.
pub(super) fn typed<'a>(row: &'a ArchivedAttributeRow, found: Option<&'a [u8]>) -> Evaluated<'a> {
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

pub(super) fn utf8(found: Option<&[u8]>) -> Evaluated<'_> {
    std::str::from_utf8(found.ok_or(Fault::Missing)?).map(Value::Text).map_err(|_| Fault::Type)
}

/// Returns the place of `value` among `items`, which are sorted and differ.
#[inline(always)]
pub(super) fn position(value: &[u8], items: &ArchivedVec<ArchivedBox<str>>) -> Option<usize> {
    if items.len() <= SHORT {
        return items.iter().position(|item| is_same(item.as_bytes(), value));
    }
    items.binary_search_by(|item| item.as_bytes().cmp(value)).ok()
}

/// Compares two texts; without a call where they are as short as most names are.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        8..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        4..8 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        _ => a == b,
    }
}

#[inline]
pub(super) fn compared(
    compare: &ArchivedCompareRow,
    a: Value<'_>,
    b: Value<'_>,
) -> Result<bool, Fault> {
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

pub(super) fn calculated<'a>(
    calculate: &ArchivedCalculateRow,
    a: Value<'_>,
    b: Value<'_>,
) -> Evaluated<'a> {
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
