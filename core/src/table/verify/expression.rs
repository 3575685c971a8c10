//! The verifier of expressions: that evaluating one ends, and how soon.
//!
//! Owns what makes evaluation total: operands lie before their node and are used once, indices are
//! inside, and nodes and depth, with the segments that are named, are bounded. Types are not checked:
//! a node that meets a value of another type is a fault of that request, not of the worker.

use rkyv::rend::u32_le;

use super::{
    checks::{check, index, is_field_name, is_short},
    condition::is_range,
};
use crate::{
    limits::{
        ALTERNATIVES_MAX, EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX,
        GEOHASH_PRECISION_MAX, VALUE_BYTES_MAX,
    },
    policy::is_name,
    signal::{
        geo::{
            GeoField, GeoLang,
            position::{FURTHEST_KM, is_on_globe},
        },
        jwt::issuers,
    },
    table::{
        ArchivedExpressionRow, ArchivedNodeRow, ArchivedPartRow, ArchivedPositionRow,
        ArchivedRuleTable, ArchivedWithinRow, NONE, VerifyError,
    },
};

/// What one evaluation costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    nodes: usize,
    depth: usize,
}

/// Checks an expression that may name the first segments, whose costs are given.
pub(super) fn expression(
    table: &ArchivedRuleTable,
    what: &'static str,
    row: usize,
    expression: &ArchivedExpressionRow,
    segments: &[Cost],
) -> Result<Cost, VerifyError> {
    let nodes = &expression.nodes;
    check(what, row, expression.text.len() <= EXPRESSION_BYTES_MAX)?;
    check(what, row, !nodes.is_empty() && nodes.len() <= EXPRESSION_NODES_MAX)?;
    let mut used = vec![false; nodes.len()];
    let mut depths = Vec::with_capacity(nodes.len());
    let mut cost = Cost::default();
    for (at, node) in nodes.iter().enumerate() {
        check(what, row, is_node(node))?;
        let mut depth = 0;
        for operand in operands(node).into_iter().flatten() {
            let operand = operand.to_native() as usize;
            // Used twice, a node would be evaluated twice, and the nodes below it four times.
            check(what, row, operand < at && !used[operand])?;
            used[operand] = true;
            depth = depth.max(depths[operand]);
        }
        match node {
            ArchivedNodeRow::Attribute(attribute) => {
                index(what, row, *attribute, table.attributes.len())?;
            }
            ArchivedNodeRow::Part(ArchivedPartRow::Geohash { position: row_of, .. }) => {
                position(table, what, row, row_of)?;
            }
            ArchivedNodeRow::Within(circle) => position(table, what, row, &circle.position)?,
            ArchivedNodeRow::Member { id, list } => {
                index(what, row, *id, table.attributes.len())?;
                check(what, row, is_name(list))?;
            }
            ArchivedNodeRow::Matches(_, regex) => index(what, row, *regex, table.regexes.len())?,
            ArchivedNodeRow::Segment(segment) => {
                index(what, row, *segment, segments.len())?;
                let named = segments[segment.to_native() as usize];
                depth += named.depth;
                cost.nodes += named.nodes;
            }
            _ => {}
        }
        depths.push(depth + 1);
        cost.nodes += 1;
        cost.depth = cost.depth.max(depth + 1);
        check(what, row, cost.nodes <= EXPRESSION_NODES_MAX && cost.depth <= EXPRESSION_DEPTH_MAX)?;
    }
    Ok(cost)
}

fn operands(node: &ArchivedNodeRow) -> [Option<u32_le>; 3] {
    match node {
        ArchivedNodeRow::Bool(_)
        | ArchivedNodeRow::Int(_)
        | ArchivedNodeRow::Double(_)
        | ArchivedNodeRow::Text(_)
        | ArchivedNodeRow::Attribute(_)
        | ArchivedNodeRow::Part(_)
        | ArchivedNodeRow::Within(_)
        | ArchivedNodeRow::Member { .. }
        | ArchivedNodeRow::Segment(_) => [None; 3],
        ArchivedNodeRow::Has(a)
        | ArchivedNodeRow::Not(a)
        | ArchivedNodeRow::Negate(a)
        | ArchivedNodeRow::Size(a)
        | ArchivedNodeRow::Matches(a, _)
        | ArchivedNodeRow::InTexts(a, _)
        | ArchivedNodeRow::InInts(a, _)
        | ArchivedNodeRow::InDoubles(a, _)
        | ArchivedNodeRow::InRange(a, _) => [Some(*a), None, None],
        ArchivedNodeRow::And(a, b)
        | ArchivedNodeRow::Or(a, b)
        | ArchivedNodeRow::Compare(_, a, b)
        | ArchivedNodeRow::Calculate(_, a, b)
        | ArchivedNodeRow::Affix(_, a, b) => [Some(*a), Some(*b), None],
        ArchivedNodeRow::Choose(a, b, c) => [Some(*a), Some(*b), Some(*c)],
    }
}

