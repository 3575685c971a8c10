//! Tables as sealed memory files.
//!
//! Owns the way a table's bytes cross the control socket without being copied into frames: an
//! anonymous memory file that nobody can change any more. Does not verify the table in it.
//!
//! Invariants:
//! - nothing is read from a descriptor unless it is sealed against writing, shrinking and growing:
//!   what was checked stays what it was, and reading cannot fault;
//! - the size is checked before anything is allocated.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use halftone_core::{limits::TABLE_BYTES_MAX, table::archive::HEADER_BYTES};
use rkyv::util::AlignedVec;
use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create},
    io::{Errno, pread, write},
};
use thiserror::Error;

/// Largest memory file that is made or read, bytes.
const FILE_BYTES_MAX: usize = HEADER_BYTES + TABLE_BYTES_MAX;
/// How much of a table is read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Why a table could not be put into, or taken from, a memory file.
#[derive(Debug, Error)]
pub enum SealedError {
    /// The kernel refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Not a memory file: a regular file, a pipe, a socket.
    #[error("the descriptor is not a memory file")]
    NotMemory,
    /// The sender, or anyone it shares the file with, could still change it.
    #[error("the memory file can still be changed: write, shrink and grow must be sealed")]
    NotSealed,
    /// Smaller than a header or larger than any table.
    #[error(
        "the memory file has {found} bytes; tables have {HEADER_BYTES} to {FILE_BYTES_MAX} with their header"
    )]
    Size {
        /// Its size.
        found: u64,
    },
    /// Larger than what it should be.
    #[error("the memory file has {found} bytes, more than the {bytes_max} that are read")]
    TooLarge {
        /// Its size.
        found: u64,
        /// The most that is read.
        bytes_max: usize,
    },
}

impl SealedError {
    fn io(doing: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Io { doing, source: errno.into() }
    }
}

/// A table in a memory file that nobody can change.
#[derive(Debug)]
pub struct SealedTable(OwnedFd);

impl SealedTable {
    /// Copies `bytes` (an archive with its header) into a memory file and seals it.
    ///
    /// # Errors
    /// [`SealedError::Size`] for what no receiver would take, [`SealedError::Io`].
    pub fn create(bytes: &[u8]) -> Result<Self, SealedError> {
        check_size(bytes.len() as u64)?;
        Self::create_of(bytes)
    }

    /// Copies `bytes`, which are no table, into a memory file and seals it.
    ///
    /// # Errors
    /// [`SealedError::Io`].
    pub fn create_of(bytes: &[u8]) -> Result<Self, SealedError> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create("halftone-table", flags)
            .map_err(SealedError::io("create a memory file"))?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match write(&file, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(errno) => return Err(SealedError::io("write a memory file")(errno)),
            }
        }
        fcntl_add_seals(&file, required_seals() | SealFlags::SEAL)
            .map_err(SealedError::io("seal a memory file"))?;
        Ok(Self(file))
    }
}

impl AsFd for SealedTable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Reads the table out of a descriptor that came from a peer, aligned for
/// [`Archive::open`](halftone_core::table::archive::Archive::open).
///
/// # Errors
/// [`SealedError`]: it is not a memory file, not sealed, or not of a table's size.
pub fn read_sealed(file: impl AsFd) -> Result<AlignedVec<16>, SealedError> {
    let file = file.as_fd();
    let size = check_size(sealed_size(file)?)?;
    let mut bytes = AlignedVec::with_capacity(size);
    // By pieces that stay in the cache: zeroing all of it first would go through the memory once more.
    let mut piece = vec![0; PIECE_BYTES.min(size)];
    while bytes.len() < size {
        let some = PIECE_BYTES.min(size - bytes.len());
        fill(file, &mut piece[..some], bytes.len())?;
        bytes.extend_from_slice(&piece[..some]);
    }
    Ok(bytes)
}

/// Reads a file that is no table, of `bytes_max` bytes at most, out of a descriptor that came from a peer.
///
/// # Errors
/// [`SealedError`]: it is not a memory file, not sealed, or too large.
pub fn read_sealed_bytes(file: impl AsFd, bytes_max: usize) -> Result<Vec<u8>, SealedError> {
    let file = file.as_fd();
    let found = sealed_size(file)?;
    let size = usize::try_from(found).ok().filter(|size| *size <= bytes_max);
    let mut bytes = vec![0; size.ok_or(SealedError::TooLarge { found, bytes_max })?];
    fill(file, &mut bytes, 0)?;
    Ok(bytes)
}

/// Returns the size of a memory file that nobody can change.
fn sealed_size(file: BorrowedFd<'_>) -> Result<u64, SealedError> {
    let seals = fcntl_get_seals(file).map_err(|_| SealedError::NotMemory)?;
    if !seals.contains(required_seals()) {
        return Err(SealedError::NotSealed);
    }
    let status = fstat(file).map_err(SealedError::io("measure a memory file"))?;
    Ok(u64::try_from(status.st_size).unwrap_or(0))
}

/// Reads what is in a file from `start` on.
fn fill(file: BorrowedFd<'_>, bytes: &mut [u8], start: usize) -> Result<(), SealedError> {
    let mut filled = 0;
    while filled < bytes.len() {
        let at = (start + filled) as u64;
        match pread(file, &mut bytes[filled..], at) {
            Ok(0) => return Err(SealedError::Size { found: at }),
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(SealedError::io("read a memory file")(errno)),
        }
    }
    Ok(())
}

fn required_seals() -> SealFlags {
    SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW
}

fn check_size(found: u64) -> Result<usize, SealedError> {
    usize::try_from(found)
        .ok()
        .filter(|size| (HEADER_BYTES..=FILE_BYTES_MAX).contains(size))
        .ok_or(SealedError::Size { found })
}

#[cfg(test)]
mod tests;
