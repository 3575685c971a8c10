//! The texts of revisions, in runs: what revisions of a tenant have in common is kept once.
//!
//! Owns two tables: by revision the list of its runs, and the runs by their digest. Does not know what they say.
//!
//! Invariants:
//! - a run is there as long as a kept revision of its tenant has it, and no longer;
//! - a text that is read is the one that was written: what is missing is an error.

use std::collections::{BTreeMap, HashSet};

use halftone_core::policy::{Canonical, Fragment, RunDigest};
use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction};

/// By revision: what its text consists of.
const CONTENTS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("revision_contents");
/// By tenant and digest: a run.
const RUNS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("runs");

const LITERAL: u8 = 0;
const RUN: u8 = 1;
const DIGEST_BYTES: usize = size_of::<RunDigest>();

/// By tenant: runs that are there for sure, those of its newest revision.
pub(super) type KnownRuns = BTreeMap<String, HashSet<RunDigest>>;

/// A part of a text as it is listed.
enum Part<'a> {
    Literal(&'a [u8]),
    Run(RunDigest),
}

/// Writes the text of a revision; of runs that are known to be there, only the names.
pub(super) fn put(
    transaction: &WriteTransaction,
    tenant: &str,
    revision: &str,
    text: &Canonical,
    known: &mut KnownRuns,
) -> Result<(), redb::Error> {
    let mut contents = Vec::new();
    let mut named = HashSet::new();
    let there = known.remove(tenant).unwrap_or_default();
    let mut runs = transaction.open_table(RUNS)?;
    for fragment in text.fragments() {
        match fragment {
            Fragment::Literal(literal) => {
                // Literals are punctuation and words of ours.
                debug_assert!(literal.len() < 256);
                contents.extend([LITERAL, u8::try_from(literal.len()).unwrap_or(u8::MAX)]);
                contents.extend(literal.bytes());
            }
            Fragment::Run(run) => {
                contents.push(RUN);
                contents.extend(run.digest());
                if named.insert(*run.digest()) && !there.contains(run.digest()) {
                    runs.insert(run_key(tenant, run.digest()).as_str(), run.text().as_bytes())?;
                }
            }
        }
    }
    transaction.open_table(CONTENTS)?.insert(revision, contents.as_slice())?;
    known.insert(tenant.to_owned(), named);
    Ok(())
}

/// Forgets the text of a revision, and the runs that no other revision of its tenant has.
pub(super) fn delete(
    transaction: &WriteTransaction,
    tenant: &str,
    revision: &str,
) -> Result<(), redb::Error> {
    let mut contents = transaction.open_table(CONTENTS)?;
    let Some(gone) = contents.remove(revision)?.map(|gone| gone.value().to_vec()) else {
        return Ok(());
    };
    let mut unused: HashSet<RunDigest> = digests(&gone).collect();
    // The slash and what comes after it: names have neither.
    let (first, beyond) = (format!("{tenant}/"), format!("{tenant}0"));
    for other in contents.range(first.as_str()..beyond.as_str())? {
        let (_, other) = other?;
        for digest in digests(other.value()) {
            unused.remove(&digest);
        }
    }
    let mut runs = transaction.open_table(RUNS)?;
    for digest in unused {
        runs.remove(run_key(tenant, &digest).as_str())?;
    }
    Ok(())
}

/// Reads the text of a revision, and which runs it has; nothing when it is not kept in runs.
pub(super) fn read(
    transaction: &ReadTransaction,
    tenant: &str,
    revision: &str,
) -> Result<Option<(String, HashSet<RunDigest>)>, redb::Error> {
    let contents = match transaction.open_table(CONTENTS) {
        Ok(contents) => contents,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(contents) = contents.get(revision)? else { return Ok(None) };
    let runs = transaction.open_table(RUNS)?;
    let (mut text, mut named) = (Vec::new(), HashSet::new());
    for part in parts(contents.value()) {
        match part {
            Part::Literal(literal) => text.extend_from_slice(literal),
            Part::Run(digest) => {
                let run = runs.get(run_key(tenant, &digest).as_str())?;
                let missing = || redb::Error::Corrupted(format!("a part of {revision} is missing"));
                text.extend_from_slice(run.ok_or_else(missing)?.value());
                named.insert(digest);
            }
        }
    }
    let text = String::from_utf8(text)
        .map_err(|_| redb::Error::Corrupted(format!("the text of {revision} is no text")))?;
    Ok(Some((text, named)))
}

/// Takes a list of parts apart; ends where it is none of ours.
fn parts(mut contents: &[u8]) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        let (kind, rest) = contents.split_first()?;
        match *kind {
            LITERAL => {
                let (length, rest) = rest.split_first()?;
                let (literal, rest) = rest.split_at_checked(usize::from(*length))?;
                contents = rest;
                Some(Part::Literal(literal))
            }
            RUN => {
                let (digest, rest) = rest.split_first_chunk::<DIGEST_BYTES>()?;
                contents = rest;
                Some(Part::Run(*digest))
            }
            _ => None,
        }
    })
}

fn digests(contents: &[u8]) -> impl Iterator<Item = RunDigest> {
    parts(contents).filter_map(|part| match part {
        Part::Run(digest) => Some(digest),
        Part::Literal(_) => None,
    })
}

fn run_key(tenant: &str, digest: &RunDigest) -> String {
    use std::fmt::Write as _;
    let mut key = format!("{tenant}/");
    for byte in digest {
        let _ = write!(key, "{byte:02x}");
    }
    key
}

#[cfg(test)]
mod tests;
