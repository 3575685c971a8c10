//! Exposures: who met which variant, by the combination that put them there.
//!
//! Owns a worker's counts of what targets (cell by cell) and the default decided, by the variant that served. What
//! somebody's word decided, an override, a pin, a chain or the kill switch, no weight has a part in: it is not counted.
//!
//! Invariants:
//! - counts are kept by names, so that they outlive tables; a combination that was met under this table is found by
//!   four numbers, without an allocation;
//! - names take a bounded number of bytes ([`EXPOSURE_BYTES_MAX`]): what is beyond is counted together.

use std::collections::BTreeMap;

use ahash::AHashMap;
use halftone_core::{
    limits::EXPOSURE_BYTES_MAX,
    route::{Decision, Reason},
    table::NONE,
};

use crate::tables::Tables;

/// Release, target, cell and variant, by their rows in one table.
type Rows = [u32; 4];

/// By `tenant/release/split`, then by variant: how often it was met.
pub type BySplit = BTreeMap<String, BTreeMap<String, u64>>;

/// What a worker counted.
#[derive(Debug, Default)]
pub struct Exposures {
    counts: Vec<u64>,
    /// By variant, a NUL, and `tenant/release/split`: a place in `counts`.
    names: AHashMap<String, usize>,
    /// The same places by the rows of the rules of `epoch`.
    places: AHashMap<Rows, usize>,
    epoch: u64,
    bytes: usize,
    scratch: String,
    /// Requests whose combination there was no room for.
    others: u64,
}

impl Exposures {
    /// Counts a request that `serving` takes.
    #[inline]
    pub fn record(&mut self, tables: &Tables, decision: &Decision, serving: u32) {
        let Some(release) = decision.release else { return };
        if !matches!(decision.reason, Reason::TargetingMatch | Reason::Split | Reason::Default) {
            return;
        }
        let (epoch, _) = tables.epochs();
        if epoch > self.epoch {
            self.places.clear();
            self.epoch = epoch;
        }
        let rows =
            [release, decision.target.unwrap_or(NONE), decision.cell.unwrap_or(NONE), serving];
        let known = if epoch == self.epoch { self.places.get(&rows).copied() } else { None };
        match known.or_else(|| self.place(tables, rows)) {
            Some(place) => self.counts[place] += 1,
            None => self.others += 1,
        }
    }

    /// Returns the place of a combination; nothing when there is no room for another.
    fn place(&mut self, tables: &Tables, rows: Rows) -> Option<usize> {
        let [release, target, cell, serving] = rows;
        let rules = tables.rules();
        let release = &rules.releases[release as usize];
        let name = &mut self.scratch;
        name.clear();
        for part in [
            rules.variants[serving as usize].name.as_str(),
            "\0",
            release.tenant.as_str(),
            "/",
            release.name.as_str(),
            "/",
        ] {
            name.push_str(part);
        }
        match release.targets.get(target as usize) {
            None => name.push_str(halftone_core::policy::DEFAULT_SPLIT),
            Some(target) => {
                name.push_str(&target.id);
                let cells = target.nested.as_ref().map(|nested| &nested.cells);
                if let Some(cell) = cells.and_then(|cells| cells.get(cell as usize)) {
                    name.push('/');
                    name.push_str(cell);
                }
            }
        }
        let place = match self.names.get(name.as_str()) {
            Some(place) => *place,
            None if self.bytes + name.len() > EXPOSURE_BYTES_MAX => return None,
            None => {
                self.bytes += name.len();
                self.counts.push(0);
                self.names.insert(name.clone(), self.counts.len() - 1);
                self.counts.len() - 1
            }
        };
        if tables.epochs().0 == self.epoch {
            self.places.insert(rows, place);
        }
        Some(place)
    }

    /// Returns a copy of the counts, and how many requests are in none of them.
    #[must_use]
    pub fn snapshot(&self) -> Copied {
        let names = self.names.iter().map(|(name, place)| (name.clone(), self.counts[*place]));
        Copied { counts: names.collect(), others: self.others }
    }
}

/// A copy of one worker's counts.
#[derive(Debug, Default)]
pub struct Copied {
    counts: Vec<(String, u64)>,
    others: u64,
}

/// What all workers counted.
#[derive(Debug, Default)]
pub struct Sum {
    /// By split and variant.
    pub splits: BySplit,
    /// Requests whose combination there was no room for.
    pub others: u64,
    bytes: usize,
}

impl Sum {
    /// Adds what one worker counted; together they have no more room than one.
    pub fn add(&mut self, copied: Copied) {
        self.others += copied.others;
        for (name, count) in copied.counts {
            let (variant, split) = name.split_once('\0').unwrap_or(("", &name));
            let known = self.splits.get_mut(split).and_then(|known| known.get_mut(variant));
            if let Some(sum) = known {
                *sum += count;
            } else if self.bytes + name.len() > EXPOSURE_BYTES_MAX {
                self.others += count;
            } else {
                self.bytes += name.len();
                let variants = self.splits.entry(split.to_owned()).or_default();
                variants.insert(variant.to_owned(), count);
            }
        }
    }
}

#[cfg(test)]
mod tests;
