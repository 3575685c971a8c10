//! The verifier: whether a table with a good structure also means something.
//!
//! Owns every check that makes `route` total: indices, orders, sums, bounds. bytecheck proves layout
//! only, so a flipped value byte under a recomputed checksum passes it; it must not pass here where
//! it could send a worker out of bounds or into a loop.

use rkyv::{
    rend::{u16_le, u32_le},
    string::ArchivedString,
};
use thiserror::Error;

mod condition;
mod expression;
mod nested;

use condition::{is_path, path_index, path_key};
use expression::{Cost, is_part, position};

use super::{
    ArchivedAddressRow, ArchivedChoiceRow, ArchivedHostRow, ArchivedIdList, ArchivedInstanceTable,
    ArchivedOnNoHealthyRow, ArchivedPartRow, ArchivedReleaseRow, ArchivedRuleTable, ArchivedSpan,
    ArchivedTagFilter, NONE,
};
use crate::{
    http::{is_baggage_key, is_strippable},
    limits::{
        ADDRESSES_MAX, ATTRIBUTES_MAX, BUCKETS, HOST_BYTES_MAX, INSTANCES_MAX, LIST_IDS_MAX,
        NAME_BYTES_MAX, PREFIX_SLASHES_MAX, RANGES_MAX, REGEX_BYTES_MAX, REGEXES_MAX, RELEASES_MAX,
        ROUTES_MAX, SEGMENTS_MAX, TAG_VALUE_BYTES_MAX, TARGETS_MAX, TIMEOUT_MS_MAX, UNITS_MAX,
        VALUE_BYTES_MAX, VARIANTS_MAX,
    },
    policy::is_name,
};

/// Why a table cannot be served.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VerifyError {
    /// More rows than are ever served.
    #[error("{found} {what}, at most {limit} are served")]
    TooMany {
        /// Which rows.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A row refers to one that is not there.
    #[error("{what} {row} refers to {index}, beyond the table")]
    Index {
        /// Which kind of row.
        what: &'static str,
        /// Which row.
        row: usize,
        /// What it refers to.
        index: u32,
    },
    /// Rows are not in the order that lookups rely on, or ranges overlap.
    #[error("{what} {row} is out of order")]
    Order {
        /// Which kind of row.
        what: &'static str,
        /// Which row.
        row: usize,
    },
    /// A value is outside its bounds or not in the form requests are compared in.
    #[error("{what} {row} has a value that cannot be served")]
    Value {
        /// Which kind of row.
        what: &'static str,
        /// Which row.
        row: usize,
    },
}

/// A table whose meaning can be checked.
pub trait Verify {
    /// Checks everything that readers rely on.
    ///
    /// # Errors
    /// The first [`VerifyError`] found.
    fn verify(&self) -> Result<(), VerifyError>;
}

