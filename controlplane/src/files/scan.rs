//! What is in the watched files, as far as reading goes.
//!
//! Owns which files a folder stands for, and how a change of one is noticed. Does not know bundles.

use std::{
    fs::{self, File, FileType, Metadata},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

/// What the names of bundles in a folder end with.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// What differs when a file, or what a link leads to, was changed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: (i64, i64),
    changed_ns: (i64, i64),
}

impl Fingerprint {
    /// Takes the fingerprint of what is at `path` now; links are followed.
    ///
    /// # Errors
    /// What the kernel said.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: (metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns whether both are of the same file or folder, changed or not.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// Returns the files that `path` stands for: itself, or the bundles in the folder, in order.
///
/// Names that begin with a dot are left out: editors and Kubernetes keep their own files there.
///
/// # Errors
/// What the kernel said of `path`.
pub(super) fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let hidden = file.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let extension = file.extension().and_then(|extension| extension.to_str());
        let named = extension.is_some_and(|extension| EXTENSIONS.contains(&extension));
        if named && !hidden && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a whole file; nothing when it changed meanwhile, so that half of two texts is never one.
/// Nothing but a regular file is read: a pipe might never end, and its opening never return.
///
/// # Errors
/// What the kernel said, that it is no regular file, or that it is larger than `bytes_max`.
pub(crate) fn read(
    path: &Path,
    seen: &Fingerprint,
    bytes_max: usize,
) -> io::Result<Option<Vec<u8>>> {
    check_type(fs::metadata(path)?.file_type())?;
    // Another may have come in its place since.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    check_type(file.metadata()?.file_type())?;
    let mut text = Vec::new();
    let bytes_max = bytes_max as u64;
    file.by_ref().take(bytes_max + 1).read_to_end(&mut text)?;
    if text.len() as u64 > bytes_max {
        let message = format!("it is larger than {bytes_max} bytes, the most that is read");
        return Err(io::Error::other(message));
    }
    let unchanged =
        Fingerprint::of(&file.metadata()?) == *seen && Fingerprint::take(path)? == *seen;
    Ok(unchanged.then_some(text))
}

fn check_type(found: FileType) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let found = match found {
        found if found.is_fifo() => "a pipe",
        found if found.is_socket() => "a socket",
        found if found.is_dir() => "a folder",
        _ => "a device",
    };
    Err(io::Error::other(format!("expected a regular file, found {found}")))
}

#[cfg(test)]
mod tests;
