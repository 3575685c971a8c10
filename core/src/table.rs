//! Tables: what a worker decides with.
//!
//! Owns the archived types of the tables (rules, instances, filters of tags, lists of ids), the archive around them
//! ([`archive`]), the check of their meaning ([`verify`]) and the cell through which workers see the
//! newest ones ([`epoch`]).
//!
//! Invariants:
//! - rows refer to each other by index; the verifier has checked every index before a worker reads;
//! - strings that requests are compared with are stored in the form requests are brought into
//!   (lower-case host and header names, normal paths);
//! - a change of these types changes [`archive::LAYOUT`], which a test holds to the golden archive.

pub mod archive;
mod condition;
pub mod epoch;
mod expression;
mod filter;
mod list;
mod nested;
pub mod regex;
mod rows;
mod verify;

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
pub use list::{ArchivedIdList, Directory, IdList, fingerprint_of_id};
pub use nested::{ArchivedNestedNodeRow, ArchivedNestedRow, NestedNodeRow, NestedRow, split_name};
pub use rows::Rows;
pub use verify::VerifyError;

use rkyv::{Archive, Deserialize, Serialize};

/// "No row": an index that refers to nothing.
pub const NONE: u32 = u32::MAX;

/// The rules: they yield a release and a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct RuleTable {
    /// Exact host names, sorted by name.
    pub hosts: Vec<HostRow>,
    /// Wildcard host names without their `*`, sorted by name.
    pub wildcards: Vec<HostRow>,
    /// Routes for every host.
    pub any_host: Span,
    /// Routes, those of one host together: exact paths, then prefixes, each sorted by path, then
    /// expressions; among those of one path, and among expressions, in order of precedence.
    pub routes: Rows<RouteRow>,
    /// Most slashes in any prefix: a path is looked up as deep as this.
    pub prefix_slashes: u32,
    /// Releases.
    pub releases: Rows<ReleaseRow>,
    /// Variants of every upstream.
    pub variants: Vec<VariantRow>,
    /// Attributes that releases and expressions refer to.
    pub attributes: Vec<AttributeRow>,
    /// Named audiences, each behind those it names.
    pub segments: Vec<SegmentRow>,
    /// Tenants.
    pub tenants: Vec<TenantRow>,
    /// Expressions that conditions refer to.
    pub regexes: Rows<RegexRow>,
}

/// A regular expression.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RegexRow {
    /// As it was written.
    pub pattern: String,
    /// Whether it is searched for; else it matches the whole value.
    pub search: bool,
    /// Its automaton ([`regex`]).
    pub dfa: Vec<u8>,
}

/// Consecutive rows `[start, end)` of another list.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    /// First row inside.
    pub start: u32,
    /// First row beyond.
    pub end: u32,
}

/// A host name and its routes.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct HostRow {
    /// The lower-case name; for a wildcard, from the dot on.
    pub name: String,
    /// Its rows in `routes`.
    pub routes: Span,
}

/// A tenant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct TenantRow {
    /// Its name.
    pub name: String,
    /// Lower-case names of the headers that choose its variants: on its routes never believed from,
    /// and never forwarded for, an untrusted peer.
    pub reserved: Vec<String>,
    /// Keys of the baggage that names its variants, in lower case and order: believed from, and forwarded for, trusted
    /// peers only.
    pub baggage: Vec<String>,
}

/// One match of one rule.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RouteRow {
    /// The route's name.
    pub name: String,
    /// Whose it is: a row of `tenants`.
    pub tenant: u32,
    /// How the path is compared.
    pub path: PathRow,
    /// What must hold besides.
    pub conditions: Vec<ConditionRow>,
    /// The release that decides, or [`NONE`].
    pub release: u32,
    /// Without a release: the variant that is taken.
    pub variant: u32,
    /// How long a request may take, milliseconds: zero is for ever, [`NONE`] as the gateway says.
    pub request_ms: u32,
    /// How large a body may be, bytes; the largest number is as the gateway says.
    pub body_bytes: u64,
}

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

/// A variant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct VariantRow {
    /// Its name inside its upstream.
    pub name: String,
    /// Its key in the instance table: `tenant/upstream/variant`.
    pub key: String,
    /// How long its instances may take.
    pub timeouts: TimeoutsRow,
}

