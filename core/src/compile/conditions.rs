//! Conditions of a match become rows.
//!
//! Owns the form each kind of condition is stored in: the form that requests are brought into.

use super::{CompileError, row};
use crate::{
    policy::{Match, Method, PathMatch, PathType, Target, ValueMatch, ValueType},
    signal::trust::Cidr,
    table::{AddressRangeRow, ConditionRow, PathRow, RegexRow, Rows, ValueRow, WantedRow, regex},
};

/// Returns the row of a path; none means every path. Expressions are added to `regexes`.
pub(super) fn path_row(
    path: Option<&PathMatch>,
    regexes: &mut Rows<RegexRow>,
) -> Result<PathRow, CompileError> {
    let Some(path) = path else { return Ok(PathRow::Prefix(String::new())) };
    Ok(match path.kind {
        PathType::PathPrefix => PathRow::Prefix(path.value.trim_end_matches('/').to_owned()),
        PathType::Exact => PathRow::Exact(path.value.clone()),
        PathType::RegularExpression => PathRow::Regex(regex_row(&path.value, regexes)?),
    })
}

/// Returns the rows of everything but the path.
pub(super) fn condition_rows(
    matched: &Match,
    regexes: &mut Rows<RegexRow>,
) -> Result<Vec<ConditionRow>, CompileError> {
    shared_rows(matched.method, &matched.headers, &matched.query_params, regexes)
}

/// Returns the rows of a target: cheap conditions first.
pub(super) fn target_rows(
    target: &Target,
    regexes: &mut Rows<RegexRow>,
) -> Result<Vec<ConditionRow>, CompileError> {
    let Some(matched) = &target.matched else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    if let Some(path) = &matched.path {
        rows.push(ConditionRow::Path(path_row(Some(path), regexes)?));
    }
    if !matched.hostnames.is_empty() {
        let names = matched.hostnames.iter().map(|name| name.trim_start_matches('*').to_owned());
        rows.push(ConditionRow::Hosts(names.collect()));
    }
    let (headers, queries) = (&matched.headers, &matched.query_params);
    rows.extend(shared_rows(matched.method, headers, queries, regexes)?);
    for cookie in &matched.cookies {
        rows.push(ConditionRow::Cookie(value_row(cookie, regexes)?));
    }
    if !matched.source_ranges.is_empty() {
        let ranges = matched.source_ranges.iter().filter_map(|range| range.parse::<Cidr>().ok());
        rows.push(ConditionRow::Sources(ranges.map(AddressRangeRow::from).collect()));
    }
    Ok(rows)
}

fn shared_rows(
    method: Option<Method>,
    headers: &[ValueMatch],
    queries: &[ValueMatch],
    regexes: &mut Rows<RegexRow>,
) -> Result<Vec<ConditionRow>, CompileError> {
    let method = method.map(|method| ConditionRow::Method(method.as_str().to_owned()));
    let mut rows: Vec<ConditionRow> = method.into_iter().collect();
    for header in headers {
        let row = value_row(header, regexes)?;
        rows.push(ConditionRow::Header(ValueRow { name: row.name.to_ascii_lowercase(), ..row }));
    }
    for query in queries {
        rows.push(ConditionRow::Query(value_row(query, regexes)?));
    }
    Ok(rows)
}

fn value_row(matched: &ValueMatch, regexes: &mut Rows<RegexRow>) -> Result<ValueRow, CompileError> {
    let value = match matched.kind {
        ValueType::Exact => WantedRow::Exact(matched.value.clone()),
        ValueType::RegularExpression => WantedRow::Regex(regex_row(&matched.value, regexes)?),
    };
    Ok(ValueRow { name: matched.name.clone(), value })
}

/// Returns the row of an expression; the same one is compiled once.
fn regex_row(pattern: &str, regexes: &mut Rows<RegexRow>) -> Result<u32, CompileError> {
    let known = regexes.iter().position(|regex| !regex.search && regex.pattern == pattern);
    let at = match known {
        Some(at) => at,
        None => {
            let pattern_of = |source| CompileError::Regex { pattern: pattern.to_owned(), source };
            regexes.push(regex::compile(pattern).map_err(pattern_of)?);
            regexes.len() - 1
        }
    };
    row(at)
}
