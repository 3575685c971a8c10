//! The verifier of nested tables.

use rkyv::string::ArchivedString;

use super::checks::{check, index};
use crate::{
    limits::{NESTED_CELLS_MAX, NESTED_LEVELS_MAX, VALUE_BYTES_MAX},
    table::{ArchivedNestedRow, ArchivedRuleTable, NONE, VerifyError},
};

impl ArchivedRuleTable {
    /// Checks that every way down a nested table ends at a choice, and that none is longer than its levels.
    pub(super) fn verify_nested(
        &self,
        row: usize,
        nested: &ArchivedNestedRow,
        choices: usize,
    ) -> Result<(), VerifyError> {
        let levels = nested.attributes.len();
        check("nested table", row, (1..=NESTED_LEVELS_MAX).contains(&levels))?;
        check("nested table", row, choices <= NESTED_CELLS_MAX && nested.cells.len() == choices)?;
        for attribute in nested.attributes.iter() {
            index("nested table", row, *attribute, self.attributes.len())?;
        }
        let long =
            |name: &ArchivedString| name.len() > NESTED_LEVELS_MAX * (2 * VALUE_BYTES_MAX + 1);
        check("nested table", row, !nested.cells.iter().any(long))?;
        // By node: its level, once a node above has named it. A node names later ones only.
        let mut level_of = vec![None; nested.nodes.len()];
        check("nested table", row, !level_of.is_empty())?;
        level_of[0] = Some(0);
        for (at, node) in nested.nodes.iter().enumerate() {
            let Some(level) = level_of[at] else {
                return Err(VerifyError::Value { what: "nested table", row });
            };
            let sorted = node.values.is_sorted_by(|a, b| **a < **b);
            let short = node.values.iter().all(|value| value.len() <= VALUE_BYTES_MAX);
            check("nested table", row, sorted && short && node.values.len() == node.below.len())?;
            let any = Some(&node.any).filter(|any| any.to_native() != NONE);
            for below in node.below.iter().chain(any) {
                if level + 1 == levels {
                    index("nested table", row, *below, choices)?;
                    continue;
                }
                index("nested table", row, *below, nested.nodes.len())?;
                let below = below.to_native() as usize;
                check("nested table", row, below > at && level_of[below].is_none())?;
                level_of[below] = Some(level + 1);
            }
        }
        Ok(())
    }
}
