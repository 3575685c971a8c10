//! Compiling: bundles, allocations and instances become the two tables.
//!
//! Owns the order of routes (Gateway API precedence), the join of variants with instances, and the
//! application of written weights to stored ranges. Does not validate one bundle
//! ([`crate::policy::validate`] has), only what several can dispute: host names.
//!
//! Invariants: compiling is a function of its arguments (equal input, equal bytes); every name a
//! request is compared with is in normal form afterwards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    policy::Bundle,
    rollout::allocation::{Allocation, AllocationError},
    table::{NONE, RuleTable, regex::RegexError},
};

mod again;
mod attributes;
mod conditions;
mod instances;
mod nested;
mod ranges;
mod releases;
mod routes;
mod served;
mod weights;

pub use again::Compiled;
pub use instances::{compile_instances, unserved};
pub use ranges::replace_ranges;
pub use served::{allocations_of, replace_instances, replace_tenant};
pub use weights::{WeightError, allocate, allocate_after, set_weight};

/// Names one split of one release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SplitKey {
    /// The tenant.
    pub tenant: String,
    /// The release.
    pub release: String,
    /// `default`, a target's id, or a nested cell's path.
    pub split: String,
}

/// The ranges of every split.
pub type Allocations = BTreeMap<SplitKey, Allocation>;

/// Why bundles do not make a table.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CompileError {
    /// A host name belongs to one tenant.
    #[error(
        "host name {hostname:?} of tenant {tenant:?} belongs to tenant {owner:?} already: use another, or delete that tenant's bundle"
    )]
    Hostname {
        /// The disputed name; `*` is every host.
        hostname: String,
        /// Who asks for it.
        tenant: String,
        /// Who has it.
        owner: String,
    },
    /// A name refers to nothing: the bundle was not validated.
    #[error("{path} of tenant {tenant:?} refers to {name:?}, which is not there")]
    Unresolved {
        /// The tenant.
        tenant: String,
        /// Where in the bundle.
        path: String,
        /// The name.
        name: String,
    },
    /// Weights do not fit the stored ranges.
    #[error("{split:?} of release {release:?} of tenant {tenant:?}: {source}")]
    Allocation {
        /// The tenant.
        tenant: String,
        /// The release.
        release: String,
        /// The split.
        split: String,
        /// What is wrong.
        #[source]
        source: AllocationError,
    },
    /// An expression cannot be served: the bundle was not validated.
    #[error("{pattern:?}: {source}")]
    Regex {
        /// As it was written.
        pattern: String,
        /// What is wrong.
        #[source]
        source: RegexError,
    },
    /// A CEL expression cannot be served: the bundle was not validated.
    #[error("{path} of tenant {tenant:?}: {message}")]
    Expression {
        /// The tenant.
        tenant: String,
        /// Where in the bundle.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// More rows than an index can count.
    #[error("the bundles have more rows than a table can")]
    TooLarge,
}

/// Compiles validated `bundles`, oldest tenant first, into the rule table.
///
/// # Errors
/// [`CompileError`].
pub fn compile_rules(
    bundles: &[&Bundle],
    allocations: &Allocations,
) -> Result<RuleTable, CompileError> {
    Ok(Compiled::of(bundles, allocations)?.table)
}

fn variant_key(tenant: &str, upstream: &str, variant: &str) -> String {
    format!("{tenant}/{upstream}/{variant}")
}

fn row(index: usize) -> Result<u32, CompileError> {
    u32::try_from(index).ok().filter(|index| *index != NONE).ok_or(CompileError::TooLarge)
}

#[cfg(test)]
mod tests;
