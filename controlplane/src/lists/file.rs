//! The file of a list.
//!
//! Owns its form, which outlives builds as archives do not: a line of JSON that says what it is, and behind it the
//! fingerprints, 8 bytes little endian each, in order. Invariants:
//! - a file is whole or absent: it is written beside its place, synced, and moved there;
//! - what is read is what was written, or an error: names, number and checksum of the fingerprints are in the first line.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use halftone_core::{
    limits::{LIST_IDS_MAX, NAME_BYTES_MAX},
    signal::lists::ListName,
    table::archive::fingerprint,
};
use serde::{Deserialize, Serialize};

use super::{ListStoreError, io_error};

/// The number of this form.
const FORM: u32 = 1;
/// Longest first line, bytes: two names and five numbers.
const LINE_BYTES_MAX: u64 = 2 * NAME_BYTES_MAX as u64 + 256;

/// What is written to see whether something can be.
const PROBE: &[u8] = b"nothing is kept here\n";

/// A list as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) name: ListName,
    pub(super) revision: u64,
    pub(super) key: u64,
    /// Sorted, each once.
    pub(super) prints: Vec<u64>,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    form: u32,
    #[serde(flatten)]
    name: ListName,
    revision: u64,
    key: u64,
    ids: usize,
    checksum: u64,
}

/// Returns fingerprints as they are written.
pub(super) fn bytes(prints: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 * prints.len());
    prints.iter().for_each(|print| bytes.extend_from_slice(&print.to_le_bytes()));
    bytes
}

/// Writes a list in place of the one of its name; that it is this one is durable once the folder [is synced](sync).
pub(super) fn write(folder: &Path, written: &Written) -> Result<(), ListStoreError> {
    let Written { name, revision, key, prints } = written;
    let (path, body) = (path(folder, name), bytes(prints));
    let head = Head {
        form: FORM,
        name: name.clone(),
        revision: *revision,
        key: *key,
        ids: prints.len(),
        checksum: fingerprint(&body),
    };
    let beside = path.with_extension("new");
    let written = || {
        let mut file = File::create(&beside)?;
        serde_json::to_writer(&mut file, &head).map_err(io::Error::from)?;
        file.write_all(b"\n")?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    written().map_err(|error| {
        // What was written of it takes room that others lack.
        let _ = fs::remove_file(&beside);
        io_error(&path, "write it")(error)
    })
}

/// Removes the list of a name; as durably as one is written.
pub(super) fn remove(folder: &Path, name: &ListName) -> Result<(), ListStoreError> {
    let path = path(folder, name);
    fs::remove_file(&path).map_err(io_error(&path, "remove it"))
}

/// Makes what was moved into the folder, or removed, durable.
pub(super) fn sync(folder: &Path) -> Result<(), ListStoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io_error(folder, "sync it"))
}

/// Writes a file that says nothing, and removes it.
pub(super) fn probe(folder: &Path) -> Result<(), ListStoreError> {
    let path = folder.join("probe.new");
    let written = || {
        let mut file = File::create(&path)?;
        file.write_all(PROBE)?;
        file.sync_all()?;
        fs::remove_file(&path)
    };
    written().map_err(|error| {
        let _ = fs::remove_file(&path);
        io_error(&path, "write it")(error)
    })?;
    sync(folder)
}

/// Reads the list in a file.
pub(super) fn read(path: &Path) -> Result<Written, ListStoreError> {
    let damaged = |what: String| ListStoreError::Damaged { path: path.to_owned(), what };
    let file = File::open(path).map_err(io_error(path, "open it"))?;
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    let mut first = (&mut file).take(LINE_BYTES_MAX);
    first.read_until(b'\n', &mut line).map_err(io_error(path, "read it"))?;
    let head: Head = serde_json::from_slice(&line)
        .map_err(|error| damaged(format!("its first line cannot be read: {error}")))?;
    let Head { form, name, revision, key, ids, checksum } = head;
    if form != FORM {
        return Err(damaged(format!("it has form {form}; this build reads {FORM}")));
    }
    if ids > LIST_IDS_MAX || self::path(path.parent().unwrap_or(path), &name) != path {
        return Err(damaged("its first line is another list's".to_owned()));
    }
    let mut body = Vec::with_capacity(8 * ids);
    file.take(8 * ids as u64 + 1).read_to_end(&mut body).map_err(io_error(path, "read it"))?;
    if body.len() != 8 * ids || fingerprint(&body) != checksum {
        return Err(damaged(format!("it has not the {ids} ids that were written")));
    }
    let prints = body.chunks_exact(8).map(|print| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(print);
        u64::from_le_bytes(bytes)
    });
    Ok(Written { name, revision, key, prints: prints.collect() })
}

/// Names have any length, and letters that differ in case alone: so a file is named by a number.
fn path(folder: &Path, ListName { tenant, list }: &ListName) -> PathBuf {
    let number = fingerprint(format!("{tenant}/{list}").as_bytes());
    folder.join(format!("{number:016x}.list"))
}
