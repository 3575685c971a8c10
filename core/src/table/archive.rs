//! The archive: the bytes of a table, checked once, then read in place.
//!
//! Owns the header, its checksum and the only unchecked access to archived bytes. Does not own where
//! bytes come from: what crossed a socket or a disk is hostile until [`Archive::open`] has returned.
//!
//! Header, 64 bytes little endian: magic (8) · layout (8) · kind (4) · zero (4) · body length (8) ·
//! revision (8) · zero (8) · xxh3-128 (16) of the 48 bytes before it and of the body's own xxh3-128.
//!
//! Invariants:
//! - an [`Archive`] exists only after checksum, structure (bytecheck) and meaning
//!   (`verify`) were found good, and its bytes never change afterwards;
//! - a reader of another layout refuses by [`LAYOUT`] before it looks at the body.

use std::{fmt, marker::PhantomData};

use rkyv::{api::high::to_bytes_in, rancor, util::AlignedVec};
use thiserror::Error;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::{Table, TableKind, VerifyError, verify::Verify};
use crate::{
    both::{Both, InTurn},
    limits::TABLE_BYTES_MAX,
};

/// Identifies the archived types: two processes that disagree here cannot exchange tables.
pub const LAYOUT: u64 = xxh3_of_layout();

/// Counts changes of the archived types; the golden archive's test says when to raise it.
const LAYOUT_VERSION: u32 = 18;
const MAGIC: [u8; 8] = *b"halftone";
/// Bytes of the header: the body behind it stays aligned to 16.
pub const HEADER_BYTES: usize = 64;
const CHECKED_BYTES: usize = 48;

const fn xxh3_of_layout() -> u64 {
    xxhash_rust::const_xxh3::xxh3_64(&LAYOUT_VERSION.to_le_bytes())
}

/// Why bytes are no table of ours.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// Fewer bytes than a header.
    #[error("{0} bytes are no archive: the header alone has {HEADER_BYTES}")]
    Short(usize),
    /// The first bytes are not ours.
    #[error("not an archive of tables: the magic bytes are wrong")]
    Magic,
    /// Written by a build with other types.
    #[error(
        "the archive has layout {found:016x}, this build reads {LAYOUT:016x}: run the same version on both ends"
    )]
    Layout {
        /// The layout in the header.
        found: u64,
    },
    /// Another table than expected.
    #[error("expected an archive of {expected:?}, got kind {found}")]
    Kind {
        /// What was expected.
        expected: TableKind,
        /// The number in the header.
        found: u32,
    },
    /// More than is ever served; both ends refuse it.
    #[error("the archive has {found} bytes, at most {TABLE_BYTES_MAX} are served")]
    TooLarge {
        /// The body length.
        found: u64,
    },
    /// The length in the header is not the length of the bytes.
    #[error("the header promises {promised} bytes of body, there are {found}")]
    Length {
        /// The length in the header.
        promised: u64,
        /// The length of the body.
        found: u64,
    },
    /// The bytes are not those that were written.
    #[error("the checksum does not match: the archive was damaged on its way")]
    Checksum,
    /// The bytes do not have the structure of the table.
    #[error("the archive has no valid structure: {0}")]
    Structure(#[source] rancor::Error),
    /// The structure is good, the meaning is not.
    #[error("the table cannot be served: {0}")]
    Meaning(#[from] VerifyError),
    /// The table could not be written.
    #[error("the table cannot be archived: {0}")]
    Write(#[source] rancor::Error),
}

/// A verified table, read in place.
pub struct Archive<T: Table> {
    bytes: AlignedVec<16>,
    revision: u64,
    body: u128,
    decoded: T::Decoded,
    table: PhantomData<fn() -> T>,
}

/// A table that was written, and not opened yet.
pub struct Draft<T: Table> {
    bytes: AlignedVec<16>,
    revision: u64,
    body: u128,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Archive<T> {
    /// Takes bytes that may come from anywhere.
    ///
    /// # Errors
    /// [`ArchiveError`]: every way in which they are not a table this build can serve.
    pub fn open(bytes: AlignedVec<16>) -> Result<Self, ArchiveError> {
        Self::open_by(bytes, &InTurn)
    }

    /// Takes bytes as [`Archive::open`] does; the checksum and the table are checked by `by`.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn open_by(bytes: AlignedVec<16>, by: &impl Both) -> Result<Self, ArchiveError> {
        let (header, rest) =
            bytes.split_first_chunk::<HEADER_BYTES>().ok_or(ArchiveError::Short(bytes.len()))?;
        let revision = check_header(header, rest, T::KIND)?;
        let (body, decoded) = by.both(|| check_sum(header, rest), || check_table::<T>(rest));
        // Damage is told as damage, whatever it led to.
        let (body, decoded) = (body?, decoded?);
        Ok(Self { bytes, revision, body, decoded, table: PhantomData })
    }

    /// Copies `bytes` to where they are aligned, and opens them.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn copy_from(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let mut aligned = AlignedVec::with_capacity(bytes.len());
        aligned.extend_from_slice(bytes);
        Self::open(aligned)
    }

    /// Archives `table` as `revision`.
    ///
    /// # Errors
    /// [`ArchiveError::Write`], and whatever [`Archive::open`] refuses: a sender never sends what a
    /// receiver would not take.
    pub fn build(table: &T, revision: u64) -> Result<Self, ArchiveError> {
        Ok(Draft::write(table, revision, 0)?.open_beside(&InTurn, |_| ())?.0)
    }

    /// Returns the table.
    #[must_use]
    #[inline]
    #[expect(
        unsafe_code,
        reason = "checking structure on each request would cost 18 µs per 1000 rules"
    )]
    pub fn table(&self) -> &T::Archived {
        // SAFETY: `open`, the only constructor, ran the checked access over these very bytes (past the
        // header), `bytes` is private, and nothing in this module changes it.
        unsafe { rkyv::access_unchecked::<T::Archived>(&self.bytes[HEADER_BYTES..]) }
    }

    /// Returns what was decoded of the table when it was opened.
    #[must_use]
    #[inline]
    pub fn decoded(&self) -> &T::Decoded {
        &self.decoded
    }

    /// Returns a copy of the table that can be changed, for a table to be made of it.
    ///
    /// # Errors
    /// [`ArchiveError::Write`].
    pub fn read(&self) -> Result<T, ArchiveError> {
        rkyv::deserialize::<T, rancor::Error>(self.table()).map_err(ArchiveError::Write)
    }

    /// Returns the bytes, header and all.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the revision it was built as.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns what names its body: archives of other revisions with the same table have the same.
    #[must_use]
    pub fn body(&self) -> u128 {
        self.body
    }
}

