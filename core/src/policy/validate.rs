//! Validation: every problem of a bundle at once, each with its path.
//!
//! Owns the meaning of names, weights and forms inside one bundle. Does not know other tenants
//! (a host name claimed twice is found when tables are compiled) and does not parse text.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    Attribute, Bundle, CLIENT_IP, DefaultRule, NotServed, PathMatch, Release, Requires, Route,
    STABLE, Split, Stickiness, UnitMissing, Upstream, instance::is_name,
};
use crate::{
    limits::{BUCKETS, UNITS_MAX},
    policy::Address,
};

/// One problem, with the place in the bundle it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The path in the bundle, such as `releases.user-v2.upstream`.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Returns every problem of `bundle`; none means that it compiles.
#[must_use]
pub fn validate(bundle: &Bundle) -> Vec<Diagnostic> {
    let mut found = Found(Vec::new());
    if bundle.api_version != "halftone/v1" {
        found.add("apiVersion", format!("expected \"halftone/v1\", got {:?}", bundle.api_version));
    }
    if bundle.kind != "Bundle" {
        found.add("kind", format!("expected \"Bundle\", got {:?}", bundle.kind));
    }
    found.name("metadata.tenant", &bundle.metadata.tenant);
    found.served("segments", bundle.segments);
    for (name, attribute) in &bundle.attributes {
        check_attribute(&mut found, &format!("attributes.{name}"), name, attribute);
    }
    for (name, upstream) in &bundle.upstreams {
        check_upstream(&mut found, &format!("upstreams.{name}"), name, upstream);
    }
    for (name, release) in &bundle.releases {
        check_release(&mut found, &format!("releases.{name}"), name, release, bundle);
    }
    let mut names = BTreeMap::new();
    for (index, route) in bundle.routes.iter().enumerate() {
        let path = format!("routes[{index}]");
        if let Some(first) = names.insert(&route.name, index) {
            found.add(
                &format!("{path}.name"),
                format!("{:?} is the name of routes[{first}] already", route.name),
            );
        }
        check_route(&mut found, &path, route, bundle);
    }
    found.0
}

struct Found(Vec<Diagnostic>);

impl Found {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Diagnostic { path: path.to_owned(), message: message.into() });
    }

    fn name(&mut self, path: &str, name: &str) {
        if !is_name(name) {
            self.add(path, format!("expected letters, digits, '.', '_' and '-', got {name:?}"));
        }
    }

    fn served(&mut self, path: &str, field: Option<NotServed>) {
        if field.is_some() {
            let field = path.rsplit('.').next().unwrap_or(path);
            self.add(path, format!("not supported in this build: {field}"));
        }
    }

    fn known<'a>(
        &mut self,
        path: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a String> + Clone,
    ) {
        if known.clone().any(|candidate| candidate == name) {
            return;
        }
        let near = known
            .map(|candidate| (strsim::damerau_levenshtein(candidate, name), candidate))
            .min()
            .filter(|(distance, _)| *distance <= 2.max(name.len() / 3));
        let hint =
            near.map(|(_, candidate)| format!("; did you mean {candidate:?}?")).unwrap_or_default();
        self.add(path, format!("unknown {what} {name:?}{hint}"));
    }
}

fn check_attribute(found: &mut Found, path: &str, name: &str, attribute: &Attribute) {
    found.name(path, name);
    if name == CLIENT_IP {
        found.add(path, "client.ip is always there and cannot be declared");
    }
    found.served(&format!("{path}.alias"), attribute.alias);
    if attribute.from.is_empty() {
        found.add(&format!("{path}.from"), "expected at least one source");
    }
    for (index, source) in attribute.from.iter().enumerate() {
        let path = format!("{path}.from[{index}]");
        for (field, value) in [
            ("jwt", source.jwt),
            ("tags", source.tags),
            ("geoip", source.geoip),
            ("device", source.device),
            ("signed", source.signed),
        ] {
            found.served(&format!("{path}.{field}"), value);
        }
        let other =
            [source.jwt, source.tags, source.geoip, source.device].iter().any(Option::is_some);
        let named = [&source.header, &source.cookie, &source.query]
            .iter()
            .filter(|place| place.is_some())
            .count();
        if named + usize::from(other) != 1 {
            found.add(&path, "expected exactly one of header, cookie, query");
        }
        if let Some(header) = &source.header {
            check_token(found, &format!("{path}.header"), header);
        }
        if let Some(cookie) = &source.cookie {
            check_token(found, &format!("{path}.cookie"), cookie);
        }
    }
}

