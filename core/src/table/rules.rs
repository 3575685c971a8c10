//! The rules as they are archived: hosts, tenants, routes, variants and regular expressions.
//!
//! Owns these rows, and how a decision reads them ([`Rules`]). Releases are [`super::release`]'s, what routes and targets ask for
//! [`super::condition`]'s and [`super::expression`]'s. Invariant: host and header names and paths are in normal form.

use rkyv::{Archive, Deserialize, Serialize};

use super::{
    ArchivedOverrideRow, ArchivedPartRow, ArchivedRequiresRow, ArchivedSourceRow,
    ArchivedUnitMissingRow, AttributeRow, ConditionRow, NONE, PathRow, ReleaseRow, Rows,
    SegmentRow, Span, Table, TableKind, VerifyError, archive, regex,
};

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