impl<T: Table> Draft<T> {
    /// Writes `table` as `revision`; with room for `bytes` at once, as many as are to be expected.
    ///
    /// # Errors
    /// [`ArchiveError::Write`], [`ArchiveError::TooLarge`].
    pub fn write(table: &T, revision: u64, bytes: usize) -> Result<Self, ArchiveError> {
        // The body is written behind room for its header; the header is aligned, so the body is.
        let mut room = AlignedVec::<16>::with_capacity(bytes.min(HEADER_BYTES + TABLE_BYTES_MAX));
        room.resize(HEADER_BYTES, 0);
        let mut bytes =
            to_bytes_in::<_, rancor::Error>(table, room).map_err(ArchiveError::Write)?;
        let rest = &bytes[HEADER_BYTES..];
        if rest.len() > TABLE_BYTES_MAX {
            return Err(ArchiveError::TooLarge { found: rest.len() as u64 });
        }
        let body = xxh3_128(rest);
        let header = header(T::KIND, revision, rest.len() as u64, body);
        bytes[..HEADER_BYTES].copy_from_slice(&header);
        Ok(Self { bytes, revision, body, table: PhantomData })
    }

    /// Opens it, while `beside` does something with its bytes: what comes of that is given away only with a good table.
    ///
    /// The checksum is not computed again: it was, of these very bytes.
    ///
    /// # Errors
    /// Whatever [`Archive::open`] refuses.
    pub fn open_beside<R: Send>(
        self,
        by: &impl Both,
        beside: impl FnOnce(&[u8]) -> R + Send,
    ) -> Result<(Archive<T>, R), ArchiveError> {
        let Self { bytes, revision, body, .. } = self;
        let check = || check_table::<T>(&bytes[HEADER_BYTES..]);
        let (decoded, beside) = by.both(check, || beside(&bytes));
        let decoded = decoded?;
        Ok((Archive { bytes, revision, body, decoded, table: PhantomData }, beside))
    }

