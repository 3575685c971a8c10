//! Releases: units, overrides, audiences, splits.

use std::collections::BTreeMap;

use super::{
    Found, check_token,
    conditions::{Place, check_hostnames, check_path, check_ranges, check_values},
    expressions::check_expression,
    nested::check_nested,
};
use crate::{
    expr::Scope,
    http::{is_baggage_key, is_strippable},
    limits::{BUCKETS, NAME_BYTES_MAX, TARGETS_MAX, UNITS_MAX},
    policy::{
        Bundle, CANARY, CLIENT_IP, DEFAULT_SPLIT, DEVICE_ID, Diagnostic, OnNoHealthy, PercentText,
        Release, STABLE, Split, Stickiness, Target, TargetMatch, UnitMissing, Upstream,
    },
};

pub(super) fn check_release(
    found: &mut Found,
    path: &str,
    (name, release): (&str, &Release),
    bundle: &Bundle,
    scope: &mut Scope<'_>,
) {
    found.name(path, name);
    for (field, value) in [
        ("schedule", release.schedule),
        ("analysis", release.analysis),
        ("fuse", release.fuse),
        ("abort", release.abort),
        ("drain", release.drain),
        ("capacity", release.capacity),
    ] {
        found.served(&format!("{path}.{field}"), value);
    }
    if release.generation > 0 && release.stickiness != Stickiness::Pinned {
        let message = "counts pins, which only `stickiness: pinned` makes";
        found.add(&format!("{path}.generation"), message);
    }
    if release.unit_missing == UnitMissing::Mint && release.stickiness == Stickiness::None {
        let message =
            "\"mint\" makes a key for buckets; with `stickiness: none` no request has one";
        found.add(&format!("{path}.unitMissing"), message);
    }
    let expected = format!("expected 1 to {UNITS_MAX} attributes");
    match release.unit.len() {
        0 => found.empty(&format!("{path}.unit"), expected),
        1..=UNITS_MAX => {}
        _ => found.add(&format!("{path}.unit"), expected),
    }
    let (client_ip, device_id) = (CLIENT_IP.to_owned(), DEVICE_ID.to_owned());
    for (index, unit) in release.unit.iter().enumerate() {
        let path = format!("{path}.unit[{index}]");
        let attributes = bundle.attributes.keys().chain([&client_ip, &device_id]);
        found.known(&path, ("attribute", "attributes"), unit, attributes);
    }
    if let Some(salt) = &release.salt
        && !(1..=NAME_BYTES_MAX).contains(&salt.len())
    {
        found.add(&format!("{path}.salt"), format!("expected 1 to {NAME_BYTES_MAX} bytes"));
    }
    for (index, rule) in release.overrides.iter().enumerate() {
        let path = format!("{path}.overrides[{index}]");
        let header = format!("{path}.header");
        check_token(found, &header, &rule.header);
        if !is_strippable(&rule.header) {
            let message = "cannot choose a variant: it is stripped from what untrusted callers send, and their requests need it";
            found.add(&header, format!("{:?} {message}", rule.header));
        }
    }
    if let Some(propagate) = &release.propagate
        && !is_baggage_key(&propagate.baggage)
    {
        let key = &propagate.baggage;
        let expected = "expected a key of W3C Baggage: a token of at most 253 bytes, without '%' and '+', which libraries decode";
        found.add(&format!("{path}.propagate.baggage"), format!("{expected}; got {key:?}"));
    }
    let (named, known) = (&release.upstream, bundle.upstreams.keys());
    found.known(&format!("{path}.upstream"), ("upstream", "upstreams"), named, known);
    check_variants(found, path, release, &Variants::of(bundle, named), scope);
}

/// The variants of a release's upstream; of one that is not known, any name may be.
struct Variants<'a> {
    bundle: &'a Bundle,
    path: String,
    upstream: Option<&'a Upstream>,
}

impl<'a> Variants<'a> {
    fn of(bundle: &'a Bundle, upstream: &str) -> Self {
        let path = format!("upstreams.{upstream}.variants");
        Self { bundle, path, upstream: bundle.upstreams.get(upstream) }
    }

