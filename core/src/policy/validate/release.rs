//! Releases: units, overrides, audiences, splits.

use std::collections::BTreeMap;

use super::{
    Found, check_token,
    conditions::{Place, check_hostnames, check_path, check_ranges, check_values},
};
use crate::{
    limits::{BUCKETS, NAME_BYTES_MAX, TARGETS_MAX, UNITS_MAX},
    policy::{
        Bundle, CLIENT_IP, DEFAULT_SPLIT, NotServed, OnNoHealthy, PercentText, Release, Requires,
        STABLE, Split, Stickiness, Target, TargetMatch, UnitMissing, Upstream,
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
        ("schedule", release.schedule),
        ("analysis", release.analysis),
        ("fuse", release.fuse),
        ("abort", release.abort),
        ("drain", release.drain),
        ("propagate", release.propagate),
        ("capacity", release.capacity),
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
    if let Some(salt) = &release.salt
        && !(1..=NAME_BYTES_MAX).contains(&salt.len())
    {
        found.add(&format!("{path}.salt"), format!("expected 1 to {NAME_BYTES_MAX} bytes"));
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
        if release.canary == STABLE {
            let message = "weights move the canary against stable: name another variant";
            found.add(&format!("{path}.canary"), message);
        }
        for (variant, action) in &release.on_no_healthy {
            let path = format!("{path}.onNoHealthy.{variant}");
            found.known(&path, "variant", variant, upstream.variants.keys());
            if variant == STABLE && *action != OnNoHealthy::Fail {
                found.add(&path, "stable has nothing to fall back to: expected \"fail\"");
            }
        }
        let default = &release.default;
        let choice = (default.variant.as_ref(), default.split.as_ref());
        check_choice(found, &format!("{path}.default"), choice, upstream);
        check_targets(found, &format!("{path}.targets"), &release.targets, upstream);
    }
}

fn check_targets(found: &mut Found, path: &str, targets: &[Target], upstream: &Upstream) {
    if targets.len() > TARGETS_MAX {
        found.add(path, format!("expected at most {TARGETS_MAX} targets"));
    }
    let mut ids = BTreeMap::new();
    for (index, target) in targets.iter().enumerate() {
        let at = format!("{path}[{index}]");
        found.name(&format!("{at}.id"), &target.id);
        if target.id == DEFAULT_SPLIT {
            found.add(&format!("{at}.id"), "\"default\" is the split of everyone else");
        }
        if let Some(first) = ids.insert(&target.id, index) {
            let message = format!("{:?} is the id of targets[{first}] already", target.id);
            found.add(&format!("{at}.id"), message);
        }
        let fields = [("when", target.when), ("nested", target.nested), ("table", target.table)];
        for (field, value) in fields {
            found.served(&format!("{at}.{field}"), value);
        }
        let kinds = [target.matched.is_some(), target.when.is_some(), target.nested.is_some()];
        if kinds.into_iter().filter(|is_there| *is_there).count() != 1 {
            found.add(&at, "expected exactly one of match, when, nested");
        }
        if let Some(matched) = &target.matched {
            check_target_match(found, &format!("{at}.match"), matched);
        }
        if target.nested.is_none() {
            let choice = (target.variant.as_ref(), target.split.as_ref());
            check_choice(found, &at, choice, upstream);
        }
    }
}

fn check_target_match(found: &mut Found, path: &str, matched: &TargetMatch) {
    if *matched == TargetMatch::default() {
        found.add(path, "expected at least one condition; `default` is for everyone");
    }
    check_path(found, &format!("{path}.path"), matched.path.as_ref());
    check_hostnames(found, &format!("{path}.hostnames"), &matched.hostnames);
    check_values(found, &format!("{path}.headers"), &matched.headers, Place::Header);
    check_values(found, &format!("{path}.queryParams"), &matched.query_params, Place::Query);
    check_values(found, &format!("{path}.cookies"), &matched.cookies, Place::Cookie);
    check_ranges(found, &format!("{path}.sourceRanges"), &matched.source_ranges);
}

/// Checks where an audience goes: a variant, or a split.
fn check_choice(
    found: &mut Found,
    path: &str,
    (variant, split): (Option<&String>, Option<&Split>),
    upstream: &Upstream,
) {
    if variant.is_some() == split.is_some() {
        found.add(path, "expected exactly one of variant, split");
    }
    if let Some(variant) = variant {
        found.known(&format!("{path}.variant"), "variant", variant, upstream.variants.keys());
    }
    let path = format!("{path}.split");
    match split {
        None => {}
        Some(Split::Named(name)) if name == "scheduled" => {}
        Some(Split::Named(name)) => {
            found.add(
                &path,
                format!("expected `scheduled`, or weights by variant such as {{ canary: 20% }}, got {name:?}"),
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
                found.add(&path, format!("weights add up to {}; at most 100%", PercentText(total)));
            }
        }
    }
}