impl Verify for ArchivedRuleTable {
    fn verify(&self) -> Result<(), VerifyError> {
        bounded("routes", self.routes.len(), ROUTES_MAX)?;
        bounded("hosts", self.hosts.len() + self.wildcards.len(), ROUTES_MAX)?;
        bounded("releases", self.releases.len(), RELEASES_MAX)?;
        bounded("variants", self.variants.len(), VARIANTS_MAX)?;
        bounded("attributes", self.attributes.len(), ATTRIBUTES_MAX)?;
        bounded("regular expressions", self.regexes.len(), REGEXES_MAX)?;
        bounded("segments", self.segments.len(), SEGMENTS_MAX)?;
        bounded("tenants", self.tenants.len(), RELEASES_MAX)?;
        self.verify_hosts()?;
        for (row, tenant) in self.tenants.iter().enumerate() {
            bounded("reserved headers", tenant.reserved.len(), ATTRIBUTES_MAX)?;
            let good =
                tenant.reserved.iter().all(|name| is_field_name(name) && is_strippable(name));
            check("tenant", row, is_short(&tenant.name) && good)?;
            bounded("keys of baggage", tenant.baggage.len(), RELEASES_MAX)?;
            let is_key = |key: &ArchivedString| is_baggage_key(key) && is_lower_case(key);
            check("tenant", row, tenant.baggage.iter().all(is_key))?;
            ordered("tenant", row, tenant.baggage.is_sorted_by(|a, b| **a < **b))?;
        }
        for (row, variant) in self.variants.iter().enumerate() {
            check(
                "variant",
                row,
                is_short(&variant.name) && variant.key.len() <= 4 * NAME_BYTES_MAX,
            )?;
            let timeouts = &variant.timeouts;
            let all = [timeouts.connect_ms, timeouts.first_byte_ms, timeouts.idle_ms];
            check("variant", row, all.iter().all(|ms| is_timeout(*ms) && ms.to_native() > 0))?;
        }
        for (row, regex) in self.regexes.iter().enumerate() {
            let bounded =
                regex.pattern.len() <= VALUE_BYTES_MAX && regex.dfa.len() <= REGEX_BYTES_MAX;
            check("regex", row, bounded)?;
        }
        for (row, attribute) in self.attributes.iter().enumerate() {
            let default = attribute.default.as_ref();
            let bounded = default.is_none_or(|text| text.len() <= TAG_VALUE_BYTES_MAX);
            check("attribute", row, bounded && is_short(&attribute.name))?;
            for source in attribute.sources.iter() {
                self.verify_source(row, &source.part)?;
            }
        }
        let mut segments = Vec::with_capacity(self.segments.len());
        for (row, segment) in self.segments.iter().enumerate() {
            check("segment", row, is_short(&segment.name) && is_short(&segment.tenant))?;
            // A segment names those before it only: none is part of itself.
            let cost = expression::expression(self, "segment", row, &segment.when, &segments)?;
            segments.push(cost);
        }
        for (row, route) in self.routes.iter().enumerate() {
            let depth = route.path.slashes() <= self.prefix_slashes.to_native();
            check("route", row, depth && is_path(&route.path) && is_short(&route.name))?;
            index("route", row, route.tenant, self.tenants.len())?;
            path_index("route", row, &route.path, self.regexes.len())?;
            check("route", row, is_timeout(route.request_ms))?;
            self.verify_conditions("route", row, &route.conditions, &segments)?;
            if route.release == NONE {
                index("route", row, route.variant, self.variants.len())?;
            } else {
                index("route", row, route.release, self.releases.len())?;
            }
        }
        for (row, release) in self.releases.iter().enumerate() {
            self.verify_release(row, release, &segments)?;
        }
        Ok(())
    }
}

impl ArchivedRuleTable {
    /// Checks where an attribute's value comes from: a tag is looked up by an id that is none, and a geohash is of what
    /// is none, so that looking up ends.
    fn verify_source(&self, row: usize, part: &ArchivedPartRow) -> Result<(), VerifyError> {
        if let ArchivedPartRow::Geohash { position: at, .. } = part {
            position(self, "attribute", row, at)?;
        }
        let ArchivedPartRow::Tag { id, name } = part else {
            return check("attribute", row, is_part(part));
        };
        index("attribute", row, *id, self.attributes.len())?;
        let ids = &self.attributes[id.to_native() as usize].sources;
        let looks_up = |part: &ArchivedPartRow| {
            matches!(part, ArchivedPartRow::Tag { .. } | ArchivedPartRow::Geohash { .. })
        };
        let good = is_short(name) && !ids.iter().any(|source| looks_up(&source.part));
        check("attribute", row, good)
    }

    fn verify_hosts(&self) -> Result<(), VerifyError> {
        check("prefix slashes", 0, self.prefix_slashes.to_native() <= PREFIX_SLASHES_MAX)?;
        let order = RouteOrder::of(self);
        order.check("any host", 0, &self.any_host)?;
        for (row, host) in self.hosts.iter().enumerate() {
            check("host", row, is_host(host))?;
            order.check("host", row, &host.routes)?;
            let sorted = row == 0 || *self.hosts[row - 1].name < *host.name;
            ordered("host", row, sorted)?;
        }
        for (row, host) in self.wildcards.iter().enumerate() {
            check("wildcard", row, is_host(host) && host.name.starts_with('.'))?;
            order.check("wildcard", row, &host.routes)?;
            let sorted = row == 0 || *self.wildcards[row - 1].name < *host.name;
            ordered("wildcard", row, sorted)?;
        }
        Ok(())
    }

