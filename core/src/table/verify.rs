//! The verifier: whether a table with a good structure also means something.
//!
//! Owns every check that makes `route` total: indices, orders, sums, bounds; what is large about it has a room each ([`hosts`],
//! [`release`], [`condition`], [`expression`], [`nested`], [`instances`]), all are made of the same [`checks`]. bytecheck proves
//! layout only, so a flipped value byte under a recomputed checksum passes it; it must not pass here where it could send a worker
//! out of bounds or into a loop.

use rkyv::string::ArchivedString;
use thiserror::Error;

mod checks;
mod condition;
mod expression;
mod hosts;
mod instances;
mod nested;
mod release;

use checks::{bounded, check, index, is_field_name, is_lower_case, is_short, is_timeout, ordered};
use condition::{is_path, path_index};
use expression::{is_part, position};

use super::{ArchivedIdList, ArchivedPartRow, ArchivedRuleTable, ArchivedTagFilter, NONE};
use crate::{
    http::{is_baggage_key, is_strippable},
    limits::{
        ATTRIBUTES_MAX, LIST_IDS_MAX, NAME_BYTES_MAX, REGEX_BYTES_MAX, REGEXES_MAX, RELEASES_MAX,
        ROUTES_MAX, SEGMENTS_MAX, TAG_VALUE_BYTES_MAX, VALUE_BYTES_MAX, VARIANTS_MAX,
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
