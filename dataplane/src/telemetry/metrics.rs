//! The metrics page: Prometheus text format 0.0.4.
//!
//! Owns names and labels; the form is `halftone_core::telemetry::page`'s. Does not count: it is given what
//! the workers counted. Invariants: names end in their unit, counters in `_total`; a histogram's buckets
//! are read from the merged HDR histograms, exactly.

use std::fmt;

use halftone_core::{
    route::Chain,
    signal::{
        geo::Databases,
        jwt,
        signature::{self, USES},
    },
    telemetry::{
        VariantStats,
        page::{head, sample},
    },
};

use super::counters::Merged;
use crate::{fingerprint, geo, tags::RESULTS};

/// Upper bounds of the duration buckets, microseconds: Prometheus' own defaults, and two below.
const BUCKETS_US: [u64; 13] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What a gateway is, beside its counters.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The version of the build.
    pub version: &'a str,
    /// The engine of its workers.
    pub engine: &'a str,
    /// The committed epochs of rules and instances, and the revision of the rules.
    pub state: (u64, u64, u64),
    /// How many workers were started again.
    pub restarts: u64,
    /// The region databases that are served.
    pub databases: &'a Databases,
    /// How many issuers of tokens it believes.
    pub issuers: usize,
    /// The time, in seconds since 1970.
    pub now_unix_s: u64,
    /// How many keys it has, whether rules need one and there is none, and how often a key file was refused.
    pub keys: (usize, bool, u64),
}

/// Returns the page.
#[must_use]
pub fn page(merged: &Merged, identity: Identity<'_>) -> String {
    let mut page = String::with_capacity(16 * 1024);
    // Writing to a string cannot fail.
    let _ = write(&mut page, merged, identity);
    page
}

fn write(page: &mut String, merged: &Merged, identity: Identity<'_>) -> fmt::Result {
    head(
        page,
        "halftone_build_info",
        "gauge",
        "The build and the engine of this gateway; always 1.",
    )?;
    let Identity { version, engine, state, restarts, databases, issuers, now_unix_s, .. } =
        identity;
    sample(page, "halftone_build_info", &[("version", version), ("engine", engine)], 1)?;
    for (name, help, value) in [
        (
            "halftone_rules_epoch",
            "Generation of the rules that are served; 0 before the first.",
            state.0,
        ),
        (
            "halftone_instances_epoch",
            "Generation of the instances that are served; 0 before the first.",
            state.1,
        ),
        ("halftone_rules_revision", "Revision the rules were published as.", state.2),
    ] {
        head(page, name, "gauge", help)?;
        sample(page, name, &[], value)?;
    }
    head(
        page,
        "halftone_worker_restarts_total",
        "counter",
        "Workers that died of a panic and were started again.",
    )?;
    sample(page, "halftone_worker_restarts_total", &[], restarts)?;
    head(
        page,
        "halftone_requests_total",
        "counter",
        "Finished requests by variant and class of status.",
    )?;
    for (key, stats) in &merged.variants {
        for (class, count) in CLASSES.iter().zip(stats.by_class) {
            let [tenant, upstream, variant] = parts(key);
            let labels = [
                ("tenant", tenant),
                ("upstream", upstream),
                ("variant", variant),
                ("class", class),
            ];
            sample(page, "halftone_requests_total", &labels, count)?;
        }
    }
    head(
        page,
        "halftone_request_duration_seconds",
        "histogram",
        "Time from the whole request head to the last byte of the answer.",
    )?;
    for (key, stats) in &merged.variants {
        histogram(page, key, stats)?;
    }
    head(
        page,
        "halftone_errors_total",
        "counter",
        "Requests the gateway answered itself, by error.",
    )?;
    for (label, count) in &merged.errors {
        sample(page, "halftone_errors_total", &[("error", label)], *count)?;
    }
    head(
        page,
        "halftone_connections_accepted_total",
        "counter",
        "Connections accepted, by worker.",
    )?;
    for (worker, count) in merged.accepted.iter().enumerate() {
        sample(
            page,
            "halftone_connections_accepted_total",
            &[("worker", &worker.to_string())],
            *count,
        )?;
    }
    head(
        page,
        "halftone_target_faults_total",
        "counter",
        "Requests of which nobody could say whether a target matches: a value is missing or of another type.",
    )?;
    for (target, count) in &merged.faults {
        let mut parts = target.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default();
        let labels = [("tenant", part()), ("release", part()), ("target", part())];
        sample(page, "halftone_target_faults_total", &labels, *count)?;
    }
    chains(page, merged)?;
    signatures(page, merged, &identity)?;
    fingerprints(page, merged)?;
    let name = "halftone_tag_lookups_total";
    head(page, name, "counter", "Lookups of users' tags, by how they ended.")?;
    for (result, count) in RESULTS.iter().zip(merged.tags) {
        sample(page, name, &[("result", result)], count)?;
    }
    regions(page, databases, now_unix_s, merged)?;
    let name = "halftone_device_lookups_total";
    head(
        page,
        name,
        "counter",
        "Clients whose device a decision asked for, by whether it was remembered.",
    )?;
    let devices = merged.devices;
    for (result, count) in [("cached", devices.cached), ("recognised", devices.recognised)] {
        sample(page, name, &[("result", result)], count)?;
    }
    let name = "halftone_jwt_issuers";
    head(page, name, "gauge", "Issuers whose tokens are believed.")?;
    sample(page, name, &[], issuers as u64)?;
    let name = "halftone_jwt_total";
    head(page, name, "counter", "Decisions that asked for a claim of a token, by what that was.")?;
    for (result, count) in jwt::RESULTS.iter().zip(merged.jwt) {
        sample(page, name, &[("result", result)], count)?;
    }
    for (name, help, value) in [
        (
            "halftone_stripped_headers_total",
            "Release headers of untrusted peers that were stripped.",
            merged.stripped,
        ),
        (
            "halftone_stripped_baggage_members_total",
            "Members of the baggage of untrusted peers that were stripped.",
            merged.stripped_members,
        ),
        (
            "halftone_access_log_dropped_total",
            "Access log lines that could not be written.",
            merged.log_dropped,
        ),
    ] {
        head(page, name, "counter", help)?;
        sample(page, name, &[], value)?;
    }
    Ok(())
}

