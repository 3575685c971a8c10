//! Nested tables.

use super::Found;
use crate::{
    limits::{NESTED_CELLS_MAX, NESTED_LEVELS_MAX, VALUE_BYTES_MAX},
    policy::{Bundle, CLIENT_IP, Cell, NestedTable, Target},
};

/// Checks `nested` and `table` of a target at `path`; `check_cell` says what is wrong with where a cell goes.
pub(super) fn check_nested(
    found: &mut Found,
    path: &str,
    target: &Target,
    bundle: &Bundle,
    check_cell: &mut dyn FnMut(&mut Found, &str, &Cell),
) {
    let Some(levels) = &target.nested else {
        if target.table.is_some() {
            found.add(
                &format!("{path}.table"),
                "expected nested beside it: the attributes of its levels",
            );
        }
        return;
    };
    if target.variant.is_some() || target.split.is_some() {
        found.add(path, "the cells of nested say where requests go: expected no variant or split");
    }
    let at = format!("{path}.nested");
    if levels.is_empty() {
        found.empty(&at, "expected at least one attribute");
    } else if levels.len() > NESTED_LEVELS_MAX {
        found.add(&at, format!("expected at most {NESTED_LEVELS_MAX} attributes"));
    }
    let client_ip = CLIENT_IP.to_owned();
    for (index, level) in levels.iter().enumerate() {
        let attributes = bundle.attributes.keys().chain([&client_ip]);
        found.known(&format!("{at}[{index}]"), ("attribute", "attributes"), level, attributes);
    }
    match &target.table {
        None => found.lacking(path, &["table"], "expected table: the cells of nested"),
        Some(table) => {
            let at = format!("{path}.table");
            let cells = table.cells().len();
            if cells > NESTED_CELLS_MAX {
                let message = format!("expected at most {NESTED_CELLS_MAX} cells, got {cells}");
                return found.add(&at, message);
            }
            check_table(found, &at, levels, table, check_cell);
        }
    }
}

fn check_table(
    found: &mut Found,
    path: &str,
    levels: &[String],
    table: &NestedTable,
    check_cell: &mut dyn FnMut(&mut Found, &str, &Cell),
) {
    match (table, levels) {
        (NestedTable::Cell(cell), []) => check_cell(found, path, cell),
        (NestedTable::Cell(_), [level, ..]) => {
            found.add(path, format!("expected values of {level} before the cell"));
        }
        (NestedTable::Rows(rows), [_, below @ ..]) => {
            if rows.is_empty() {
                found.empty(path, "expected at least one value");
            }
            for (value, table) in rows {
                let path = format!("{path}.{value}");
                if value.is_empty() || value.len() > VALUE_BYTES_MAX {
                    found.add(&path, format!("expected a value of 1 to {VALUE_BYTES_MAX} bytes"));
                }
                check_table(found, &path, below, table, check_cell);
            }
        }
        (NestedTable::Rows(_), []) => {
            found.add(
                path,
                "expected a cell such as { weight: 20% }: nested has no further attribute",
            );
        }
    }
}