    fn verify_release(
        &self,
        row: usize,
        release: &ArchivedReleaseRow,
        segments: &[Cost],
    ) -> Result<(), VerifyError> {
        span("release", row, &release.variants, self.variants.len())?;
        let variants = release.variants.start.to_native()..release.variants.end.to_native();
        check("release", row, !variants.is_empty())?;
        check(
            "release",
            row,
            is_short(&release.name) && is_short(&release.tenant) && is_short(&release.salt),
        )?;
        // One row per variant; stable, the first, has nothing to fall back to.
        let rows = &release.on_no_healthy;
        let stable_fails = matches!(rows.first(), Some(ArchivedOnNoHealthyRow::Fail));
        check("release", row, rows.len() == variants.len() && stable_fails)?;
        bounded("units", release.units.len(), UNITS_MAX)?;
        for unit in release.units.iter() {
            index("release", row, *unit, self.attributes.len())?;
        }
        for rule in release.overrides.iter() {
            check("release", row, is_field_name(&rule.header))?;
        }
        let key = release.baggage.as_ref();
        check("release", row, key.is_none_or(|key| is_baggage_key(key)))?;
        if key.is_some() || release.pins.is_some() {
            // Their names go into heads as they are.
            let names = &self.variants[variants.start as usize..variants.end as usize];
            let good = is_name(&release.name) && names.iter().all(|variant| is_name(&variant.name));
            check("release", row, good)?;
        }
        bounded("targets", release.targets.len(), TARGETS_MAX)?;
        for target in release.targets.iter() {
            check("target", row, is_short(&target.id))?;
            self.verify_conditions("target", row, &target.conditions, segments)?;
            match target.nested.as_ref() {
                None => check("target", row, target.choices.len() == 1)?,
                Some(nested) => self.verify_nested(row, nested, target.choices.len())?,
            }
            for one in target.choices.iter() {
                choice(row, one, &variants)?;
            }
        }
        choice(row, &release.default, &variants)
    }
}

/// Where routes are out of the order they are looked up in. Spans of hosts may share rows, so order is
/// looked at once per row and not once per span.
struct RouteOrder {
    /// By row: how many rows up to it are to lie before the one before them.
    breaks: Vec<usize>,
}

impl RouteOrder {
    fn of(table: &ArchivedRuleTable) -> Self {
        let mut before = None;
        let breaks = table.routes.iter().scan(0, |breaks, route| {
            let key = path_key(&route.path);
            *breaks += usize::from(before.is_some_and(|before| before > key));
            before = Some(key);
            Some(*breaks)
        });
        Self { breaks: breaks.collect() }
    }

    fn check(
        &self,
        what: &'static str,
        row: usize,
        rows: &ArchivedSpan,
    ) -> Result<(), VerifyError> {
        span(what, row, rows, self.breaks.len())?;
        let (start, end) = (rows.start.to_native() as usize, rows.end.to_native() as usize);
        let sorted = start == end || self.breaks[start] == self.breaks[end - 1];
        ordered(what, row, sorted)
    }
}

/// Checks where requests go: variants of the release, ranges in order.
fn choice(
    row: usize,
    choice: &ArchivedChoiceRow,
    variants: &std::ops::Range<u32>,
) -> Result<(), VerifyError> {
    match choice {
        ArchivedChoiceRow::Variant(variant) => inside("release", row, *variant, variants),
        ArchivedChoiceRow::Split(ranges) => {
            bounded("ranges", ranges.len(), RANGES_MAX)?;
            let mut covered = 0;
            for range in ranges.iter() {
                let (start, end) = (range.start.to_native(), range.end.to_native());
                ordered("range", row, covered <= start && start < end && end <= BUCKETS)?;
                inside("release", row, range.variant, variants)?;
                covered = end;
            }
            Ok(())
        }
    }
}

