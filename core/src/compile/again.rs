//! Compiling once more, after a change of one bundle.
//!
//! Owns which rows a change leaves alone. What it cannot tell is compiled as a whole; so is what uses regular
//! expressions, whose order follows from where each is met first.
//!
//! Invariant: the table is the very one that compiling the same bundles as a whole makes.

use std::sync::Arc;

use super::{
    Allocations, CompileError,
    attributes::{KeptNames, has_device_ids, segment_rows},
    releases::TenantRows,
    routes::{Compiler, replace_routes, route_rows},
};
use crate::{
    policy::{Bundle, Difference, PathType, Release, Route, ValueType},
    table::{ConditionRow, ExpressionRow, NodeRow, PathRow, ReleaseRow, RuleTable, WantedRow},
};

/// Rules, and what it takes to compile them again after a change. A copy shares the rows.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The rules.
    pub table: RuleTable,
    /// By row of `tenants`.
    names: Vec<Arc<KeptNames>>,
}

impl Compiled {
    /// Compiles validated `bundles`, oldest tenant first.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn of(bundles: &[&Bundle], allocations: &Allocations) -> Result<Self, CompileError> {
        let mut compiler = Compiler::default();
        let mut names = Vec::with_capacity(bundles.len());
        for bundle in bundles {
            compiler.claim_hosts(bundle)?;
            let (rows, kept) = TenantRows::add(&mut compiler.table, bundle, allocations)?;
            names.push(Arc::new(kept));
            compiler.routes(bundle, &rows)?;
        }
        Ok(Self { table: compiler.finish()?, names })
    }

    /// Compiles what a change of one of the bundles, from `before` to a validated `after`, makes new; nothing when
    /// the whole has to be compiled. `allocations` are those of the splits as they are to be, of the tenant at least.
    ///
    /// Costs a look at each row, and the work for what changed.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn after(
        &self,
        before: &Bundle,
        after: &Bundle,
        allocations: &Allocations,
    ) -> Result<Option<Self>, CompileError> {
        let difference = Difference::between(before, after);
        // In another order, expressions of routes are met in another order.
        let other_regexes = difference.reordered && !self.table.regexes.is_empty();
        let other_attributes = has_device_ids(before) != has_device_ids(after);
        let others = difference.others || other_attributes;
        if others || difference.has_other_releases() || other_regexes {
            return Ok(None);
        }
        let Some(rows) = TenantRows::find(&self.table, after) else { return Ok(None) };
        let mut made = self.clone();
        let tenant = rows.tenant as usize;
        if difference.segments && !made.replace_segments(tenant, after)? {
            return Ok(None);
        }
        for (name, change) in &difference.releases {
            let (Some(before), Some(after)) = *change else { return Ok(None) };
            if !made.replace_release(&rows, name, (before, after), allocations)? {
                return Ok(None);
            }
        }
        let (gone, new) = (&difference.routes_before, &difference.routes_after);
        if (!gone.is_empty() || !new.is_empty()) && !made.replace_routes(&rows, after, gone, new)? {
            return Ok(None);
        }
        Ok(Some(made))
    }

    /// Replaces the expressions of segments; returns whether that was all there was to do.
    fn replace_segments(&mut self, tenant: usize, after: &Bundle) -> Result<bool, CompileError> {
        let name = &after.metadata.tenant;
        let rows = &mut self.table.segments;
        let first = rows.iter().position(|row| row.tenant == *name).unwrap_or_default();
        let mut scope = self.names[tenant].scope(false);
        let new = segment_rows(after, first, &mut scope)?;
        let count = rows.iter().filter(|row| row.tenant == *name).count();
        let old = &mut rows[first..first + count];
        // In another order, every expression that names one is another.
        let same_order =
            old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| a.name == b.name);
        let had_regex = old.iter().any(|row| expression_has_regex(&row.when));
        if !same_order || had_regex || !scope.regexes.is_empty() {
            return Ok(false);
        }
        let names = KeptNames::of(&scope);
        drop(scope);
        old.iter_mut().zip(new).filter(|(old, new)| *old != new).for_each(|(old, new)| *old = new);
        self.names[tenant] = Arc::new(names);
        Ok(true)
    }

    fn replace_release(
        &mut self,
        rows: &TenantRows<'_>,
        name: &str,
        (before, after): (&Release, &Release),
        allocations: &Allocations,
    ) -> Result<bool, CompileError> {
        let at = rows.releases.get(name).map(|at| *at as usize);
        let tenant = rows.tenant as usize;
        // What a tenant reserves follows from all of its releases.
        let same = before.overrides == after.overrides && before.propagate == after.propagate;
        let (Some(at), true) = (at, same) else { return Ok(false) };
        let names = Arc::clone(&self.names[tenant]);
        let mut scope = names.scope(true);
        let owner = self.table.tenants[tenant].name.clone();
        let new = rows.release(&self.table, &owner, (name, after), &mut scope, allocations)?;
        let had_regex = release_has_regex(&self.table.releases[at]);
        if had_regex || !scope.regexes.is_empty() {
            return Ok(false);
        }
        self.table.releases.put(at, new);
        Ok(true)
    }

    fn replace_routes(
        &mut self,
        rows: &TenantRows<'_>,
        after: &Bundle,
        gone: &[&Arc<Route>],
        new: &[&Arc<Route>],
    ) -> Result<bool, CompileError> {
        let (tenant, mut regexes) = (&after.metadata.tenant, Default::default());
        let mut made = Vec::with_capacity(new.len());
        for route in new {
            made.push((*route, route_rows(route, tenant, rows, &mut regexes)?));
        }
        if !regexes.is_empty() || gone.iter().any(|route| route_has_regex(route)) {
            return Ok(false);
        }
        replace_routes(&mut self.table, rows.tenant, gone, &made)?;
        Ok(true)
    }
}

fn route_has_regex(route: &Route) -> bool {
    let mut matches = route.rules.iter().flat_map(|rule| &rule.matches);
    matches.any(|matched| {
        let path = matched.path.as_ref().map(|path| path.kind);
        let mut values = matched.headers.iter().chain(&matched.query_params);
        path == Some(PathType::RegularExpression)
            || values.any(|value| value.kind == ValueType::RegularExpression)
    })
}

fn release_has_regex(release: &ReleaseRow) -> bool {
    let mut conditions = release.targets.iter().flat_map(|target| &target.conditions);
    conditions.any(|condition| match condition {
        ConditionRow::Path(path) => matches!(path, PathRow::Regex(_)),
        ConditionRow::Header(value) | ConditionRow::Query(value) | ConditionRow::Cookie(value) => {
            matches!(value.value, WantedRow::Regex(_))
        }
        ConditionRow::Expression(expression) => expression_has_regex(expression),
        ConditionRow::Method(_) | ConditionRow::Hosts(_) | ConditionRow::Sources(_) => false,
    })
}

fn expression_has_regex(expression: &ExpressionRow) -> bool {
    expression.nodes.iter().any(|node| matches!(node, NodeRow::Matches(..)))
}

#[cfg(test)]
mod tests;
