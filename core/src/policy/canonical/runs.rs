//! Runs: consecutive items of a list, written out together.
//!
//! Owns where runs end. A run ends behind an item whose name says so by its hash, or when it is long: a function of
//! the list alone, and local to it, so that a change of one item makes one run anew, seldom a second.
//!
//! Invariant: runs of equal lists are equal, however they were made.

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// Most items of one run: names can be chosen so that no hash ends one.
const ITEMS_MAX: usize = 1024;
/// Length from which on a run ends, bytes.
const RUN_BYTES: usize = 64 * 1024;

/// The SHA-256 of a run's text.
pub type RunDigest = [u8; 32];

/// Some items of a list, written out.
#[derive(Clone)]
pub struct Run {
    items: usize,
    text: Arc<str>,
    digest: RunDigest,
}

/// A part of a canonical text.
#[derive(Clone, Copy, Debug)]
pub enum Fragment<'a> {
    /// What stands between runs.
    Literal(&'static str),
    /// A run.
    Run(&'a Run),
}

impl<'a> Fragment<'a> {
    /// Returns its text.
    #[must_use]
    pub fn text(self) -> &'a str {
        match self {
            Self::Literal(text) => text,
            Self::Run(run) => run.text(),
        }
    }
}

impl Run {
    /// Makes a run of so many items.
    pub(super) fn new(items: usize, text: &str) -> Self {
        Self { items, text: text.into(), digest: Sha256::digest(text).into() }
    }

    /// Returns its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what names it.
    #[must_use]
    pub fn digest(&self) -> &RunDigest {
        &self.digest
    }
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items && self.digest == other.digest
    }
}

impl Eq for Run {}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items, {} bytes", self.items, self.text.len())
    }
}

/// A list of items, by place.
pub(super) struct List<N, T> {
    /// How many there are.
    pub(super) len: usize,
    /// The name of one.
    pub(super) name: N,
    /// The text of one.
    pub(super) text: T,
    /// A run ends behind an item whose hash has none of these bits.
    pub(super) mask: u64,
}

/// Returns the runs of `list`, given those of an earlier one, how long that was, and how many items both have in
/// common at their starts and at their ends.
pub(super) fn runs_after<'a, N, T>(
    before: &[Run],
    before_len: usize,
    list: &List<N, T>,
    (start, end): (usize, usize),
) -> Vec<Run>
where
    N: Fn(usize) -> &'a str,
    T: Fn(usize) -> String,
{
    let mut runs = Vec::with_capacity(before.len() + 1);
    let mut at = 0;
    // What ends inside of the common start ends there again; the last of all ended for want of more.
    for run in before {
        let run_end = at + run.items;
        if run_end > start || run_end == before_len {
            break;
        }
        runs.push(run.clone());
        at = run_end;
    }
    let starts: Vec<usize> = before
        .iter()
        .scan(0, |begun, run| {
            let start = *begun;
            *begun += run.items;
            Some(start)
        })
        .collect();
    while at < list.len {
        // From where an earlier run begins in the common end on, everything is as it was.
        let left = list.len - at;
        if left <= end
            && let Ok(known) = starts.binary_search(&(before_len - left))
        {
            runs.extend_from_slice(&before[known..]);
            break;
        }
        let run = list.run(at);
        at += run.items;
        runs.push(run);
    }
    runs
}

impl<'a, N: Fn(usize) -> &'a str, T: Fn(usize) -> String> List<N, T> {
    /// Makes the run that begins at a place.
    fn run(&self, start: usize) -> Run {
        let (mut text, mut at) = (String::new(), start);
        while at < self.len {
            if at > start {
                text.push(',');
            }
            text.push_str(&(self.text)(at));
            at += 1;
            let ends = xxh3_64((self.name)(at - 1).as_bytes()) & self.mask == 0;
            if ends || at - start == ITEMS_MAX || text.len() >= RUN_BYTES {
                break;
            }
        }
        Run::new(at - start, &text)
    }
}
