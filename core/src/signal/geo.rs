//! Regions: where an address is, and who runs its network.
//!
//! Owns the fields that bundles may ask for, the databases they come from ([`Database`], in MaxMind's format), several at
//! once ([`Databases`]), how two of them differ ([`difference`]), and positions on the globe ([`position`]). Has no
//! file and no clock: bytes are given to it.
//!
//! Invariants:
//! - bytes of a database are hostile until [`Database::open`] has returned: all of it was walked then;
//! - a lookup is total: what a database does not say, or says in another form, is not there;
//! - a name that a database does not have in the wanted language is not there; another language stands in only where a
//!   bundle names it as a further source.

use std::{fmt, net::IpAddr, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod content;
mod database;
pub mod difference;
mod field;
pub mod position;

pub use database::{Database, GeoError, digest};
pub use field::{GeoField, GeoLang};

/// What a database is about, told by the type in its metadata. One of each kind is served.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum GeoKind {
    /// Cities, and all that lies above them. Enterprise databases are such.
    City,
    /// Countries.
    Country,
    /// Providers.
    Isp,
    /// Autonomous systems.
    Asn,
}

impl GeoKind {
    /// Every kind; what comes first is asked first.
    pub const ALL: [Self; 4] = [Self::City, Self::Country, Self::Isp, Self::Asn];

    /// Returns its word in logs, metrics and file names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Country => "country",
            Self::Isp => "isp",
            Self::Asn => "asn",
        }
    }

    /// Returns the kind of a database by the type in its metadata, such as `GeoLite2-City`.
    #[must_use]
    pub fn of_type(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let words = [
            ("city", Self::City),
            ("enterprise", Self::City),
            ("country", Self::Country),
            ("isp", Self::Isp),
            ("asn", Self::Asn),
        ];
        let is_word = |word: &str| name.split(['-', '_', ' ']).any(|part| part == word);
        words.into_iter().find(|(word, _)| is_word(word)).map(|(_, kind)| kind)
    }

    fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for GeoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is told of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GeoState {
    /// What it is about.
    pub kind: GeoKind,
    /// The type in its metadata.
    pub database_type: String,
    /// When it was built, in seconds since 1970.
    pub built_unix_s: u64,
    /// Its size, bytes.
    pub bytes: u64,
    /// The XXH3-128 of its bytes, hexadecimal.
    pub digest: String,
}

/// What is known of the address of one request, as far as a decision asks for it.
pub trait GeoReader: fmt::Debug {
    /// Returns a field, a name of it in a language; nothing when no database has it.
    fn field(&self, field: GeoField, lang: GeoLang) -> Option<&str>;
    /// Returns where the address is: degrees north and east.
    fn position(&self) -> Option<(f64, f64)>;
}

/// Knows no region.
#[derive(Clone, Copy, Debug)]
pub struct NoGeo;

impl GeoReader for NoGeo {
    fn field(&self, _: GeoField, _: GeoLang) -> Option<&str> {
        None
    }

    fn position(&self) -> Option<(f64, f64)> {
        None
    }
}

/// The databases that are served together, one of each kind at most.
#[derive(Clone, Debug, Default)]
pub struct Databases([Option<Arc<Database>>; GeoKind::ALL.len()]);

impl Databases {
    /// Returns these with `database` in place of the one of its kind.
    #[must_use]
    pub fn with(&self, database: Arc<Database>) -> Self {
        let (mut own, place) = (self.clone(), database.kind().place());
        own.0[place] = Some(database);
        own
    }

    /// Returns these without those of other kinds.
    #[must_use]
    pub fn only(&self, kinds: &[GeoKind]) -> Self {
        let mut own = self.clone();
        for kind in GeoKind::ALL.into_iter().filter(|kind| !kinds.contains(kind)) {
            own.0[kind.place()] = None;
        }
        own
    }

    /// Returns the database of a kind.
    #[must_use]
    pub fn of_kind(&self, kind: GeoKind) -> Option<&Arc<Database>> {
        self.0[kind.place()].as_ref()
    }

    /// Returns every database.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Database>> {
        self.0.iter().flatten()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns a field of an address, a name of it in a language: of the first kind that has it.
    #[must_use]
    pub fn field(&self, address: IpAddr, field: GeoField, lang: GeoLang) -> Option<Box<str>> {
        self.iter().find_map(|database| database.field(address, field, lang))
    }

    /// Returns where an address is: degrees north and east.
    #[must_use]
    pub fn position(&self, address: IpAddr) -> Option<(f64, f64)> {
        self.iter().find_map(|database| database.position(address))
    }
}

#[cfg(test)]
mod tests;
