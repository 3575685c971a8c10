//! A region database in MaxMind's format.
//!
//! Owns the only use of the `maxminddb` crate: what a file must be to be served, and lookups in it. The bytes are held,
//! not mapped: nobody can cut them short.
//!
//! Invariants:
//! - what [`Database::open`] returns was walked whole, tree and records, within a bound (the crate's `verify`);
//! - a lookup follows as many bits as an address has, and reads as much as the crate's own limits allow.

use std::{fmt, net::IpAddr, sync::Arc};

use maxminddb::{LookupResult, MaxMindDbError, Reader};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_128;

use super::{GeoField, GeoKind, GeoLang, GeoState};
use crate::{
    limits::{GEO_BYTES_MAX, GEO_VALUE_BYTES_MAX},
    policy::AttributeType,
    signal::geo::position::is_on_globe,
};

/// Why bytes are no database that can be served.
#[derive(Debug, Error)]
pub enum GeoError {
    /// More than is ever read.
    #[error("a region database has at most {GEO_BYTES_MAX} bytes, this has {0}")]
    TooLarge(usize),
    /// Not in the format, damaged, or cut short.
    #[error("not a sound database in MaxMind's format: {0}")]
    Unsound(#[from] MaxMindDbError),
    /// About something else.
    #[error("its type is {0:?}; expected one with City, Enterprise, Country, ISP or ASN in it")]
    Type(String),
}

/// A database whose bytes were found sound.
pub struct Database {
    reader: Reader<Bytes>,
    bytes: Bytes,
    kind: GeoKind,
    state: GeoState,
}

/// The file: the reader has it, and so has the database itself.
#[derive(Clone)]
pub(super) struct Bytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Returns the digest of a file: XXH3-128, hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

impl Database {
    /// Checks `bytes`, all of them. Takes about a second per 100 MB.
    ///
    /// # Errors
    /// [`GeoError`].
    pub fn open(bytes: Vec<u8>) -> Result<Self, GeoError> {
        if bytes.len() > GEO_BYTES_MAX {
            return Err(GeoError::TooLarge(bytes.len()));
        }
        let (size, digest) = (bytes.len() as u64, digest(&bytes));
        let bytes = Bytes(Arc::new(bytes));
        let reader = Reader::from_source(bytes.clone())?;
        let metadata = reader.metadata();
        let database_type = metadata.database_type.clone();
        let kind = GeoKind::of_type(&database_type)
            .ok_or_else(|| GeoError::Type(database_type.chars().take(64).collect()))?;
        let built_unix_s = metadata.build_epoch;
        reader.verify()?;
        let state = GeoState { kind, database_type, built_unix_s, bytes: size, digest };
        Ok(Self { reader, bytes, kind, state })
    }

    /// Returns what it is about.
    #[must_use]
    pub fn kind(&self) -> GeoKind {
        self.kind
    }

    /// Returns what is told of it.
    #[must_use]
    pub fn state(&self) -> &GeoState {
        &self.state
    }

    /// Returns the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    pub(super) fn reader(&self) -> &Reader<Bytes> {
        &self.reader
    }

    /// Returns a field of an address as text, a name of it in a language.
    #[must_use]
    pub fn field(&self, address: IpAddr, field: GeoField, lang: GeoLang) -> Option<Box<str>> {
        let record = self.record(address)?;
        let mut ways = field.paths(lang).into_iter().filter(|path| !path.is_empty());
        ways.find_map(|path| match field.kind() {
            AttributeType::Double => {
                let number = record.decode_path::<f64>(path).ok()??;
                number.is_finite().then(|| number.to_string().into())
            }
            AttributeType::Int => Some(record.decode_path::<u32>(path).ok()??.to_string().into()),
            AttributeType::String | AttributeType::Bool => {
                let text = record.decode_path::<&str>(path).ok()??;
                let is_good = (1..=GEO_VALUE_BYTES_MAX).contains(&text.len());
                is_good.then(|| text.into())
            }
        })
    }

    /// Returns where an address is: degrees north and east.
    #[must_use]
    pub fn position(&self, address: IpAddr) -> Option<(f64, f64)> {
        let record = self.record(address)?;
        let number = |field: GeoField| {
            let [path, _] = field.paths(GeoLang::default());
            record.decode_path::<f64>(path).ok()?
        };
        let position = (number(GeoField::Latitude)?, number(GeoField::Longitude)?);
        is_on_globe(position).then_some(position)
    }

    fn record(&self, address: IpAddr) -> Option<LookupResult<'_, Bytes>> {
        self.reader.lookup(address).ok().filter(LookupResult::has_data)
    }
}
