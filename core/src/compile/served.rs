//! What a gateway serves, taken apart: the ranges of its splits, and a tenant's rows among others'.
//!
//! Owns the way back from tables to what they were compiled from, as far as a push without a control
//! plane needs it: the gateway's tables are all it has to go on.
//!
//! Invariants:
//! - ranges come back in the order they were taken, so that a later shrink gives back what a control
//!   plane would have given back;
//! - rows of other tenants keep their meaning; a host name still belongs to one tenant.

use std::sync::Arc;

use super::{Allocations, CompileError, row, weights::split_key};
use crate::{
    policy::{DEFAULT_SPLIT, IMPLICIT_TENANT},
    rollout::allocation::{Allocation, Range},
    table::{
        ChoiceRow, ConditionRow, ExpressionRow, HostRow, InstanceTable, NONE, NodeRow, PartRow,
        PathRow, PositionRow, ReleaseRow, RouteRow, RuleTable, SegmentRow, Span, TargetRow,
        WantedRow, split_name,
    },
};

/// Returns the ranges of every split of `table`.
#[must_use]
pub fn allocations_of(table: &RuleTable) -> Allocations {
    let mut allocations = Allocations::new();
    for release in &table.releases {
        let targets = release.targets.iter().flat_map(|target| {
            let cells = target.nested.as_ref().map(|nested| nested.cells.as_slice());
            let choices = target.choices.iter().enumerate();
            choices.map(move |(at, choice)| {
                (split_name(&target.id, cells.unwrap_or_default(), at), choice)
            })
        });
        for (split, choice) in targets.chain([(DEFAULT_SPLIT.into(), &release.default)]) {
            let ChoiceRow::Split(ranges) = choice else { continue };
            let taken = ranges.iter().map(|range| {
                let name = table.variants[range.variant as usize].name.clone();
                (name, range.taken, Range { start: range.start, end: range.end })
            });
            let key = split_key(&release.tenant, &release.name, &split);
            allocations.insert(key, Allocation::of_taken(taken));
        }
    }
    allocations
}

/// Returns `served` with the rows of `tenant` replaced by `own`, a table of that tenant alone. The
/// implicit tenant goes, too: it stands in only while nobody has written a bundle.
///
/// # Errors
/// [`CompileError::Hostname`] when `own` asks for another tenant's host name.
pub fn replace_tenant(
    served: &RuleTable,
    tenant: &str,
    own: RuleTable,
) -> Result<RuleTable, CompileError> {
    let mut merge = Merge {
        variants: vec![NONE; served.variants.len()],
        attributes: vec![NONE; served.attributes.len()],
        releases: vec![NONE; served.releases.len()],
        regexes: vec![NONE; served.regexes.len()],
        segments: vec![NONE; served.segments.len()],
        tenants: vec![NONE; served.tenants.len()],
        tenant,
        served,
        table: own,
    };
    merge.rows()?;
    merge.routes()?;
    Ok(merge.table)
}

/// Returns `served` with the instances of `tenant` replaced by `own`. Where `own` has none for a
/// variant, the gateway's stay: they were registered, and nobody here can know better.
#[must_use]
pub fn replace_instances(
    served: &InstanceTable,
    tenant: &str,
    own: InstanceTable,
) -> InstanceTable {
    let mut sets = own.sets;
    for set in &mut sets {
        let known = served.sets.iter().find(|known| known.key == set.key);
        if let Some(known) = known.filter(|_| set.instances.is_empty()) {
            set.instances.clone_from(&known.instances);
        }
    }
    let others = served.sets.iter().filter(|set| is_other(tenant, owner_of(&set.key)));
    sets.extend(others.cloned());
    sets.sort_by(|a, b| a.key.cmp(&b.key));
    InstanceTable { sets }
}

/// Returns the tenant in the key of a variant.
fn owner_of(key: &str) -> &str {
    key.split('/').next().unwrap_or_default()
}

fn is_other(tenant: &str, owner: &str) -> bool {
    owner != tenant && owner != IMPLICIT_TENANT
}

