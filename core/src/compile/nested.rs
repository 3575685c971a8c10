//! A nested table becomes nodes.
//!
//! Owns their order: a node lies before those below it, and cells are numbered in the order of their
//! values, as [`crate::policy::NestedTable::cells`] lists them.

use super::{CompileError, row};
use crate::{
    policy::{ANY_VALUE, NestedTable, Target, cell_name},
    table::{NONE, NestedNodeRow, NestedRow},
};

/// Returns the nodes of a target's nested table, whose levels `attribute` finds by name.
pub(super) fn nested_row(
    target: &Target,
    attribute: impl Fn(&str) -> Result<u32, CompileError>,
) -> Result<Option<NestedRow>, CompileError> {
    let (Some(levels), Some(table)) = (&target.nested, &target.table) else { return Ok(None) };
    let attributes = levels.iter().map(|level| attribute(level)).collect::<Result<_, _>>()?;
    let cells = table.cells().into_iter().map(|(values, _)| cell_name(&values)).collect();
    let mut nested = NestedRow { attributes, nodes: Vec::new(), cells };
    add(table, &mut nested.nodes, &mut 0)?;
    Ok(Some(nested))
}

/// Adds what a table holds; returns its node, or the number of its cell.
fn add(
    table: &NestedTable,
    nodes: &mut Vec<NestedNodeRow>,
    cells: &mut u32,
) -> Result<u32, CompileError> {
    let NestedTable::Rows(rows) = table else {
        *cells += 1;
        return Ok(*cells - 1);
    };
    let at = nodes.len();
    nodes.push(NestedNodeRow { values: Vec::new(), below: Vec::new(), any: NONE });
    for (value, table) in rows {
        let below = add(table, nodes, cells)?;
        let node = &mut nodes[at];
        if value == ANY_VALUE {
            node.any = below;
        } else {
            node.values.push(value.as_str().into());
            node.below.push(below);
        }
    }
    row(at)
}
