//! One tenant's upstreams, attributes and releases become rows.
//!
//! Owns where names end up: whatever refers to a row by name is resolved here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Allocations, CompileError,
    attributes::{KeptNames, add_names, attribute, expression_row},
    conditions::target_rows,
    nested::nested_row,
    ranges::range_rows,
    row, variant_key,
    weights::split_key,
};
use crate::{
    expr::Scope,
    policy::{
        Bundle, DEFAULT_SPLIT, HeaderOverride, IMPLICIT_OVERRIDES, OnNoHealthy, Release, Requires,
        STABLE, Split, Stickiness, Target, Timeout, Timestamp, UnitMissing, Upstream, cell_name,
    },
    table::{
        ChoiceRow, ConditionRow, NONE, OnNoHealthyRow, OverrideRow, ReleaseRow, RequiresRow,
        RuleTable, Span, TargetRow, TenantRow, TimeoutsRow, UnitMissingRow, VariantRow,
    },
};

/// Where one tenant's names ended up.
#[derive(Default)]
pub(super) struct TenantRows<'a> {
    /// The row of the tenant.
    pub(super) tenant: u32,
    /// First row of each upstream's variants; stable is the first.
    pub(super) upstreams: BTreeMap<&'a str, Span>,
    /// The row of each release.
    pub(super) releases: BTreeMap<&'a str, u32>,
}

impl<'a> TenantRows<'a> {
    pub(super) fn add(
        table: &mut RuleTable,
        bundle: &'a Bundle,
        allocations: &Allocations,
    ) -> Result<(Self, KeptNames), CompileError> {
        let tenant = &bundle.metadata.tenant;
        let mut rows = Self { tenant: row(table.tenants.len())?, ..Self::default() };
        let mut reserved = Vec::new();
        // Also where no release reads them, since services may; unless one takes them from anybody.
        let open = bundle.releases.values().flat_map(|release| &release.overrides);
        let open: Vec<&str> = open
            .filter(|rule| rule.requires == Requires::Any)
            .map(|rule| rule.header.as_str())
            .collect();
        for header in IMPLICIT_OVERRIDES {
            if !open.iter().any(|open| open.eq_ignore_ascii_case(header)) {
                reserve(&mut reserved, header);
            }
        }
        let rules = bundle.releases.values().flat_map(|release| &release.overrides);
        for rule in rules.filter(|rule| rule.requires != Requires::Any) {
            reserve(&mut reserved, &rule.header);
        }
        table.tenants.push(TenantRow { name: tenant.clone(), reserved, baggage: keys(bundle) });
        for (name, upstream) in &bundle.upstreams {
            let start = row(table.variants.len())?;
            let stable_first = [STABLE]
                .into_iter()
                .chain(upstream.variants.keys().map(String::as_str).filter(|v| *v != STABLE));
            table.variants.extend(stable_first.map(|variant| VariantRow {
                name: variant.to_owned(),
                key: variant_key(tenant, name, variant),
                timeouts: timeouts_row(upstream),
            }));
            rows.upstreams.insert(name, Span { start, end: row(table.variants.len())? });
        }
        let mut scope = add_names(table, bundle)?;
        for (name, release) in &bundle.releases {
            rows.releases.insert(name, row(table.releases.len())?);
            let release = rows.release(table, tenant, (name, release), &mut scope, allocations)?;
            table.releases.push(release);
        }
        let kept = KeptNames::of(&scope);
        table.regexes = scope.regexes;
        Ok((rows, kept))
    }

