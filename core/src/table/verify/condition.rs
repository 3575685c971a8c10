//! The verifier of conditions: forms and bounds, so that each costs what it may cost.

use rkyv::vec::ArchivedVec;

use super::{
    checks::{bounded, check, index, is_field_name, is_host_name, is_short},
    expression::{self, Cost},
};
use crate::{
    limits::{ALTERNATIVES_MAX, CONDITIONS_MAX, VALUE_BYTES_MAX},
    table::{
        ArchivedAddressRangeRow, ArchivedConditionRow, ArchivedPathRow, ArchivedRuleTable,
        ArchivedValueRow, ArchivedWantedRow, VerifyError,
    },
};

impl ArchivedRuleTable {
    /// Checks what a match relies on: forms and bounds, so that each costs what it may cost.
    pub(super) fn verify_conditions(
        &self,
        what: &'static str,
        row: usize,
        conditions: &ArchivedVec<ArchivedConditionRow>,
        segments: &[Cost],
    ) -> Result<(), VerifyError> {
        bounded("conditions", conditions.len(), CONDITIONS_MAX)?;
        let regexes = self.regexes.len();
        for condition in conditions.iter() {
            check(what, row, is_condition(condition))?;
            match condition {
                ArchivedConditionRow::Path(path) => path_index(what, row, path, regexes)?,
                ArchivedConditionRow::Header(value)
                | ArchivedConditionRow::Query(value)
                | ArchivedConditionRow::Cookie(value) => {
                    if let ArchivedWantedRow::Regex(regex) = value.value {
                        index(what, row, regex, regexes)?;
                    }
                }
                ArchivedConditionRow::Expression(expression) => {
                    expression::expression(self, what, row, expression, segments)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_condition(condition: &ArchivedConditionRow) -> bool {
    match condition {
        ArchivedConditionRow::Method(method) => !method.is_empty() && is_short(method),
        ArchivedConditionRow::Path(path) => is_path(path),
        ArchivedConditionRow::Header(value) => is_field_name(&value.name) && is_value(value),
        ArchivedConditionRow::Query(value) | ArchivedConditionRow::Cookie(value) => {
            !value.name.is_empty() && is_value(value)
        }
        ArchivedConditionRow::Hosts(hosts) => {
            hosts.len() <= ALTERNATIVES_MAX && hosts.iter().all(is_host_name)
        }
        ArchivedConditionRow::Sources(ranges) => {
            ranges.len() <= ALTERNATIVES_MAX && ranges.iter().all(is_range)
        }
        ArchivedConditionRow::Expression(_) => true,
    }
}

pub(super) fn path_index(
    what: &'static str,
    row: usize,
    path: &ArchivedPathRow,
    regexes: usize,
) -> Result<(), VerifyError> {
    match path {
        ArchivedPathRow::Regex(regex) => index(what, row, *regex, regexes),
        ArchivedPathRow::Exact(_) | ArchivedPathRow::Prefix(_) => Ok(()),
    }
}

/// Returns what routes of one host are sorted by.
pub(super) fn path_key(path: &ArchivedPathRow) -> (u8, &str) {
    match path {
        ArchivedPathRow::Exact(path) => (0, path),
        ArchivedPathRow::Prefix(path) => (1, path),
        ArchivedPathRow::Regex(_) => (2, ""),
    }
}

pub(super) fn is_path(path: &ArchivedPathRow) -> bool {
    match path {
        ArchivedPathRow::Exact(path) => path.starts_with('/'),
        ArchivedPathRow::Prefix(path) => {
            path.is_empty() || path.starts_with('/') && !path.ends_with('/')
        }
        ArchivedPathRow::Regex(_) => true,
    }
}

fn is_value(row: &ArchivedValueRow) -> bool {
    let is_short_value = match &row.value {
        ArchivedWantedRow::Exact(value) => value.len() <= VALUE_BYTES_MAX,
        ArchivedWantedRow::Regex(_) => true,
    };
    is_short(&row.name) && is_short_value
}

pub(super) fn is_range(range: &ArchivedAddressRangeRow) -> bool {
    match range {
        ArchivedAddressRangeRow::V4(_, bits) => *bits <= 32,
        ArchivedAddressRangeRow::V6(_, bits) => *bits <= 128,
    }
}