/// What requests said of the chain of services they are part of.
fn chains(page: &mut String, merged: &Merged) -> fmt::Result {
    let name = "halftone_chain_requests_total";
    let help = "Decisions of releases that propagate, by what the request said of an earlier hop's: kept, \
                unknown_variant (stable took it), lost (traced, and no member), started, untrusted.";
    head(page, name, "counter", help)?;
    for (release, counts) in &merged.chains {
        let (tenant, release) = release.split_once('/').unwrap_or(("", release));
        for (chain, count) in Chain::ALL.iter().zip(counts) {
            let labels = [("tenant", tenant), ("release", release), ("result", chain.as_str())];
            sample(page, name, &labels, *count)?;
        }
    }
    Ok(())
}

fn regions(
    page: &mut String,
    databases: &Databases,
    now_unix_s: u64,
    merged: &Merged,
) -> fmt::Result {
    let name = "halftone_geo_database_age_seconds";
    head(page, name, "gauge", "Time since a region database was built; new ones come every week.")?;
    for database in databases.iter() {
        let state = database.state();
        let labels = [("kind", state.kind.as_str()), ("type", state.database_type.as_str())];
        sample(page, name, &labels, now_unix_s.saturating_sub(state.built_unix_s))?;
    }
    let name = "halftone_geo_lookups_total";
    head(page, name, "counter", "Decisions that asked where an address is, by how that ended.")?;
    for (result, count) in geo::RESULTS.iter().zip(merged.geo) {
        sample(page, name, &[("result", result)], count)?;
    }
    Ok(())
}

/// What became of requests for a fingerprint.
fn fingerprints(page: &mut String, merged: &Merged) -> fmt::Result {
    let name = "halftone_fingerprints_total";
    head(page, name, "counter", "Requests for a device's id, by what became of it.")?;
    for (result, count) in fingerprint::RESULTS.iter().zip(merged.fingerprints) {
        sample(page, name, &[("result", result)], count)?;
    }
    Ok(())
}

/// What became of tokens, and what they are verified by.
fn signatures(page: &mut String, merged: &Merged, identity: &Identity<'_>) -> fmt::Result {
    let (count, are_missing, refused) = identity.keys;
    for (name, kind, help, value) in [
        ("halftone_keys", "gauge", "Keys that verify; the first of them signs.", count as u64),
        (
            "halftone_keys_missing",
            "gauge",
            "1 while the rules need a key and the gateway has none: nothing signed is believed.",
            u64::from(are_missing),
        ),
        (
            "halftone_key_files_refused_total",
            "counter",
            "Key files that could not be taken; the keys before them stayed.",
            refused,
        ),
    ] {
        head(page, name, kind, help)?;
        sample(page, name, &[], value)?;
    }
    let name = "halftone_signatures_total";
    head(page, name, "counter", "Decisions that looked at a token, by its use and what it was.")?;
    for (used, results) in USES.iter().zip(&merged.signatures) {
        for (result, count) in signature::RESULTS.iter().zip(results) {
            sample(page, name, &[("use", used), ("result", result)], *count)?;
        }
    }
    Ok(())
}

