//! Conditions of a match become rows.
//!
//! Owns the form each kind of condition is stored in: the form that requests are brought into.

use crate::{
    policy::{Match, PathMatch, PathType, ValueMatch},
    table::{ConditionRow, PathRow, ValueRow},
};

/// Returns the row of a path; none means every path.
pub(super) fn path_row(path: Option<&PathMatch>) -> PathRow {
    match path {
        None => PathRow::Prefix(String::new()),
        Some(path) if path.kind == PathType::PathPrefix => {
            PathRow::Prefix(path.value.trim_end_matches('/').to_owned())
        }
        Some(path) => PathRow::Exact(path.value.clone()),
    }
}

/// Returns the rows of everything but the path.
pub(super) fn condition_rows(matched: &Match) -> Vec<ConditionRow> {
    let method = matched.method.map(|method| ConditionRow::Method(method.as_str().to_owned()));
    let headers = matched.headers.iter().map(header_row);
    let queries = matched.query_params.iter().map(|query| ConditionRow::Query(value_row(query)));
    method.into_iter().chain(headers).chain(queries).collect()
}

fn header_row(header: &ValueMatch) -> ConditionRow {
    let row = value_row(header);
    ConditionRow::Header(ValueRow { name: row.name.to_ascii_lowercase(), ..row })
}

fn value_row(matched: &ValueMatch) -> ValueRow {
    ValueRow { name: matched.name.clone(), value: matched.value.clone() }
}
