//! Tables: what a worker decides with.
//!
//! Owns the archived types of the tables ([`rules`] with their [`release`]s, [`instances`], [`filter`]s of tags, [`list`]s of
//! ids), the archive around them ([`archive`]), the check of their meaning ([`verify`]) and the cell through which workers see
//! the newest ones ([`epoch`]).
//!
//! Invariants:
//! - rows refer to each other by index; the verifier has checked every index before a worker reads;
//! - strings that requests are compared with are stored in the form requests are brought into
//!   (lower-case host and header names, normal paths);
//! - a change of these types changes [`archive::LAYOUT`], which a test holds to the golden archive.

pub mod archive;
mod attribute;
mod condition;
pub mod epoch;
mod expression;
mod filter;
mod instances;
mod list;
mod nested;
pub mod regex;
mod release;
mod rows;
mod rules;
mod verify;

pub use attribute::{
    ArchivedAttributeKind, ArchivedAttributeRow, ArchivedSourceRow, AttributeKind, AttributeRow,
    SourceRow,
};
pub use condition::{
    AddressRangeRow, ArchivedAddressRangeRow, ArchivedConditionRow, ArchivedPathRow,
    ArchivedValueRow, ArchivedWantedRow, ConditionRow, PathRow, ValueRow, WantedRow,
};
pub use expression::{
    AffixRow, ArchivedAffixRow, ArchivedCalculateRow, ArchivedCompareRow, ArchivedExpressionRow,
    ArchivedNodeRow, ArchivedPartRow, ArchivedPositionRow, ArchivedSegmentRow, ArchivedWithinRow,
    CalculateRow, CompareRow, ExpressionRow, NodeRow, PartRow, PositionRow, SegmentRow, WithinRow,
};
pub use filter::{ArchivedTagFilter, TagFilter};
pub use instances::{
    AddressRow, ArchivedAddressRow, ArchivedInstanceRow, ArchivedInstanceSet,
    ArchivedInstanceTable, InstanceRow, InstanceSet, InstanceTable,
};
pub use list::{ArchivedIdList, Directory, IdList, fingerprint_of_id};
pub use nested::{ArchivedNestedNodeRow, ArchivedNestedRow, NestedNodeRow, NestedRow, split_name};
pub use release::{
    ArchivedChoiceRow, ArchivedOnNoHealthyRow, ArchivedOverrideRow, ArchivedRangeRow,
    ArchivedReleaseRow, ArchivedRequiresRow, ArchivedTargetRow, ArchivedUnitMissingRow, ChoiceRow,
    OnNoHealthyRow, OverrideRow, RangeRow, ReleaseRow, RequiresRow, TargetRow, UnitMissingRow,
};
pub use rows::Rows;
pub use rules::{
    ArchivedHostRow, ArchivedRegexRow, ArchivedRouteRow, ArchivedRuleTable, ArchivedTenantRow,
    ArchivedTimeoutsRow, ArchivedVariantRow, HostRow, RegexRow, RouteRow, RuleTable, Rules,
    TenantRow, TimeoutsRow, VariantRow,
};
pub use verify::VerifyError;

use rkyv::{Archive, Deserialize, Serialize};

/// "No row": an index that refers to nothing.
pub const NONE: u32 = u32::MAX;

/// Consecutive rows `[start, end)` of another list.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    /// First row inside.
    pub start: u32,
    /// First row beyond.
    pub end: u32,
}

/// A table that can be archived, told apart by its kind.
pub trait Table: archive::sealed::Archivable + Clone + std::fmt::Debug {
    /// What the archive header calls it.
    const KIND: TableKind;
    /// What is decoded of it once, when it is opened.
    type Decoded: std::fmt::Debug + Send + Sync;

    /// Decodes what is not read in place.
    ///
    /// # Errors
    /// [`VerifyError`]: the first that is not what it should be.
    fn decode(archived: &Self::Archived) -> Result<Self::Decoded, VerifyError>;
}

/// Which table an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    /// [`RuleTable`].
    Rules,
    /// [`InstanceTable`].
    Instances,
    /// [`TagFilter`].
    Tags,
    /// [`IdList`].
    List,
}