/// A table that grows by the rows of the other tenants.
struct Merge<'a> {
    tenant: &'a str,
    served: &'a RuleTable,
    table: RuleTable,
    /// By row of `served`: the row in `table`, or [`NONE`].
    variants: Vec<u32>,
    attributes: Vec<u32>,
    releases: Vec<u32>,
    regexes: Vec<u32>,
    segments: Vec<u32>,
    tenants: Vec<u32>,
}

impl Merge<'_> {
    /// Adds variants, releases and the attributes these use.
    fn rows(&mut self) -> Result<(), CompileError> {
        for (at, variant) in self.served.variants.iter().enumerate() {
            if is_other(self.tenant, owner_of(&variant.key)) {
                self.variants[at] = row(self.table.variants.len())?;
                self.table.variants.push(variant.clone());
            }
        }
        for (at, tenant) in self.served.tenants.iter().enumerate() {
            if is_other(self.tenant, &tenant.name) {
                self.tenants[at] = row(self.table.tenants.len())?;
                self.table.tenants.push(tenant.clone());
            }
        }
        // In their order: a segment names those before it only.
        for (at, segment) in self.served.segments.iter().enumerate() {
            if is_other(self.tenant, &segment.tenant) {
                let mut when = segment.when.clone();
                self.expression(&mut when)?;
                self.segments[at] = row(self.table.segments.len())?;
                self.table.segments.push(SegmentRow { when, ..segment.clone() });
            }
        }
        for (at, release) in self.served.releases.iter().enumerate() {
            if is_other(self.tenant, &release.tenant) {
                self.releases[at] = row(self.table.releases.len())?;
                let release = self.release(release)?;
                self.table.releases.push(release);
            }
        }
        Ok(())
    }

    fn release(&mut self, release: &ReleaseRow) -> Result<ReleaseRow, CompileError> {
        let start = self.variants[release.variants.start as usize];
        let count = release.variants.end - release.variants.start;
        let units = release.units.iter().map(|unit| self.attribute(*unit));
        let units = units.collect::<Result<_, _>>()?;
        let mut targets = Vec::with_capacity(release.targets.len());
        for target in &release.targets {
            let choices = target.choices.iter().map(|choice| self.choice(choice)).collect();
            let mut target = TargetRow { choices, ..target.clone() };
            for level in target.nested.iter_mut().flat_map(|nested| &mut nested.attributes) {
                *level = self.attribute(*level)?;
            }
            self.conditions(&mut target.conditions)?;
            targets.push(target);
        }
        Ok(ReleaseRow {
            variants: Span { start, end: start + count },
            units,
            targets,
            default: self.choice(&release.default),
            ..release.clone()
        })
    }

    fn attribute(&mut self, at: u32) -> Result<u32, CompileError> {
        let at = at as usize;
        if self.attributes[at] == NONE {
            let own = self.table.attributes.len();
            self.attributes[at] = row(own)?;
            self.table.attributes.push(self.served.attributes[at].clone());
            for place in 0..self.served.attributes[at].sources.len() {
                let mut part = self.served.attributes[at].sources[place].part.clone();
                self.part(&mut part)?;
                self.table.attributes[own].sources[place].part = part;
            }
        }
        Ok(self.attributes[at])
    }

    /// Points a part to the attributes of the new table. Those do not come from a part like it, so this ends.
    fn part(&mut self, part: &mut PartRow) -> Result<(), CompileError> {
        match part {
            PartRow::Tag { id, .. } => *id = self.attribute(*id)?,
            PartRow::Geohash { position, .. } => self.position(position)?,
            _ => {}
        }
        Ok(())
    }

    fn position(&mut self, position: &mut PositionRow) -> Result<(), CompileError> {
        for at in [&mut position.latitude, &mut position.longitude] {
            if *at != NONE {
                *at = self.attribute(*at)?;
            }
        }
        Ok(())
    }

    /// Points conditions to the expressions of the new table.
    fn conditions(&mut self, conditions: &mut [ConditionRow]) -> Result<(), CompileError> {
        for condition in conditions {
            match condition {
                ConditionRow::Path(PathRow::Regex(regex)) => *regex = self.regex(*regex)?,
                ConditionRow::Header(value)
                | ConditionRow::Query(value)
                | ConditionRow::Cookie(value) => {
                    if let WantedRow::Regex(regex) = &mut value.value {
                        *regex = self.regex(*regex)?;
                    }
                }
                ConditionRow::Expression(expression) => self.expression(expression)?,
                ConditionRow::Path(_)
                | ConditionRow::Method(_)
                | ConditionRow::Hosts(_)
                | ConditionRow::Sources(_) => {}
            }
        }
        Ok(())
    }

    /// Points an expression to the rows of the new table.
    fn expression(&mut self, expression: &mut ExpressionRow) -> Result<(), CompileError> {
        for node in &mut expression.nodes {
            match node {
                NodeRow::Attribute(attribute) => *attribute = self.attribute(*attribute)?,
                NodeRow::Part(part) => self.part(part)?,
                NodeRow::Within(circle) => self.position(&mut circle.position)?,
                NodeRow::Member { id, .. } => *id = self.attribute(*id)?,
                NodeRow::Matches(_, regex) => *regex = self.regex(*regex)?,
                NodeRow::Segment(segment) => *segment = self.segments[*segment as usize],
                _ => {}
            }
        }
        Ok(())
    }

    fn regex(&mut self, at: u32) -> Result<u32, CompileError> {
        let at = at as usize;
        if self.regexes[at] == NONE {
            self.regexes[at] = row(self.table.regexes.len())?;
            self.table.regexes.push(Arc::clone(&self.served.regexes.shared()[at]));
        }
        Ok(self.regexes[at])
    }

    fn choice(&self, choice: &ChoiceRow) -> ChoiceRow {
        let mut choice = choice.clone();
        match &mut choice {
            ChoiceRow::Variant(variant) => *variant = self.variants[*variant as usize],
            ChoiceRow::Split(ranges) => {
                for range in ranges {
                    range.variant = self.variants[range.variant as usize];
                }
            }
        }
        choice
    }

    /// Adds the routes of the hosts that other tenants own.
    fn routes(&mut self) -> Result<(), CompileError> {
        for host in &self.served.hosts {
            if let Some(routes) = self.host(&host.name, host.routes)? {
                self.table.hosts.push(HostRow { name: host.name.clone(), routes });
            }
        }
        for host in &self.served.wildcards {
            if let Some(routes) = self.host(&host.name, host.routes)? {
                self.table.wildcards.push(HostRow { name: host.name.clone(), routes });
            }
        }
        if let Some(routes) = self.host("", self.served.any_host)? {
            self.table.any_host = routes;
        }
        self.table.prefix_slashes = self.table.prefix_slashes.max(self.served.prefix_slashes);
        self.table.hosts.sort_by(|a, b| a.name.cmp(&b.name));
        self.table.wildcards.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// Adds the routes of one host; nothing when they go.
    fn host(&mut self, name: &str, routes: Span) -> Result<Option<Span>, CompileError> {
        let rows = &self.served.routes[routes.start as usize..routes.end as usize];
        let owner =
            |route: &Arc<RouteRow>| self.served.tenants[route.tenant as usize].name.as_str();
        let Some(owner) = rows.first().map(owner) else { return Ok(None) };
        if !is_other(self.tenant, owner) {
            return Ok(None);
        }
        let has = |hosts: &[HostRow]| hosts.iter().any(|host| host.name == name);
        let disputed = match name {
            "" => self.table.any_host.start < self.table.any_host.end,
            _ => has(&self.table.hosts) || has(&self.table.wildcards),
        };
        if disputed {
            let hostname = if name.is_empty() || name.starts_with('.') { "*" } else { "" };
            return Err(CompileError::Hostname {
                hostname: format!("{hostname}{name}"),
                tenant: self.tenant.to_owned(),
                owner: owner.to_owned(),
            });
        }
        let start = row(self.table.routes.len())?;
        for route in rows {
            let of = |rows: &[u32], at: u32| rows.get(at as usize).copied().unwrap_or(NONE);
            let mut route = RouteRow {
                release: of(&self.releases, route.release),
                variant: of(&self.variants, route.variant),
                tenant: of(&self.tenants, route.tenant),
                ..(**route).clone()
            };
            if let PathRow::Regex(regex) = &mut route.path {
                *regex = self.regex(*regex)?;
            }
            self.conditions(&mut route.conditions)?;
            self.table.routes.push(route);
        }
        Ok(Some(Span { start, end: row(self.table.routes.len())? }))
    }
}

#[cfg(test)]
mod tests;
