//! An explanation, as a person reads it in a terminal: a line per step, then what it comes to.
//!
//! Owns the words. Does not print and asks nobody.

use std::fmt::Write as _;

use halftone_core::{
    route::{
        Chain,
        trace::{EXPRESSION, Keyed, NESTED, Overridden, Pinned, Read, Seen, Step},
    },
    signal::{jwt, signature::Rejected},
    wire::{ExplainRequest, Explained},
};

/// Width of the column that names the step.
const NAME_WIDTH: usize = 12;

/// Writes every step and the outcome.
pub(crate) fn text(asked: &ExplainRequest, explained: &Explained) -> String {
    let mut text = format!("{} {}\n", asked.method, asked.url);
    for step in &explained.steps {
        let (stage, name, told) = line(step);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{stage:>3} {name:<NAME_WIDTH$} {told}");
        if let Step::Route { conditions, .. } | Step::Target { conditions, .. } = step {
            for seen in conditions {
                let _ = writeln!(text, "{:NAME_WIDTH$}       {}", "", condition(seen));
                for read in &seen.reads {
                    let _ = writeln!(text, "{:NAME_WIDTH$}         {}", "", value(read));
                }
            }
        }
    }
    if explained.not_shown > 0 {
        let _ = writeln!(text, "    ({} more did not match)", explained.not_shown);
    }
    let _ = writeln!(text, "=> {}", outcome(explained));
    let _ = writeln!(
        text,
        "   decided by worker {} with revision {} (rules epoch {}, instances epoch {})",
        explained.worker, explained.revision, explained.rules_epoch, explained.instances_epoch
    );
    text
}

fn outcome(explained: &Explained) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let mut told = match (&explained.variant, &explained.release) {
        (None, _) => "nowhere".to_owned(),
        (Some(variant), None) => format!("{variant} of route {}", part(&explained.route)),
        (Some(variant), Some(release)) => {
            format!("{variant} of release {release} of tenant {}", part(&explained.tenant))
        }
    };
    if let Some(reason) = &explained.reason {
        let _ = write!(told, ": {reason}");
    }
    if let Some(target) = &explained.target_id {
        let _ = write!(told, " {target}");
    }
    if let Some(cell) = &explained.cell {
        let _ = write!(told, "/{cell}");
    }
    if let Some(bucket) = explained.bucket {
        let drawn = if explained.random { ", drawn for each request anew" } else { "" };
        let _ = write!(told, ", bucket {bucket}{drawn}");
    }
    if let Some(decided) = &explained.fallback_from {
        let _ = write!(told, ", in place of {decided}, which has no instance");
    }
    if let Some(status) = explained.status {
        let _ = write!(told, "; answered {status} {}", part(&explained.error));
    }
    told
}

fn line(step: &Step) -> (&'static str, &'static str, String) {
    match step {
        Step::Normal { method, host, path, query, client_ip, peer_ip, trusted } => {
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            let believed = if *trusted { "trusted" } else { "not trusted" };
            let told = format!(
                "{method} {host} {path}{query}, caller {client_ip}, peer {peer_ip} ({believed})"
            );
            ("0", "normal form", told)
        }
        Step::Stripped { headers, members } => ("1", "stripped", stripped(headers, *members)),
        Step::Token { issuer, key, rejected, .. } => ("1", "token", token(issuer, key, *rejected)),
        Step::Host { name, routes: 0 } => ("2", "host", format!("{name} has no routes")),
        Step::Host { name, routes } => ("2", "host", format!("{name} has {routes} route(s)")),
        Step::Route { name, matched, .. } => ("2", "route", format!("{name} {}", taken(*matched))),
        Step::Static { variant } => {
            ("2", "upstream", format!("takes {variant}; no release decides"))
        }
        Step::KillSwitch { tenant, release, disabled, expired } => {
            let told = match (disabled, expired) {
                (true, _) => "disabled: stable",
                (false, true) => "expired: stable",
                (false, false) => "not pulled",
            };
            ("3", "kill switch", format!("{tenant}/{release}: {told}"))
        }
        Step::Override { header, found, outcome } => {
            ("4", "override", format!("header {header}: {}", overridden(found.as_ref(), *outcome)))
        }
        Step::Chain { key, found, outcome } => {
            ("4", "chain", format!("baggage {key}: {}", chained(found.as_ref(), *outcome)))
        }
        Step::Pin { cookie, found, outcome } => {
            ("5", "pin", format!("cookie {cookie}: {}", pinned(found.as_ref(), *outcome)))
        }
        Step::Target { id, expired: true, .. } => ("6", "target", format!("{id} has expired")),
        Step::Target { id, matched, .. } => ("6", "target", format!("{id} {}", taken(*matched))),
        Step::Default => ("7", "default", "nothing else took it".to_owned()),
        Step::Variant { name } => ("", "variant", name.clone()),
        Step::Unit { part, found, outcome } => {
            ("8", "unit", format!("{part}: {}", keyed(found.as_ref(), *outcome)))
        }
        Step::Bucket { unit, salt, hash, bucket } => (
            "8",
            "bucket",
            format!("hash of {salt:?}, \":\" and {unit:?} is {hash:#010x}: {bucket}"),
        ),
        Step::Random { bucket } => {
            ("8", "bucket", format!("{bucket}, drawn for each request anew: there is no unit"))
        }
        Step::Minted { unit } => {
            ("8", "unit", format!("none is present: {unit:?} is minted, and set as a cookie"))
        }
        Step::NotMinted { has_keys: true } => (
            "8",
            "unit",
            "none is present, and over plain http none would be kept: stable".to_owned(),
        ),
        Step::NotMinted { has_keys: false } => (
            "8",
            "unit",
            "none is present, and the gateway has no key to sign one: stable".to_owned(),
        ),
        Step::NoUnit => ("8", "unit", "none is present: stable".to_owned()),
        Step::Range { start: Some(start), end: Some(end), variant } => {
            ("8", "range", format!("[{start}, {end}) is of {variant}"))
        }
        Step::Range { variant, .. } => ("8", "range", format!("in none of the ranges: {variant}")),
        Step::Health { variant, instances, fallback } => {
            let instead = fallback.as_ref().map(|other| format!("; {other} serves instead"));
            let told =
                format!("{variant} has {instances} instance(s){}", instead.unwrap_or_default());
            ("9", "health", told)
        }
        Step::Instances { names, count } => {
            let more = if (names.len() as u64) < u64::from(*count) { ", …" } else { "" };
            ("10", "instance", format!("in turn, by weight: {}{more}", names.join(", ")))
        }
        Step::Propagated { key, value } => ("", "sent on", format!("baggage {key}={value}")),
        Step::Refused { status, error, detail } => {
            ("", "answered", format!("{status} {error}: {detail}"))
        }
    }
}

