//! The metrics page: Prometheus text format 0.0.4.
//!
//! Owns names and labels; the form is `halftone_core::telemetry::page`'s. Does not count: it is given what
//! the workers counted. Invariants: names end in their unit, counters in `_total`; a histogram's buckets
//! are read from the merged HDR histograms, exactly.

use std::fmt;

use halftone_core::telemetry::{
    VariantStats,
    page::{head, sample},
};

use super::counters::Merged;
use crate::tags::RESULTS;

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
    let Identity { version, engine, state, restarts } = identity;
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
    let name = "halftone_tag_lookups_total";
    head(page, name, "counter", "Lookups of users' tags, by how they ended.")?;
    for (result, count) in RESULTS.iter().zip(merged.tags) {
        sample(page, name, &[("result", result)], count)?;
    }
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
    for (name, help, value) in [
        (
            "halftone_stripped_headers_total",
            "Release headers of untrusted peers that were stripped.",
            merged.stripped,
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
        let stats = merged.variants.entry("t/u\"x\\/canary".to_owned()).or_default();
        for latency_us in [400, 600, 3_000_000] {
            stats.record(200, latency_us);
        }
        stats.record(499, 20_000_000);
        let page = page(
            &merged,
            Identity { version: "1", engine: "epoll", state: (5, 6, 7), restarts: 1 },
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
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
        }
    }
}