/// How long instances may take, milliseconds; [`NONE`] is as the gateway says.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct TimeoutsRow {
    /// Until a connection is made.
    pub connect_ms: u32,
    /// From the end of the request to the start of the answer.
    pub first_byte_ms: u32,
    /// Between two parts of a request or an answer.
    pub idle_ms: u32,
}

impl TimeoutsRow {
    /// As the gateway says.
    pub const UNSAID: Self = Self { connect_ms: NONE, first_byte_ms: NONE, idle_ms: NONE };
}

/// An attribute.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct AttributeRow {
    /// Its name, for people.
    pub name: String,
    /// What its text is read as.
    pub kind: AttributeKind,
    /// Where its value may come from, first present wins.
    pub sources: Vec<SourceRow>,
    /// Its text when none is present; no bucketing key.
    pub default: Option<String>,
}

/// What the text of an attribute is read as.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub enum AttributeKind {
    /// UTF-8 text.
    String,
    /// A decimal 64-bit integer.
    Int,
    /// A decimal number.
    Double,
    /// `true` or `false`.
    Bool,
}

/// A place a value may come from.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct SourceRow {
    /// Which part of the request.
    pub part: PartRow,
    /// Whether it is believed from trusted peers only.
    pub trusted: bool,
}

/// The instances: they yield an address for a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct InstanceTable {
    /// Sets by variant, sorted by key.
    pub sets: Vec<InstanceSet>,
}

/// The instances of a variant.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct InstanceSet {
    /// The variant's key: `tenant/upstream/variant`.
    pub key: String,
    /// Its instances with a weight above zero.
    pub instances: Vec<InstanceRow>,
}

/// An instance.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct InstanceRow {
    /// The address as registered, for logs.
    pub name: String,
    /// Where connections can be made, tried in order.
    pub addresses: Vec<AddressRow>,
    /// The sum of the weights up to and with this instance: the last row's is the set's total.
    pub weight_end: u32,
}

/// A place a connection can be made to.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddressRow {
    /// IPv4 address and port.
    V4([u8; 4], u16),
    /// IPv6 address and port.
    V6([u8; 16], u16),
    /// The path of a Unix socket.
    Unix(String),
}

impl ArchivedRuleTable {
    /// Returns whether something of these rules can be signed or verified only with a key.
    #[must_use]
    pub fn needs_keys(&self) -> bool {
        let is_signed = |source: &ArchivedSourceRow| {
            matches!(source.part, ArchivedPartRow::SignedCookie(_) | ArchivedPartRow::DeviceId)
        };
        let by_key =
            |rule: &ArchivedOverrideRow| matches!(rule.requires, ArchivedRequiresRow::Signed);
        self.attributes.iter().any(|attribute| attribute.sources.iter().any(is_signed))
            || self.releases.iter().any(|release| {
                let mints = matches!(release.unit_missing, ArchivedUnitMissingRow::Mint);
                mints || release.pins.is_some() || release.overrides.iter().any(by_key)
            })
    }
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

impl Table for RuleTable {
    const KIND: TableKind = TableKind::Rules;
    type Decoded = Vec<regex::Regex>;

    fn decode(archived: &ArchivedRuleTable) -> Result<Vec<regex::Regex>, VerifyError> {
        let rows = archived.regexes.iter().enumerate();
        let decoded = rows.map(|(row, regex)| {
            regex::Regex::decode(&regex.dfa).ok_or(VerifyError::Value { what: "regex", row })
        });
        decoded.collect()
    }
}

impl Table for InstanceTable {
    const KIND: TableKind = TableKind::Instances;
    type Decoded = ();

    fn decode(_: &ArchivedInstanceTable) -> Result<(), VerifyError> {
        Ok(())
    }
}

/// The rules as a decision reads them: in place, and their expressions ready to run.
#[derive(Clone, Copy)]
pub struct Rules<'t> {
    /// The table.
    pub table: &'t ArchivedRuleTable,
    /// Its expressions, by row.
    pub regexes: &'t [regex::Regex],
}

impl std::ops::Deref for Rules<'_> {
    type Target = ArchivedRuleTable;

    fn deref(&self) -> &ArchivedRuleTable {
        self.table
    }
}

impl archive::Archive<RuleTable> {
    /// Returns the rules.
    #[must_use]
    #[inline]
    pub fn rules(&self) -> Rules<'_> {
        Rules { table: self.table(), regexes: self.decoded() }
    }
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
