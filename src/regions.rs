//! Region databases, as an option of every command that starts a control plane, and as `status` shows them.
//!
//! Owns the options and the words. Reading and following the databases is the control plane's.

use std::time::Duration;

use halftone_controlplane::FollowedSource;
use halftone_core::{
    limits::GEO_OLD_S,
    policy::Timeout,
    signal::geo::{GeoState, difference::Difference},
};

use crate::api::Region;

/// Where region databases come from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct GeoArguments {
    /// Region databases in MaxMind's format (City or Country, ASN, ISP), as files that are followed or http:// URLs
    #[arg(long, value_name = "SOURCE", num_args = 1..)]
    pub(crate) geo: Vec<FollowedSource>,
    /// How often URLs are asked for a newer database [default: 1h]
    #[arg(long, value_name = "TIME", requires = "geo")]
    pub(crate) geo_every: Option<Timeout>,
}

/// How often URLs are asked unless somebody says otherwise: databases come twice a week.
const EVERY: Duration = Duration::from_secs(3600);
/// The least there is between two questions.
const EVERY_MIN: Duration = Duration::from_millis(100);

impl GeoArguments {
    /// Returns how often URLs are asked.
    pub(crate) fn every(&self) -> Duration {
        let asked = self.geo_every.map(|every| Duration::from_millis(every.ms().into()));
        asked.unwrap_or(EVERY).max(EVERY_MIN)
    }
}

/// Writes what a database is and how old, with a warning when that is too old.
pub(crate) fn database(state: &GeoState, now_unix_s: u64) -> String {
    let age_s = now_unix_s.saturating_sub(state.built_unix_s);
    let days = age_s / (24 * 3600);
    let plural = if days == 1 { "" } else { "s" };
    let warning = if age_s > GEO_OLD_S { ": OLD, renew it" } else { "" };
    format!("{}, {}, {days} day{plural} old{warning}", state.kind, state.database_type)
}

/// Writes what a source has, how that differs from what it had before, and why what it has now is not used.
pub(crate) fn source(region: &Region, now_unix_s: u64) -> String {
    let mut text = format!("regions from {}\n", region.source);
    let database = region.database.as_ref().map(|state| database(state, now_unix_s));
    let difference = region.difference.as_ref().map(Difference::to_string);
    let error = region.error.as_ref().map(|error| format!("not used: {error}"));
    for line in [database, difference, error].into_iter().flatten() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

#[cfg(test)]
mod tests;
