//! What is asked of a gateway that is to decide a candidate beside what it serves, and what it counted.
//!
//! Owns both forms. Does not decide and does not count ([`crate::telemetry::moves`] does).

use serde::{Deserialize, Serialize};

use crate::telemetry::moves::{Tally, UserKey};

/// How a candidate is to be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShadowRequest {
    /// The share of requests, parts per million; more than none.
    pub sample_ppm: u32,
    /// For how long, milliseconds.
    pub for_ms: u64,
    /// What hashes of users are keyed by: with one key, those of several gateways go together.
    pub key: UserKey,
    /// What it was made from, for people.
    pub digest: String,
}

/// What was counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shadowed {
    /// Whether it goes on.
    pub running: bool,
    /// Workers that count.
    pub workers: u32,
    /// Workers that do not: they did not answer in time, or were started again meanwhile.
    pub missing: u32,
    /// The epoch of the rules that are served.
    pub rules_epoch: u64,
    /// What they counted.
    pub tally: Tally,
}