    /// Returns where the names of `bundle` are in a table that has its upstreams and releases; nothing when they
    /// are not there.
    pub(super) fn find(table: &RuleTable, bundle: &'a Bundle) -> Option<Self> {
        let tenant = &bundle.metadata.tenant;
        let row = |at: usize| u32::try_from(at).ok();
        let place = table.tenants.iter().position(|known| known.name == *tenant)?;
        let mut rows = Self { tenant: row(place)?, ..Self::default() };
        if let Some(first) = bundle.upstreams.keys().next() {
            let key = variant_key(tenant, first, STABLE);
            let mut start = table.variants.iter().position(|variant| variant.key == key)?;
            for (name, upstream) in &bundle.upstreams {
                let end = start + upstream.variants.len();
                rows.upstreams.insert(name, Span { start: row(start)?, end: row(end)? });
                start = end;
            }
        }
        let known = table.releases.iter().position(|release| release.tenant == *tenant);
        for (name, at) in bundle.releases.keys().zip(known.unwrap_or_default()..) {
            let release = table.releases.get(at)?;
            if release.tenant != *tenant || release.name != *name {
                return None;
            }
            rows.releases.insert(name, row(at)?);
        }
        Some(rows)
    }

    /// Returns the row of a release.
    pub(super) fn release(
        &self,
        table: &RuleTable,
        tenant: &str,
        (name, release): (&str, &Release),
        scope: &mut Scope<'_>,
        allocations: &Allocations,
    ) -> Result<ReleaseRow, CompileError> {
        let unresolved = |field: &str, missing: &str| CompileError::Unresolved {
            tenant: tenant.to_owned(),
            path: format!("releases.{name}.{field}"),
            name: missing.to_owned(),
        };
        let missing_upstream = || unresolved("upstream", &release.upstream);
        let variants =
            *self.upstreams.get(release.upstream.as_str()).ok_or_else(missing_upstream)?;
        let choices = Choices { variants, table, allocations, tenant, release: name };
        let default = &release.default;
        let default =
            choices.row(DEFAULT_SPLIT, default.variant.as_deref(), default.split.as_ref())?;
        let mut target = |target: &Target| {
            let mut conditions = target_rows(target, &mut scope.regexes)?;
            if let Some(when) = &target.when {
                let path = format!("releases.{name}.targets: {}", target.id);
                let (row, _) = expression_row(when, scope, || (tenant.to_owned(), path))?;
                conditions.push(ConditionRow::Expression(row));
            }
            Ok(TargetRow {
                id: target.id.clone(),
                conditions,
                nested: nested_row(target, |name| {
                    attribute(scope, name).ok_or_else(|| unresolved("targets", name))
                })?,
                expires_unix_s: expiry(target.expires_at),
                choices: choices.rows(target, &release.canary)?,
            })
        };
        let targets =
            release.targets.iter().map(&mut target).collect::<Result<_, CompileError>>()?;
        let on_no_healthy = (variants.start..variants.end)
            .map(|at| on_no_healthy(release, &table.variants[at as usize].name))
            .collect();
        let sticky = release.stickiness != Stickiness::None;
        let units = release
            .unit
            .iter()
            .filter(|_| sticky)
            .map(|unit| attribute(scope, unit).ok_or_else(|| unresolved("unit", unit)));
        let units = units.collect::<Result<_, _>>()?;
        let overrides = release.overrides.iter().map(override_row).collect();
        let unit_missing = match release.unit_missing {
            _ if !sticky => UnitMissingRow::Random,
            UnitMissing::Random => UnitMissingRow::Random,
            UnitMissing::Stable => UnitMissingRow::Stable,
            UnitMissing::Mint => UnitMissingRow::Mint,
        };
        let pinned = release.stickiness == Stickiness::Pinned;
        Ok(ReleaseRow {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
            variants,
            on_no_healthy,
            overrides,
            units,
            unit_missing,
            pins: pinned.then_some(release.generation),
            baggage: release.propagate.as_ref().map(|propagate| propagate.baggage.clone()),
            salt: release.salt.clone().unwrap_or_else(|| name.to_owned()),
            targets,
            default,
            disabled: release.disabled,
            expires_unix_s: expiry(release.expires_at),
        })
    }
}

