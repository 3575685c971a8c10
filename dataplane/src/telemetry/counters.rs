//! Counters of one worker.
//!
//! Owns the way from a variant row to its statistics, which outlive tables: they are kept by variant
//! key. Invariant: a request of the newest table finds its statistics by index; only stragglers of an
//! older table are looked up by name.

use std::collections::BTreeMap;

use ahash::AHashMap;
use halftone_core::{
    route::{Chain, Decision},
    signal::{device::cache::Counts, jwt},
    table::ArchivedRuleTable,
    telemetry::{GatewayStats, VariantStats},
};

use super::exposures::{self, Exposures};
use crate::{fingerprint, geo, signing::Judged, tables::Tables, tags::RESULTS};

/// What a worker counted since it started.
#[derive(Debug, Default)]
pub struct Counters {
    by_key: AHashMap<String, usize>,
    stats: Vec<VariantStats>,
    /// The epoch of the rules that `rows` belongs to.
    epoch: u64,
    /// By variant row: its place in `stats`.
    rows: Vec<usize>,
    errors: BTreeMap<&'static str, u64>,
    /// By `tenant/release/target`.
    faults: AHashMap<String, u64>,
    /// By `tenant/release`: what requests said of their chain, by [`Chain::ALL`].
    chains: AHashMap<String, Chains>,
    /// Who met which variant, by combination.
    pub exposures: Exposures,
    /// Where a key of `chains` is put together.
    scratch: String,
    /// Connections accepted.
    pub accepted: u64,
    /// Release headers stripped.
    pub stripped: u64,
    /// Members of baggage stripped.
    pub stripped_members: u64,
}

/// Counts by [`Chain::ALL`].
pub type Chains = [u64; Chain::ALL.len()];

impl Counters {
    /// Counts a finished request that was decided.
    #[inline]
    pub fn record(&mut self, tables: &Tables, variant: u32, status: u16, latency_us: u64) {
        let (epoch, _) = tables.epochs();
        if epoch > self.epoch {
            self.follow(tables);
        }
        let row = if epoch == self.epoch { self.rows.get(variant as usize).copied() } else { None };
        let place = row.unwrap_or_else(|| {
            let key = tables
                .rules()
                .table
                .variants
                .get(variant as usize)
                .map_or("", |variant| &variant.key);
            self.place(key)
        });
        self.stats[place].record(status, latency_us);
    }

    /// Counts an answer of our own.
    pub fn record_error(&mut self, label: &'static str) {
        *self.errors.entry(label).or_default() += 1;
    }

    /// Counts that nobody could say whether a target (`tenant/release/target`) matches.
    pub fn record_fault(&mut self, target: &str) {
        match self.faults.get_mut(target) {
            Some(count) => *count += 1,
            None => {
                self.faults.insert(target.to_owned(), 1);
            }
        }
    }

    /// Counts what a request said of the chain it is part of.
    #[inline]
    pub fn record_chain(&mut self, table: &ArchivedRuleTable, decision: &Decision) {
        let (Some(chain), Some(release)) = (decision.chain, decision.release) else { return };
        let release = &table.releases[release as usize];
        self.scratch.clear();
        for part in [release.tenant.as_str(), "/", release.name.as_str()] {
            self.scratch.push_str(part);
        }
        match self.chains.get_mut(&self.scratch) {
            Some(counts) => counts[chain as usize] += 1,
            None => {
                let mut counts = Chains::default();
                counts[chain as usize] = 1;
                self.chains.insert(self.scratch.clone(), counts);
            }
        }
    }

    /// Prepares for a new table, so that its first requests do not have to.
    pub fn follow(&mut self, tables: &Tables) {
        self.rows =
            tables.rules().variants.iter().map(|variant| self.place(&variant.key)).collect();
        self.epoch = tables.epochs().0;
    }

    /// Returns a copy to be merged with those of other workers.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let variants =
            self.by_key.iter().map(|(key, place)| (key.clone(), self.stats[*place].clone()));
        Snapshot {
            variants: variants.collect(),
            errors: self.errors.clone(),
            faults: self.faults.iter().map(|(target, count)| (target.clone(), *count)).collect(),
            chains: self
                .chains
                .iter()
                .map(|(release, counts)| (release.clone(), *counts))
                .collect(),
            exposures: self.exposures.snapshot(),
            accepted: self.accepted,
            stripped: self.stripped,
            stripped_members: self.stripped_members,
            tags: [0; RESULTS.len()],
            geo: [0; geo::RESULTS.len()],
            signatures: Judged::default(),
            fingerprints: fingerprint::Counts::default(),
            devices: Counts::default(),
            jwt: [0; jwt::RESULTS.len()],
            log_dropped: 0,
        }
    }

    fn place(&mut self, key: &str) -> usize {
        if let Some(place) = self.by_key.get(key) {
            return *place;
        }
        self.stats.push(VariantStats::default());
        self.by_key.insert(key.to_owned(), self.stats.len() - 1);
        self.stats.len() - 1
    }
}

/// Returns counts by their names.
fn named(counts: &Chains) -> BTreeMap<String, u64> {
    Chain::ALL
        .iter()
        .zip(counts)
        .map(|(chain, count)| (chain.as_str().to_owned(), *count))
        .collect()
}

