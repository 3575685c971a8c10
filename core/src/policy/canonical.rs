//! The canonical form of a bundle, and its digest.
//!
//! Owns the one text that two bundles share exactly when they ask for the same thing: JSON with
//! sorted keys, defaults written out, comments and spelling gone.
//!
//! Invariants: the canonical form reads back as a bundle that is served alike; its canonical form is
//! itself; what cannot be told apart when served is not told apart here: salts, what happens without
//! a healthy instance, the case of header names, labels by their text.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Bundle, Label, OnNoHealthy, Release, STABLE, Upstream, ValueMatch};

/// Returns the digest that names `bundle`: `sha256:` and 64 hexadecimal digits of its canonical form.
#[must_use]
pub fn digest(bundle: &Bundle) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(canonical_text(bundle).as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Returns the canonical form of a validated bundle, as it is stored and shown.
#[must_use]
pub fn canonical_text(bundle: &Bundle) -> String {
    let mut bundle = bundle.clone();
    for upstream in bundle.upstreams.values_mut() {
        write_out_upstream(upstream);
    }
    for attribute in bundle.attributes.values_mut() {
        attribute.default.iter_mut().for_each(|label| *label = Label::Text(label.to_string()));
    }
    for source in bundle.attributes.values_mut().flat_map(|attribute| &mut attribute.from) {
        source.header.iter_mut().for_each(|name| name.make_ascii_lowercase());
    }
    for rule in bundle.routes.iter_mut().flat_map(|route| &mut route.rules) {
        // Nothing in it is nothing.
        rule.timeouts = rule.timeouts.filter(|timeouts| *timeouts != Default::default());
        rule.limits = rule.limits.filter(|limits| *limits != Default::default());
        rule.matches.iter_mut().for_each(|matched| lower_case(&mut matched.headers));
    }
    let upstreams = &bundle.upstreams;
    for (name, release) in &mut bundle.releases {
        write_out_release(name, release, upstreams.get(&release.upstream));
    }
    // A value tree sorts keys; its types (text, numbers, maps with text keys) cannot fail to serialise.
    serde_json::to_value(&bundle).map(|value| value.to_string()).unwrap_or_default()
}

fn write_out_upstream(upstream: &mut Upstream) {
    upstream.timeouts = upstream.timeouts.filter(|timeouts| *timeouts != Default::default());
    for variant in upstream.variants.values_mut() {
        for label in variant.select.values_mut() {
            *label = Label::Text(label.to_string());
        }
    }
}

fn write_out_release(name: &str, release: &mut Release, upstream: Option<&Upstream>) {
    release.salt.get_or_insert_with(|| name.to_owned());
    for variant in upstream.into_iter().flat_map(|upstream| upstream.variants.keys()) {
        let default =
            if variant == STABLE { OnNoHealthy::Fail } else { OnNoHealthy::FallbackStable };
        release.on_no_healthy.entry(variant.clone()).or_insert(default);
    }
    for rule in &mut release.overrides {
        rule.header.make_ascii_lowercase();
    }
    for matched in release.targets.iter_mut().filter_map(|target| target.matched.as_mut()) {
        lower_case(&mut matched.headers);
    }
}

fn lower_case(headers: &mut [ValueMatch]) {
    for matched in headers {
        matched.name.make_ascii_lowercase();
    }
}

#[cfg(test)]
mod tests;
