//! Releases: units, overrides, audiences, splits.

use super::{Found, check_token};
use crate::{
    limits::{BUCKETS, UNITS_MAX},
    policy::{
        Bundle, CLIENT_IP, DefaultRule, NotServed, Release, Requires, STABLE, Split, Stickiness,
        UnitMissing, Upstream,
    },
};

pub(super) fn check_release(
    found: &mut Found,
    path: &str,
    name: &str,
    release: &Release,
    bundle: &Bundle,
) {
    found.name(path, name);
    for (field, value) in [
        ("targets", release.targets),
        ("schedule", release.schedule),
        ("analysis", release.analysis),
        ("fuse", release.fuse),
        ("onNoHealthy", release.on_no_healthy),
        ("abort", release.abort),
        ("drain", release.drain),
        ("propagate", release.propagate),
        ("capacity", release.capacity),
        ("expiresAt", release.expires_at),
    ] {
        found.served(&format!("{path}.{field}"), value);
    }
    if release.unit_missing == UnitMissing::Mint {
        found.served(&format!("{path}.unitMissing: mint"), Some(NotServed));
    }
    if release.stickiness == Stickiness::Pinned {
        found.served(&format!("{path}.stickiness: pinned"), Some(NotServed));
    }
    if release.unit.is_empty() || release.unit.len() > UNITS_MAX {
        found.add(&format!("{path}.unit"), format!("expected 1 to {UNITS_MAX} attributes"));
    }
    let client_ip = CLIENT_IP.to_owned();
    for (index, unit) in release.unit.iter().enumerate() {
        let attributes = bundle.attributes.keys().chain([&client_ip]);
        found.known(&format!("{path}.unit[{index}]"), "attribute", unit, attributes);
    }
    for (index, rule) in release.overrides.iter().enumerate() {
        let path = format!("{path}.overrides[{index}]");
        check_token(found, &format!("{path}.header"), &rule.header);
        if rule.requires == Requires::Signed {
            found.served(&format!("{path}.requires: signed"), Some(NotServed));
        }
    }
    found.known(
        &format!("{path}.upstream"),
        "upstream",
        &release.upstream,
        bundle.upstreams.keys(),
    );
    if let Some(upstream) = bundle.upstreams.get(&release.upstream) {
        found.known(
            &format!("{path}.canary"),
            "variant",
            &release.canary,
            upstream.variants.keys(),
        );
        check_default(found, &format!("{path}.default"), &release.default, upstream);
    }
}

fn check_default(found: &mut Found, path: &str, rule: &DefaultRule, upstream: &Upstream) {
    if rule.variant.is_some() == rule.split.is_some() {
        found.add(path, "expected exactly one of variant, split");
    }
    if let Some(variant) = &rule.variant {
        found.known(&format!("{path}.variant"), "variant", variant, upstream.variants.keys());
    }
    let path = format!("{path}.split");
    match &rule.split {
        None => {}
        Some(Split::Named(name)) if name == "scheduled" => {
            found.served(&format!("{path}.scheduled"), Some(NotServed))
        }
        Some(Split::Named(name)) => {
            found.add(
                &path,
                format!("expected weights by variant such as {{ canary: 20% }}, got {name:?}"),
            );
        }
        Some(Split::Weights(weights)) => {
            for name in weights.keys() {
                found.known(&format!("{path}.{name}"), "variant", name, upstream.variants.keys());
            }
            if weights.contains_key(STABLE) {
                found.add(
                    &format!("{path}.{STABLE}"),
                    "stable takes the rest; give the other variants' weights",
                );
            }
            let total: u64 = weights.values().map(|weight| u64::from(weight.ppm())).sum();
            if total > u64::from(BUCKETS) {
                let percent = total / 10_000;
                found.add(&path, format!("weights add up to {percent}%; at most 100%"));
            }
        }
    }
}
