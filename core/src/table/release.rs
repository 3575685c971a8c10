//! Releases as they are archived: who may name a variant, whom a target takes, and where the others go.
//!
//! Owns these rows. Invariant: the first of a release's variants is stable; ranges are sorted and disjoint.

use rkyv::{Archive, Deserialize, Serialize};

use super::{ConditionRow, NestedRow, Span};

/// A release.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ReleaseRow {
    /// The tenant that owns it.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// Its variants, rows of `variants`; the first is stable.
    pub variants: Span,
    /// By place in `variants`: what happens when a variant has no healthy instance.
    pub on_no_healthy: Vec<OnNoHealthyRow>,
    /// The headers by which a variant is named.
    pub overrides: Vec<OverrideRow>,
    /// Attributes tried for the bucketing key, rows of `attributes`.
    pub units: Vec<u32>,
    /// What happens when none is present.
    pub unit_missing: UnitMissingRow,
    /// The generation of the pins that count; nothing where users are not pinned.
    pub pins: Option<u32>,
    /// The salt of the buckets.
    pub salt: String,
    /// The key of the baggage that tells later hops which variant was chosen.
    pub baggage: Option<String>,
    /// Audiences, the first that matches wins.
    pub targets: Vec<TargetRow>,
    /// Where requests go that nothing else took.
    pub default: ChoiceRow,
    /// The kill switch.
    pub disabled: bool,
    /// From when on it counts as disabled, in seconds since 1970; the largest number is never.
    pub expires_unix_s: u64,
}

/// An audience.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct TargetRow {
    /// Its name.
    pub id: String,
    /// What must hold.
    pub conditions: Vec<ConditionRow>,
    /// Which of `choices` takes a request, when there are several; where none does, nor does the target.
    pub nested: Option<NestedRow>,
    /// From when on it matches no more, in seconds since 1970; the largest number is never.
    pub expires_unix_s: u64,
    /// Where it goes: one choice, or one per cell.
    pub choices: Vec<ChoiceRow>,
}

/// What happens when a variant has no healthy instance.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum OnNoHealthyRow {
    /// Its requests go to stable.
    FallbackStable,
    /// Its requests are answered 503.
    Fail,
}

/// A header whose value is the name of a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct OverrideRow {
    /// The lower-case header name.
    pub header: String,
    /// Who may use it.
    pub requires: RequiresRow,
}

/// Who may name a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum RequiresRow {
    /// Trusted peers.
    Trusted,
    /// Whoever shows a token of [`crate::signal::signature::Use::Override`].
    Signed,
    /// Anyone.
    Any,
}

/// What happens to a request without a bucketing key.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum UnitMissingRow {
    /// It goes to stable.
    Stable,
    /// It is drawn anew each time.
    Random,
    /// It is drawn once and remembered by the caller.
    Mint,
}

/// Where requests go.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum ChoiceRow {
    /// To one variant.
    Variant(u32),
    /// Wherever the bucket lies; beyond all ranges, to stable. Sorted, disjoint.
    Split(Vec<RangeRow>),
}

/// Buckets `[start, end)` of a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct RangeRow {
    /// First bucket inside.
    pub start: u32,
    /// First bucket beyond.
    pub end: u32,
    /// The row in `variants`.
    pub variant: u32,
    /// Its place among the ranges of its variant in the order they were taken: what was taken last is
    /// given back first.
    pub taken: u32,
}