    fn check(&self, found: &mut Found, path: &str, name: &str) {
        let Some(upstream) = self.upstream else { return };
        found.known(path, ("variant", &self.path), name, upstream.variants.keys());
    }

    /// Checks the variant that weights move, in words about what is written: it need not be named.
    fn check_canary(&self, found: &mut Found, path: &str, release: &Release) {
        let Some(upstream) = self.upstream else { return };
        let (name, upstream_name) = (&release.canary, &release.upstream);
        if name != CANARY || upstream.variants.contains_key(name) {
            return self.check(found, &format!("{path}.canary"), name);
        }
        let others: Vec<&str> =
            upstream.variants.keys().map(String::as_str).filter(|name| *name != STABLE).collect();
        let message = match others.is_empty() {
            true => format!(
                "upstream {upstream_name:?} has no variant beside stable, and a release moves requests to another: add a \
                 variant canary, or have routes name the upstream and no release"
            ),
            false => format!(
                "upstream {upstream_name:?} has no variant canary, which is the one that weights move: name another by \
                 `canary:`, such as {}",
                others.join(", ")
            ),
        };
        let problem = Diagnostic::new(format!("{path}.upstream"), message);
        found.0.push(problem.for_lack_of(&self.path, &[CANARY]));
    }
}

fn check_variants(
    found: &mut Found,
    path: &str,
    release: &Release,
    variants: &Variants<'_>,
    scope: &mut Scope<'_>,
) {
    variants.check_canary(found, path, release);
    if release.canary == STABLE {
        let message = "weights move the canary against stable: name another variant";
        found.add(&format!("{path}.canary"), message);
    }
    for (variant, action) in &release.on_no_healthy {
        let path = format!("{path}.onNoHealthy.{variant}");
        variants.check(found, &path, variant);
        if variant == STABLE && *action != OnNoHealthy::Fail {
            found.add(&path, "stable has nothing to fall back to: expected \"fail\"");
        }
    }
    let default = &release.default;
    let choice = (default.variant.as_ref(), default.split.as_ref());
    check_choice(found, &format!("{path}.default"), choice, variants);
    check_targets(found, &format!("{path}.targets"), &release.targets, variants, scope);
}

fn check_targets(
    found: &mut Found,
    path: &str,
    targets: &[Target],
    variants: &Variants<'_>,
    scope: &mut Scope<'_>,
) {
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
        let kinds = [target.matched.is_some(), target.when.is_some(), target.nested.is_some()];
        let given = kinds.into_iter().filter(|is_there| *is_there).count();
        found.one_of(&at, &["match", "when", "nested"], given);
        if let Some(when) = &target.when {
            check_expression(found, &format!("{at}.when"), when, scope);
        }
        if let Some(matched) = &target.matched {
            check_target_match(found, &format!("{at}.match"), matched);
        }
        check_nested(found, &at, target, variants.bundle, &mut |found, path, cell| {
            let given = [cell.weight.is_some(), cell.variant.is_some(), cell.split.is_some()];
            let given = given.into_iter().filter(|is_there| *is_there).count();
            found.one_of(path, &["weight", "variant", "split"], given);
            if cell.weight.is_none() && given == 1 {
                check_choice(found, path, (cell.variant.as_ref(), cell.split.as_ref()), variants);
            }
        });
        if target.nested.is_none() {
            let choice = (target.variant.as_ref(), target.split.as_ref());
            check_choice(found, &at, choice, variants);
        }
    }
}

fn check_target_match(found: &mut Found, path: &str, matched: &TargetMatch) {
    if *matched == TargetMatch::default() {
        found.empty(path, "expected at least one condition; `default` is for everyone");
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
    variants: &Variants<'_>,
) {
    let given = usize::from(variant.is_some()) + usize::from(split.is_some());
    found.one_of(path, &["variant", "split"], given);
    if let Some(variant) = variant {
        variants.check(found, &format!("{path}.variant"), variant);
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
                variants.check(found, &format!("{path}.{name}"), name);
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