/// Returns the keys of baggage that name variants, in the order they are looked up in.
fn keys(bundle: &Bundle) -> Vec<String> {
    let propagated = bundle.releases.values().filter_map(|release| release.propagate.as_ref());
    let keys = propagated.map(|propagate| propagate.baggage.to_ascii_lowercase());
    keys.collect::<BTreeSet<String>>().into_iter().collect()
}

fn timeouts_row(upstream: &Upstream) -> TimeoutsRow {
    let timeouts = upstream.timeouts.unwrap_or_default();
    let ms = |timeout: Option<Timeout>| timeout.map_or(NONE, Timeout::ms);
    TimeoutsRow {
        connect_ms: ms(timeouts.connect),
        first_byte_ms: ms(timeouts.first_byte),
        idle_ms: ms(timeouts.idle),
    }
}

/// Returns what was asked for, or: stable fails, the others fall back to it.
fn on_no_healthy(release: &Release, variant: &str) -> OnNoHealthyRow {
    match release.on_no_healthy.get(variant) {
        _ if variant == STABLE => OnNoHealthyRow::Fail,
        Some(OnNoHealthy::Fail) => OnNoHealthyRow::Fail,
        Some(OnNoHealthy::FallbackStable) | None => OnNoHealthyRow::FallbackStable,
    }
}

/// Returns the moment of expiry; never is the largest number.
fn expiry(at: Option<Timestamp>) -> u64 {
    at.map_or(u64::MAX, Timestamp::unix_s)
}

/// What it takes to say where requests of one release go.
struct Choices<'a> {
    variants: Span,
    table: &'a RuleTable,
    allocations: &'a Allocations,
    tenant: &'a str,
    release: &'a str,
}

impl Choices<'_> {
    /// Returns the choice of a target, or one per cell of its nested table, in the order of their values.
    fn rows(&self, target: &Target, canary: &str) -> Result<Vec<ChoiceRow>, CompileError> {
        let Some(table) = &target.table else {
            let (variant, split) = (target.variant.as_deref(), target.split.as_ref());
            return Ok(vec![self.row(&target.id, variant, split)?]);
        };
        let cells = table.cells().into_iter().map(|(values, cell)| {
            let name = format!("{}/{}", target.id, cell_name(&values));
            self.row(&name, cell.variant.as_deref(), cell.split(canary).as_deref())
        });
        cells.collect()
    }

    fn row(
        &self,
        name: &str,
        variant: Option<&str>,
        split: Option<&Split>,
    ) -> Result<ChoiceRow, CompileError> {
        if split.is_none() {
            return Ok(ChoiceRow::Variant(self.variant(name, variant.unwrap_or(STABLE))?));
        }
        let key = split_key(self.tenant, self.release, name);
        let rows = match self.allocations.get(&key) {
            Some(ranges) => range_rows(ranges, |variant| self.variant(name, variant))?,
            None => Vec::new(),
        };
        Ok(ChoiceRow::Split(rows))
    }

    fn variant(&self, split: &str, wanted: &str) -> Result<u32, CompileError> {
        let known = (self.variants.start..self.variants.end)
            .find(|at| self.table.variants[*at as usize].name == wanted);
        known.ok_or_else(|| CompileError::Unresolved {
            tenant: self.tenant.to_owned(),
            path: format!("releases.{}.{split}", self.release),
            name: wanted.to_owned(),
        })
    }
}

/// Has a header stripped from what untrusted peers send to the tenant.
fn reserve(reserved: &mut Vec<String>, header: &str) {
    let header = header.to_ascii_lowercase();
    if !reserved.contains(&header) {
        reserved.push(header);
    }
}

fn override_row(rule: &HeaderOverride) -> OverrideRow {
    let requires = match rule.requires {
        Requires::Trusted => RequiresRow::Trusted,
        Requires::Signed => RequiresRow::Signed,
        Requires::Any => RequiresRow::Any,
    };
    OverrideRow { header: rule.header.to_ascii_lowercase(), requires }
}