/// Checks the `token` grammar of field and cookie names (RFC 9110 §5.6.2).
fn check_token(found: &mut Found, path: &str, text: &str) {
    let is_token = !text.is_empty()
        && text.len() <= 256
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_token {
        found.add(path, format!("expected a token (RFC 9110 5.6.2), got {text:?}"));
    }
}

fn check_upstream(found: &mut Found, path: &str, name: &str, upstream: &Upstream) {
    found.name(path, name);
    for (field, value) in [
        ("balance", upstream.balance),
        ("health", upstream.health),
        ("timeouts", upstream.timeouts),
        ("retry", upstream.retry),
    ] {
        found.served(&format!("{path}.{field}"), value);
    }
    if !upstream.variants.contains_key(STABLE) {
        found.add(&format!("{path}.variants"), "expected a variant named \"stable\"");
    }
    for (name, variant) in &upstream.variants {
        let path = format!("{path}.variants.{name}");
        found.name(&path, name);
        if variant.select.is_empty() == variant.addresses.is_empty() {
            found.add(&path, "expected exactly one of select, addresses");
        }
        for (index, address) in variant.addresses.iter().enumerate() {
            if Address::parse(address).is_none() {
                let expected = "expected \"ip:port\", \"name:port\" or \"unix:/path\"";
                found.add(
                    &format!("{path}.addresses[{index}]"),
                    format!("{expected}, got {address:?}"),
                );
            }
        }
    }
}

fn check_release(found: &mut Found, path: &str, name: &str, release: &Release, bundle: &Bundle) {
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

fn check_route(found: &mut Found, path: &str, route: &Route, bundle: &Bundle) {
    found.name(&format!("{path}.name"), &route.name);
    for (index, host) in route.hostnames.iter().enumerate() {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !is_name(name) || !lower {
            let expected = "expected a lower-case host name without port, or \"*.\" and one";
            found.add(&format!("{path}.hostnames[{index}]"), format!("{expected}, got {host:?}"));
        }
    }
    if route.rules.is_empty() {
        found.add(&format!("{path}.rules"), "expected at least one rule");
    }
    for (index, rule) in route.rules.iter().enumerate() {
        let path = format!("{path}.rules[{index}]");
        found.served(&format!("{path}.timeouts"), rule.timeouts);
        found.served(&format!("{path}.limits"), rule.limits);
        match (&rule.release, &rule.upstream) {
            (Some(release), None) => {
                found.known(&format!("{path}.release"), "release", release, bundle.releases.keys());
            }
            (None, Some(upstream)) => {
                found.known(
                    &format!("{path}.upstream"),
                    "upstream",
                    upstream,
                    bundle.upstreams.keys(),
                );
            }
            _ => found.add(&path, "expected exactly one of release, upstream"),
        }
        for (index, condition) in rule.matches.iter().enumerate() {
            let path = format!("{path}.matches[{index}]");
            found.served(&format!("{path}.method"), condition.method);
            found.served(&format!("{path}.headers"), condition.headers);
            found.served(&format!("{path}.queryParams"), condition.query_params);
            if let Some(condition) = &condition.path {
                check_path(found, &format!("{path}.path.value"), condition);
            }
        }
    }
}

fn check_path(found: &mut Found, path: &str, condition: &PathMatch) {
    let value = &condition.value;
    let normal = crate::http::normal_path(value.as_bytes());
    if !value.starts_with('/') || value.contains(['?', '#']) || value.len() > 4096 {
        found.add(
            path,
            format!("expected a path that starts with '/', without '?' or '#', got {value:?}"),
        );
    } else if normal.as_ref().is_none_or(|normal| normal.as_slice() != value.as_bytes()) {
        let normal =
            normal.as_ref().map(|normal| String::from_utf8_lossy(normal.as_slice()).into_owned());
        found.add(
            path,
            format!("requests are matched in normal form: write {:?}", normal.unwrap_or_default()),
        );
    }
}

#[cfg(test)]
mod tests;
