//! What was counted, as a table that a person reads in a terminal.
//!
//! Owns the shape of rows and numbers, for `status` and `demo` alike. Does not colour, does not
//! print, and asks nobody.

use std::{collections::BTreeMap, fmt::Write as _};

use halftone_core::{
    signal::lists::{ListName, ListState},
    wire::GatewayState,
};
use serde_json::Value;

use crate::{
    api::{Gateway, Tenant, Variant},
    issuers::believed,
    regions::database,
};

/// What is said of a release whose kill switch is pulled.
const DISABLED: &str = "disabled: everyone goes to stable, whatever the splits say";
/// Heads of the columns after the first, with their widths.
const COLUMNS: [(&str, usize); 9] = [
    ("requests", 10),
    ("share", 8),
    ("2xx", 9),
    ("3xx", 7),
    ("4xx", 7),
    ("5xx", 7),
    ("gone", 6),
    ("p50", 9),
    ("p99", 9),
];

/// Writes what a gateway is: where it listens, what it runs on, which epochs it serves, and how old what it knows of
/// regions is at a time in seconds since 1970.
pub(crate) fn gateway(gateway: &Gateway, now_unix_s: u64) -> String {
    let listen = gateway.gateway.as_ref().map(|state| state.listen.join(", "));
    let mut text = format!("gateway {}\n", listen.unwrap_or_default()).replace(" \n", "\n");
    let mut line = |label: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {label:<10}{value}");
    };
    line("socket", &gateway.socket.display().to_string());
    if !gateway.connected {
        line("away", gateway.error.as_deref().unwrap_or("not connected yet"));
    }
    if let Some(version) = &gateway.version {
        line("version", version);
    }
    if let Some(state) = &gateway.gateway {
        line("engine", &format!("{} ({})", state.engine, state.engine_reason));
        line("workers", &workers(state));
        line("epochs", &epochs(gateway));
    }
    for state in &gateway.issuers {
        line("tokens", &believed(state));
    }
    for state in &gateway.geo {
        line("regions", &database(state, now_unix_s));
    }
    for ListState { name: ListName { tenant, list }, revision, ids } in &gateway.lists {
        line("list", &format!("{tenant}/{list}: {ids} ids, revision {revision}"));
    }
    if gateway.keys_missing {
        line(
            "keys",
            "none, and the rules need one: nothing signed is believed (see `halftone keys`)",
        );
    } else if let Some((first, others)) = gateway.keys.split_first() {
        let others: String = others.iter().map(|id| format!(", {id}")).collect();
        line("keys", &format!("{first} signs{others}"));
    }
    if let Some(rejected) = &gateway.rejected {
        line("rejected", rejected);
    }
    let errors: Vec<String> =
        gateway.stats.errors.iter().map(|(label, count)| format!("{label} {count}")).collect();
    if !errors.is_empty() {
        line("errors", &errors.join(", "));
    }
    if gateway.stats.stripped > 0 {
        line("stripped", &format!("{} release headers of untrusted peers", gateway.stats.stripped));
    }
    if gateway.stats.stripped_members > 0 {
        let count = gateway.stats.stripped_members;
        line("stripped", &format!("{count} members of the baggage of untrusted peers"));
    }
    for (release, results) in &gateway.stats.chains {
        let counted = results.iter().filter(|(_, count)| **count > 0);
        let counted: Vec<String> =
            counted.map(|(result, count)| format!("{result} {count}")).collect();
        line("chain", &format!("{release}: {}", counted.join(", ")));
    }
    text
}

/// Writes how many workers a gateway has, and where.
pub(crate) fn workers(state: &GatewayState) -> String {
    let cpus: Vec<String> = state.cpus.iter().map(u32::to_string).collect();
    let plural = if cpus.len() == 1 { "" } else { "s" };
    format!("{} worker{plural} on CPU{plural} {}", cpus.len(), cpus.join(","))
}

/// Writes the epochs a gateway serves.
pub(crate) fn epochs(gateway: &Gateway) -> String {
    format!("rules {}, instances {}", gateway.rules_epoch, gateway.instances_epoch)
}

/// Writes one row per variant that had requests, and a head.
pub(crate) fn variants(variants: &BTreeMap<String, Variant>) -> String {
    let counted: Vec<_> = variants.iter().filter(|(_, counts)| counts.requests > 0).collect();
    if counted.is_empty() {
        return "no requests yet\n".to_owned();
    }
    let total: u64 = counted.iter().map(|(_, counts)| counts.requests).sum();
    let width = counted.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut table = row(width, "variant", &COLUMNS.map(|(head, _)| head.to_owned()));
    for (name, counts) in counted {
        let [gone, _, ok, moved, client, server] = counts.by_class;
        let cells = [
            counts.requests.to_string(),
            share(counts.requests, total),
            ok.to_string(),
            moved.to_string(),
            client.to_string(),
            server.to_string(),
            gone.to_string(),
            duration(counts.latency_us.p50),
            duration(counts.latency_us.p99),
        ];
        table.push_str(&row(width, name, &cells));
    }
    table
}

/// Writes one line per release whose kill switch is pulled.
pub(crate) fn disabled(tenants: &[Tenant]) -> String {
    let releases = tenants
        .iter()
        .flat_map(|tenant| tenant.disabled.iter().map(move |release| (&tenant.tenant, release)));
    releases
        .map(|(tenant, release)| format!("release {tenant}/{release}\n  {DISABLED}\n"))
        .collect()
}

/// Writes one row per split and variant of a release as the API shows it, and a head; above it, that the kill switch is
/// pulled.
pub(crate) fn splits(release: &Value) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut rows = vec![["split", "variant", "weight", "requests"].map(str::to_owned)];
    for split in list(&release["splits"]) {
        let name = split["split"].as_str().unwrap_or_default();
        let mut variants: BTreeMap<String, String> = BTreeMap::new();
        if let Some(variant) = split["variant"].as_str() {
            variants.insert(variant.to_owned(), "all".to_owned());
        }
        for (variant, weight) in split["weights"].as_object().into_iter().flatten() {
            variants.insert(variant.clone(), weight.as_str().unwrap_or_default().to_owned());
        }
        let exposures = split["exposures"].as_object();
        // Another than these served in the place of one, or had a weight before.
        for variant in exposures.into_iter().flat_map(|exposures| exposures.keys()) {
            variants.entry(variant.clone()).or_default();
        }
        for (variant, weight) in variants {
            let met = exposures.and_then(|exposures| exposures.get(&variant)?.as_u64());
            rows.push([name.to_owned(), variant, weight, met.unwrap_or_default().to_string()]);
        }
    }
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let [split, variant, weight, met] = widths;
    let mut text = String::new();
    if release["disabled"] == true {
        text.push_str(&format!("{DISABLED}\n"));
    }
    for [a, b, c, d] in &rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{a:<split$}  {b:<variant$}  {c:>weight$}  {d:>met$}");
    }
    text
}

fn row(width: usize, name: &str, cells: &[String; COLUMNS.len()]) -> String {
    let mut row = format!("{name:<width$}");
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        // Writing to a string cannot fail.
        let _ = write!(row, " {cell:>width$}");
    }
    row.push('\n');
    row
}

/// Writes `part` of `whole` in percent, to a tenth.
pub(crate) fn share(part: u64, whole: u64) -> String {
    let permille = (u128::from(part) * 1000 + u128::from(whole) / 2).checked_div(u128::from(whole));
    permille
        .map_or_else(|| "-".to_owned(), |permille| format!("{}.{} %", permille / 10, permille % 10))
}

/// Writes microseconds in the unit a person would use.
pub(crate) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests;
