//! The file system that is read, and how reading it can fail.
//!
//! Owns every access to files. Does not know what any of them means.
//!
//! Invariants:
//! - A read is bounded: a kernel file is a few lines, whatever stands in its place.
//! - Text handed out is trimmed, not empty and UTF-8.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest file that is read; `/proc/self/limits`, the longest wanted, is about 1.5 KiB.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The longest piece of unexpected text that an error repeats, in characters.
const FOUND_CHARS_MAX: usize = 60;

/// The directory under which the kernel's files are read.
///
/// By default `/`; another one is a mounted image, or a tree that a test planted.
#[derive(Clone, Debug)]
pub struct Root {
    path: PathBuf,
}

impl Default for Root {
    fn default() -> Self {
        Self::new("/")
    }
}

/// Says why a knob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The kernel has no such knob, or this container does not show it.
    #[error("{path:?} does not exist")]
    Missing {
        /// The file or directory.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("{path:?} cannot be read")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The file is longer than any file of the kernel that is read here.
    #[error("{path:?} is longer than {bytes_max} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The bound.
        bytes_max: u64,
    },
    /// The file has nothing in it.
    #[error("{path:?} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file holds something else than the kernel writes there.
    #[error("{path:?} holds {found:?}, expected {expected}")]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// The beginning of what it holds.
        found: String,
        /// What was expected, in words.
        expected: &'static str,
    },
    /// The directory has none of the entries looked for.
    #[error("{path:?} lists no {expected}")]
    Unlisted {
        /// The directory.
        path: PathBuf,
        /// What was looked for, in words.
        expected: &'static str,
    },
}

impl Root {
    /// Makes a root of a directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Joins a path that is relative to the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Reads a file, trimmed.
    pub(crate) fn text(&self, relative: &str) -> Result<String, ReadError> {
        let path = self.path(relative);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|source| failed(&path, source))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(ReadError::TooLong { path, bytes_max: FILE_BYTES_MAX });
        }
        match std::str::from_utf8(&bytes).map(str::trim) {
            Ok("") => Err(ReadError::Empty { path }),
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.unexpected(relative, &String::from_utf8_lossy(&bytes), "text")),
        }
    }

    /// Reads a file and parses what it holds; `expected` says in words what that is.
    pub(crate) fn parse<T>(
        &self,
        relative: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ReadError> {
        let text = self.text(relative)?;
        parse(&text).ok_or_else(|| self.unexpected(relative, &text, expected))
    }

    /// Lists the names in a directory, sorted; names that are not UTF-8 are left out.
    pub(crate) fn names(&self, relative: &str) -> Result<Vec<String>, ReadError> {
        let path = self.path(relative);
        let entries = fs::read_dir(&path)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|source| failed(&path, source))?;
        let mut names: Vec<String> =
            entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// Tells whether something stands at a path.
    pub(crate) fn has(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    fn unexpected(&self, relative: &str, found: &str, expected: &'static str) -> ReadError {
        let found = found.chars().take(FOUND_CHARS_MAX).collect();
        ReadError::Unexpected { path: self.path(relative), found, expected }
    }
}

fn failed(path: &Path, source: io::Error) -> ReadError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing { path },
        _ => ReadError::Unreadable { path, source },
    }
}

#[cfg(test)]
mod tests;