impl Verify for ArchivedInstanceTable {
    fn verify(&self) -> Result<(), VerifyError> {
        bounded("instance sets", self.sets.len(), VARIANTS_MAX)?;
        let mut instances = 0usize;
        for (row, set) in self.sets.iter().enumerate() {
            ordered("instance set", row, row == 0 || *self.sets[row - 1].key < *set.key)?;
            instances += set.instances.len();
            bounded("instances", instances, INSTANCES_MAX)?;
            let mut weight = 0;
            for instance in set.instances.iter() {
                ordered("instance", row, instance.weight_end.to_native() > weight)?;
                weight = instance.weight_end.to_native();
                let addresses = &instance.addresses;
                check("instance", row, !addresses.is_empty() && addresses.len() <= ADDRESSES_MAX)?;
                check("instance", row, addresses.iter().all(is_address))?;
                check("instance", row, is_short(&instance.name))?;
            }
        }
        Ok(())
    }
}

impl Verify for ArchivedTagFilter {
    fn verify(&self) -> Result<(), VerifyError> {
        check("filter", 0, is_short(&self.tenant) && self.is_good())
    }
}

impl Verify for ArchivedIdList {
    fn verify(&self) -> Result<(), VerifyError> {
        bounded("ids", self.prints.len(), LIST_IDS_MAX)?;
        check("list", 0, is_name(&self.tenant) && is_name(&self.name))?;
        let row = self.prints.windows(2).position(|pair| pair[0] >= pair[1]);
        row.map_or(Ok(()), |row| ordered("id", row + 1, false))
    }
}

fn bounded(what: &'static str, found: usize, limit: usize) -> Result<(), VerifyError> {
    if found <= limit { Ok(()) } else { Err(VerifyError::TooMany { what, found, limit }) }
}

fn check(what: &'static str, row: usize, good: bool) -> Result<(), VerifyError> {
    if good { Ok(()) } else { Err(VerifyError::Value { what, row }) }
}

fn ordered(what: &'static str, row: usize, good: bool) -> Result<(), VerifyError> {
    if good { Ok(()) } else { Err(VerifyError::Order { what, row }) }
}

fn index(what: &'static str, row: usize, index: u32_le, len: usize) -> Result<(), VerifyError> {
    let index = index.to_native();
    if (index as usize) < len { Ok(()) } else { Err(VerifyError::Index { what, row, index }) }
}

fn inside(
    what: &'static str,
    row: usize,
    at: u32_le,
    range: &std::ops::Range<u32>,
) -> Result<(), VerifyError> {
    let index = at.to_native();
    if range.contains(&index) { Ok(()) } else { Err(VerifyError::Index { what, row, index }) }
}

fn span(
    what: &'static str,
    row: usize,
    span: &ArchivedSpan,
    len: usize,
) -> Result<(), VerifyError> {
    let (start, end) = (span.start.to_native(), span.end.to_native());
    if start <= end && end as usize <= len {
        Ok(())
    } else {
        Err(VerifyError::Index { what, row, index: end })
    }
}

fn is_timeout(ms: u32_le) -> bool {
    ms.to_native() == NONE || u64::from(ms.to_native()) <= TIMEOUT_MS_MAX
}

fn is_short(text: &ArchivedString) -> bool {
    text.len() <= NAME_BYTES_MAX
}

fn is_host(host: &ArchivedHostRow) -> bool {
    is_host_name(&host.name)
}

fn is_lower_case(text: &ArchivedString) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_host_name(name: &ArchivedString) -> bool {
    let name = name.as_bytes();
    !name.is_empty() && name.len() <= HOST_BYTES_MAX && !name.iter().any(u8::is_ascii_uppercase)
}

fn is_field_name(name: &ArchivedString) -> bool {
    !name.is_empty() && is_short(name) && is_lower_case(name)
}

fn is_address(address: &ArchivedAddressRow) -> bool {
    let is_port = |port: &u16_le| port.to_native() != 0;
    match address {
        ArchivedAddressRow::V4(_, port) | ArchivedAddressRow::V6(_, port) => is_port(port),
        ArchivedAddressRow::Unix(path) => {
            path.starts_with('/') && path.len() < 108 && !path.contains('\0')
        }
    }
}