    /// Returns the length of its bytes, header and all.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }
}

impl<T: Table> fmt::Debug for Archive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("kind", &T::KIND)
            .field("revision", &self.revision)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

fn kind_number(kind: TableKind) -> u32 {
    match kind {
        TableKind::Rules => 1,
        TableKind::Instances => 2,
        TableKind::Tags => 3,
        TableKind::List => 4,
    }
}

fn header(kind: TableKind, revision: u64, len: u64, body: u128) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[0..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&LAYOUT.to_le_bytes());
    header[16..20].copy_from_slice(&kind_number(kind).to_le_bytes());
    header[24..32].copy_from_slice(&len.to_le_bytes());
    header[32..40].copy_from_slice(&revision.to_le_bytes());
    let checksum = checksum(&header, body);
    header[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Returns the checksum of a header and of the body whose own is `body`.
fn checksum(header: &[u8; HEADER_BYTES], body: u128) -> u128 {
    let mut both = [0; CHECKED_BYTES + size_of::<u128>()];
    both[..CHECKED_BYTES].copy_from_slice(&header[..CHECKED_BYTES]);
    both[CHECKED_BYTES..].copy_from_slice(&body.to_le_bytes());
    xxh3_128(&both)
}

/// Checks that header and body are those that were written; returns the checksum of the body.
fn check_sum(header: &[u8; HEADER_BYTES], body: &[u8]) -> Result<u128, ArchiveError> {
    let own = xxh3_128(body);
    let good = checksum(header, own).to_le_bytes() == header[CHECKED_BYTES..];
    if good { Ok(own) } else { Err(ArchiveError::Checksum) }
}

/// Checks that a body is a table that can be served, and decodes what is to be decoded of it.
fn check_table<T: Table>(body: &[u8]) -> Result<T::Decoded, ArchiveError> {
    let table =
        rkyv::access::<T::Archived, rancor::Error>(body).map_err(ArchiveError::Structure)?;
    table.verify()?;
    Ok(T::decode(table)?)
}

/// Checks everything a header says but its checksum; returns the revision.
fn check_header(
    header: &[u8; HEADER_BYTES],
    body: &[u8],
    expected: TableKind,
) -> Result<u64, ArchiveError> {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    if header[0..8] != MAGIC {
        return Err(ArchiveError::Magic);
    }
    if word(8) != LAYOUT {
        return Err(ArchiveError::Layout { found: word(8) });
    }
    let found = u32::try_from(word(16)).unwrap_or(u32::MAX);
    if found != kind_number(expected) {
        return Err(ArchiveError::Kind { expected, found });
    }
    let promised = word(24);
    if promised > TABLE_BYTES_MAX as u64 {
        return Err(ArchiveError::TooLarge { found: promised });
    }
    if promised != body.len() as u64 {
        return Err(ArchiveError::Length { promised, found: body.len() as u64 });
    }
    Ok(word(32))
}

/// Returns a short fingerprint of bytes, for logs and idempotence checks.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Bounds that only rkyv's derives satisfy, kept out of every signature.
pub(super) mod sealed {
    use rkyv::{
        Deserialize, Portable, Serialize,
        api::high::{HighDeserializer, HighSerializer, HighValidator},
        bytecheck::CheckBytes,
        rancor,
        ser::allocator::ArenaHandle,
        util::AlignedVec,
    };

    use super::super::verify::Verify;

    /// A type with a checkable archived form.
    pub trait Archivable:
        rkyv::Archive<Archived = Self::Checked>
        + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, rancor::Error>>
        + Sized
        + 'static
    {
        /// The archived form.
        type Checked: Portable
            + for<'a> CheckBytes<HighValidator<'a, rancor::Error>>
            + Deserialize<Self, HighDeserializer<rancor::Error>>
            + Verify
            + 'static;
    }

    impl<T> Archivable for T
    where
        T: rkyv::Archive
            + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, rancor::Error>>
            + 'static,
        T::Archived: for<'a> CheckBytes<HighValidator<'a, rancor::Error>>
            + Deserialize<T, HighDeserializer<rancor::Error>>
            + Verify
            + 'static,
    {
        type Checked = T::Archived;
    }
}

#[cfg(test)]
mod tests;