/// Checks what a node holds itself.
fn is_node(node: &ArchivedNodeRow) -> bool {
    match node {
        ArchivedNodeRow::Text(text) => text.len() <= EXPRESSION_BYTES_MAX,
        ArchivedNodeRow::Part(part) => is_part(part),
        ArchivedNodeRow::InTexts(_, items) => {
            let sorted = items.is_sorted_by(|a, b| **a < **b);
            items.len() <= ALTERNATIVES_MAX && sorted
        }
        ArchivedNodeRow::InInts(_, items) => {
            let sorted = items.windows(2).all(|pair| pair[0] < pair[1]);
            items.len() <= ALTERNATIVES_MAX && sorted
        }
        ArchivedNodeRow::InDoubles(_, items) => items.len() <= ALTERNATIVES_MAX,
        ArchivedNodeRow::InRange(_, range) => is_range(range),
        ArchivedNodeRow::Within(circle) => is_circle(circle),
        _ => true,
    }
}

/// Checks where a caller's position is said: by two attributes that do not come from a position, or by none.
pub(super) fn position(
    table: &ArchivedRuleTable,
    what: &'static str,
    row: usize,
    position: &ArchivedPositionRow,
) -> Result<(), VerifyError> {
    let sides = [position.latitude, position.longitude];
    if sides.iter().all(|side| side.to_native() == NONE) {
        return Ok(());
    }
    for side in sides {
        index(what, row, side, table.attributes.len())?;
        let sources = &table.attributes[side.to_native() as usize].sources;
        let is_geohash = |part: &ArchivedPartRow| matches!(part, ArchivedPartRow::Geohash { .. });
        check(what, row, !sources.iter().any(|source| is_geohash(&source.part)))?;
    }
    Ok(())
}

/// Checks a circle.
fn is_circle(circle: &ArchivedWithinRow) -> bool {
    is_on_globe((circle.latitude.to_native(), circle.longitude.to_native()))
        && (0.0..=FURTHEST_KM).contains(&circle.km.to_native())
}

/// Checks a part of the request by itself; a tag is none.
pub(super) fn is_part(part: &ArchivedPartRow) -> bool {
    match part {
        ArchivedPartRow::Claim { name, issuer } => {
            let named = issuer.as_ref().is_none_or(|issuer| issuers::is_name(issuer));
            !name.is_empty() && is_short(name) && named
        }
        ArchivedPartRow::Geo { field, lang } => {
            usize::from(*field) < GeoField::ALL.len() && usize::from(*lang) < GeoLang::ALL.len()
        }
        ArchivedPartRow::Geohash { precision, .. } => {
            (1..=GEOHASH_PRECISION_MAX).contains(&usize::from(*precision))
        }
        ArchivedPartRow::Header(name) => is_field_name(name),
        ArchivedPartRow::Cookie(name)
        | ArchivedPartRow::SignedCookie(name)
        | ArchivedPartRow::Query(name) => !name.is_empty() && is_short(name),
        ArchivedPartRow::PathSegment(number) => {
            (1..=VALUE_BYTES_MAX).contains(&(number.to_native() as usize))
        }
        ArchivedPartRow::Tag { .. } => false,
        ArchivedPartRow::ClientIp
        | ArchivedPartRow::Method
        | ArchivedPartRow::Host
        | ArchivedPartRow::Path
        | ArchivedPartRow::Scheme
        | ArchivedPartRow::Protocol
        | ArchivedPartRow::GrpcService
        | ArchivedPartRow::GrpcMethod
        | ArchivedPartRow::DeviceId
        | ArchivedPartRow::Device(_) => true,
    }
}