/// A copy of one worker's counters.
#[derive(Debug, Default)]
pub struct Snapshot {
    variants: BTreeMap<String, VariantStats>,
    errors: BTreeMap<&'static str, u64>,
    faults: BTreeMap<String, u64>,
    chains: BTreeMap<String, Chains>,
    exposures: exposures::Copied,
    accepted: u64,
    stripped: u64,
    stripped_members: u64,
    /// Lookups of tags, by [`RESULTS`].
    pub tags: [u64; RESULTS.len()],
    /// Decisions that asked for a region, by [`geo::RESULTS`].
    pub geo: [u64; geo::RESULTS.len()],
    /// Tokens by use and result.
    pub signatures: Judged,
    /// Requests for a fingerprint, by [`fingerprint::RESULTS`].
    pub fingerprints: fingerprint::Counts,
    /// Clients whose device was asked for.
    pub devices: Counts,
    /// Decisions that asked for a claim of a token, by [`jwt::RESULTS`].
    pub jwt: [u64; jwt::RESULTS.len()],
    /// Access log lines dropped.
    pub log_dropped: u64,
}

/// What all workers counted.
#[derive(Debug, Default)]
pub struct Merged {
    /// By variant key.
    pub variants: BTreeMap<String, VariantStats>,
    /// Answers of our own, by error label.
    pub errors: BTreeMap<&'static str, u64>,
    /// Requests of which nobody could say whether a target matches, by `tenant/release/target`.
    pub faults: BTreeMap<String, u64>,
    /// What requests said of their chain, by `tenant/release`.
    pub chains: BTreeMap<String, Chains>,
    /// Who met which variant, by combination.
    pub exposures: exposures::Sum,
    /// Connections accepted, by worker.
    pub accepted: Vec<u64>,
    /// Release headers stripped.
    pub stripped: u64,
    /// Members of baggage stripped.
    pub stripped_members: u64,
    /// Lookups of tags, by [`RESULTS`].
    pub tags: [u64; RESULTS.len()],
    /// Decisions that asked for a region, by [`geo::RESULTS`].
    pub geo: [u64; geo::RESULTS.len()],
    /// Tokens by use and result.
    pub signatures: Judged,
    /// Requests for a fingerprint, by [`fingerprint::RESULTS`].
    pub fingerprints: fingerprint::Counts,
    /// Clients whose device was asked for.
    pub devices: Counts,
    /// Decisions that asked for a claim of a token, by [`jwt::RESULTS`].
    pub jwt: [u64; jwt::RESULTS.len()],
    /// Access log lines dropped.
    pub log_dropped: u64,
}

impl Merged {
    /// Merges the workers' counters, in the order of their numbers.
    #[must_use]
    pub fn of(snapshots: Vec<Snapshot>) -> Self {
        let mut merged = Self::default();
        for snapshot in snapshots {
            for (key, stats) in snapshot.variants {
                merged.variants.entry(key).or_default().merge(&stats);
            }
            for (label, count) in snapshot.errors {
                *merged.errors.entry(label).or_default() += count;
            }
            for (target, count) in snapshot.faults {
                *merged.faults.entry(target).or_default() += count;
            }
            for (release, counts) in snapshot.chains {
                let sums = merged.chains.entry(release).or_default();
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
            merged.exposures.add(snapshot.exposures);
            merged.accepted.push(snapshot.accepted);
            merged.stripped += snapshot.stripped;
            merged.stripped_members += snapshot.stripped_members;
            for (sum, count) in merged.tags.iter_mut().zip(snapshot.tags) {
                *sum += count;
            }
            for (sum, count) in merged.geo.iter_mut().zip(snapshot.geo) {
                *sum += count;
            }
            let judged = merged.signatures.iter_mut().flatten();
            for (sum, count) in judged.zip(snapshot.signatures.iter().flatten()) {
                *sum += count;
            }
            for (sum, count) in merged.fingerprints.iter_mut().zip(snapshot.fingerprints) {
                *sum += count;
            }
            merged.devices.cached += snapshot.devices.cached;
            merged.devices.recognised += snapshot.devices.recognised;
            for (sum, count) in merged.jwt.iter_mut().zip(snapshot.jwt) {
                *sum += count;
            }
            merged.log_dropped += snapshot.log_dropped;
        }
        merged
    }

    /// Returns the report that travels over the control socket.
    #[must_use]
    pub fn report(&self) -> GatewayStats {
        GatewayStats {
            variants: self
                .variants
                .iter()
                .map(|(key, stats)| (key.clone(), stats.report()))
                .collect(),
            errors: self
                .errors
                .iter()
                .map(|(label, count)| ((*label).to_owned(), *count))
                .collect(),
            faults: self.faults.clone(),
            chains: self
                .chains
                .iter()
                .map(|(release, counts)| (release.clone(), named(counts)))
                .collect(),
            exposures: self.exposures.splits.clone(),
            exposures_of_others: self.exposures.others,
            accepted: self.accepted.clone(),
            stripped: self.stripped,
            stripped_members: self.stripped_members,
            log_dropped: self.log_dropped,
        }
    }
}