fn taken(matched: bool) -> &'static str {
    if matched { "matches" } else { "does not match" }
}

fn value(read: &Read) -> String {
    let found = read.found.as_ref().map_or("missing".to_owned(), |found| format!("{found:?}"));
    match &read.not_believed {
        Some(part) => {
            format!("{} is {found}: {part} is there, and this peer is not trusted", read.name)
        }
        None => format!("{} is {found}", read.name),
    }
}

fn condition(seen: &Seen) -> String {
    let holds = if seen.holds { "yes" } else { "no" };
    if seen.part == EXPRESSION {
        return match seen.found.as_deref().unwrap_or_default() {
            told @ ("true" | "false") => format!("{holds}: {} is {told}", seen.wanted),
            fault => format!("{holds}: {} cannot be told: {fault}", seen.wanted),
        };
    }
    if seen.part == NESTED {
        let cell = seen.found.as_ref().map(|cell| format!("cell {cell}"));
        return format!("{holds}: {}", cell.as_deref().unwrap_or("no cell for this combination"));
    }
    let found = seen.found.as_ref().map_or("nothing".to_owned(), |found| format!("{found:?}"));
    format!("{holds}: {} has to be {:?}, is {found}", seen.part, seen.wanted)
}

fn token(issuer: &Option<String>, key: &Option<String>, rejected: Option<jwt::Rejected>) -> String {
    let key = key.as_ref().map_or("a key".to_owned(), |key| format!("key {key}"));
    let by = issuer.as_ref().map(|issuer| format!("{key} of {issuer}"));
    match (by, rejected) {
        (Some(by), None) => format!("verified by {by}"),
        (Some(by), Some(why)) => format!("{by}: {}", why.as_str()),
        (None, why) => format!("not believed: {}", why.map_or("", jwt::Rejected::as_str)),
    }
}

fn overridden(found: Option<&String>, outcome: Overridden) -> String {
    let found = found.map(String::as_str).unwrap_or_default();
    match outcome {
        Overridden::Accepted => format!("{found:?}, taken"),
        Overridden::Absent => "absent".to_owned(),
        Overridden::Untrusted => "believed from trusted peers only".to_owned(),
        Overridden::UnknownVariant => format!("{found:?} is no variant"),
        Overridden::Unsigned(why) => format!("{found:?} is not believed: {}", rejected(why)),
    }
}

fn stripped(headers: &[String], members: u32) -> String {
    let members = match members {
        0 => None,
        1 => Some("a member of the baggage".to_owned()),
        many => Some(format!("{many} members of the baggage")),
    };
    headers.iter().cloned().chain(members).collect::<Vec<_>>().join(", ")
}

fn chained(found: Option<&String>, outcome: Chain) -> String {
    let found = found.map(String::as_str).unwrap_or_default();
    match outcome {
        Chain::Kept => format!("{found:?}, taken"),
        Chain::UnknownVariant => format!("{found:?} is no variant: stable"),
        Chain::Lost => "absent, though the request is part of a trace".to_owned(),
        Chain::Started => "absent".to_owned(),
        Chain::Untrusted => "believed from trusted peers only".to_owned(),
    }
}

fn pinned(found: Option<&String>, outcome: Pinned) -> String {
    let found = found.map(String::as_str).unwrap_or_default();
    match outcome {
        Pinned::Taken => format!("{found:?}, taken"),
        Pinned::Absent => "absent".to_owned(),
        Pinned::OtherGeneration => format!("{found:?} is of another generation"),
        Pinned::UnknownVariant => format!("{found:?} is no variant"),
        Pinned::Unsigned(why) => format!("{found:?} is not believed: {}", rejected(why)),
    }
}

fn rejected(why: Rejected) -> &'static str {
    match why {
        Rejected::Malformed => "it is no token",
        Rejected::UnknownKey => "the gateway has no key of its id",
        Rejected::WrongSignature => {
            "it was signed by another key or for something else, or changed"
        }
        Rejected::Expired => "its time is over",
        Rejected::NoKeys => "the gateway has no keys",
    }
}

fn keyed(found: Option<&String>, outcome: Keyed) -> String {
    let found = found.map(String::as_str).unwrap_or_default();
    match outcome {
        Keyed::Used => format!("{found:?}, taken"),
        Keyed::Absent => "absent".to_owned(),
        Keyed::Untrusted => "believed from trusted peers only".to_owned(),
        Keyed::Unsigned(why) => format!("not believed: {}", rejected(why)),
        Keyed::Unusable => format!("{found:?} is empty or too long"),
    }
}

#[cfg(test)]
mod tests;