fn histogram(page: &mut String, key: &str, stats: &VariantStats) -> fmt::Result {
    let [tenant, upstream, variant] = parts(key);
    let labels = [("tenant", tenant), ("upstream", upstream), ("variant", variant)];
    let histogram = &stats.latency_us;
    for bound in BUCKETS_US {
        let bound_s = seconds(bound);
        let [tenant, upstream, variant] = labels;
        let labels = [tenant, upstream, variant, ("le", bound_s.as_str())];
        let count = histogram.count_between(0, bound);
        sample(page, "halftone_request_duration_seconds_bucket", &labels, count)?;
    }
    let [tenant, upstream, variant] = labels;
    let all = [tenant, upstream, variant, ("le", "+Inf")];
    sample(page, "halftone_request_duration_seconds_bucket", &all, histogram.len())?;
    let sum_us: u64 = histogram
        .iter_recorded()
        .map(|step| step.value_iterated_to() * step.count_at_value())
        .sum();
    sample(page, "halftone_request_duration_seconds_sum", &labels, seconds(sum_us))?;
    sample(page, "halftone_request_duration_seconds_count", &labels, histogram.len())
}

/// Returns microseconds as seconds, exactly.
fn seconds(us: u64) -> String {
    let decimals = format!("{:06}", us % 1_000_000);
    match decimals.trim_end_matches('0') {
        "" => format!("{}", us / 1_000_000),
        some => format!("{}.{some}", us / 1_000_000),
    }
}

/// Returns tenant, upstream and variant of a variant key.
fn parts(key: &str) -> [&str; 3] {
    let (tenant, rest) = key.split_once('/').unwrap_or(("", key));
    let (upstream, variant) = rest.split_once('/').unwrap_or((rest, ""));
    [tenant, upstream, variant]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_every_count_and_escapes_names() {
        let mut merged = Merged { accepted: vec![3, 4], ..Merged::default() };
        merged.signatures[2][4] = 9;
        merged.chains.insert("t/pay".to_owned(), [5, 4, 3, 2, 1]);
        merged.stripped_members = 6;
        merged.jwt[10] = 8;
        merged.fingerprints[1] = 8;
        let stats = merged.variants.entry("t/u\"x\\/canary".to_owned()).or_default();
        for latency_us in [400, 600, 3_000_000] {
            stats.record(200, latency_us);
        }
        stats.record(499, 20_000_000);
        let page = page(
            &merged,
            Identity {
                version: "1",
                engine: "epoll",
                state: (5, 6, 7),
                restarts: 1,
                databases: &Databases::default(),
                issuers: 3,
                now_unix_s: 0,
                keys: (2, true, 3),
            },
        );
        let variant = r#"{tenant="t",upstream="u\"x\\",variant="canary""#;
        for line in [
            format!("halftone_requests_total{variant},class=\"2xx\"}} 3"),
            format!("halftone_requests_total{variant},class=\"4xx\"}} 1"),
            format!("halftone_request_duration_seconds_bucket{variant},le=\"0.0005\"}} 1"),
            format!("halftone_request_duration_seconds_bucket{variant},le=\"0.001\"}} 2"),
            format!("halftone_request_duration_seconds_bucket{variant},le=\"10\"}} 3"),
            format!("halftone_request_duration_seconds_bucket{variant},le=\"+Inf\"}} 4"),
            format!("halftone_request_duration_seconds_count{variant}}} 4"),
            "halftone_connections_accepted_total{worker=\"1\"} 4".to_owned(),
            "halftone_rules_revision 7".to_owned(),
            "halftone_chain_requests_total{tenant=\"t\",release=\"pay\",result=\"kept\"} 5"
                .to_owned(),
            "halftone_chain_requests_total{tenant=\"t\",release=\"pay\",result=\"lost\"} 3"
                .to_owned(),
            "halftone_stripped_baggage_members_total 6".to_owned(),
            "halftone_fingerprints_total{result=\"kept\"} 8".to_owned(),
            "halftone_keys 2".to_owned(),
            "halftone_keys_missing 1".to_owned(),
            "halftone_key_files_refused_total 3".to_owned(),
            "halftone_signatures_total{use=\"pin\",result=\"expired\"} 9".to_owned(),
            "halftone_jwt_issuers 3".to_owned(),
            "halftone_jwt_total{result=\"expired\"} 8".to_owned(),
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
        }
    }
}
