//! The bundle that stands in while nobody has written one (POLICY "No bundle at all still works").
//!
//! Owns the translation of registered services into routes, upstreams and releases. A worker never
//! learns that a bundle was implicit: there is no second way to decide.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Bundle, DefaultRule, GROUP, HeaderOverride, IMPLICIT_OVERRIDES, IMPLICIT_TENANT, Instance,
    Label, Match, Metadata, PathMatch, PathType, Release, Requires, Route, Rule, STABLE,
    Stickiness, UnitMissing, Upstream, Variant,
};

/// The upstream behind whatever belongs to no service; no service can have this name.
const FALLBACK: &str = "(upstream)";

/// Returns the implicit bundle for `instances`, with `upstream` (the address of `--upstream`) as
/// stable wherever no stable instance is registered.
///
/// One service takes every request; with several, `Host: <service>` or `/<service>/…` chooses, and
/// the rest goes to `upstream`. What has neither is routed all the same, so that it is answered 503
/// (nothing to send it to), not 404.
#[must_use]
pub fn implicit_bundle(instances: &[Instance], upstream: Option<&str>) -> Bundle {
    let mut groups: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for instance in instances {
        groups.entry(&instance.service).or_default().insert(instance.group());
    }
    let fixed: Vec<String> = upstream.map(str::to_owned).into_iter().collect();
    let mut upstreams: BTreeMap<String, Upstream> = groups
        .iter()
        .map(|(service, groups)| ((*service).to_owned(), variants(service, groups, &fixed)))
        .collect();
    let release = |service: &&str| ((*service).to_owned(), Arc::new(release(service)));
    let releases = groups.keys().map(release).collect();
    let services: Vec<&str> = groups.keys().copied().collect();
    if services.len() != 1 {
        upstreams.insert(FALLBACK.to_owned(), plain(&fixed));
    }
    Bundle {
        api_version: "halftone/v1".to_owned(),
        kind: "Bundle".to_owned(),
        metadata: Metadata { tenant: IMPLICIT_TENANT.to_owned() },
        attributes: BTreeMap::new(),
        segments: BTreeMap::new(),
        upstreams,
        routes: routes(&services).into_iter().map(Arc::new).collect(),
        releases,
    }
}

fn variants(service: &str, groups: &BTreeSet<String>, fixed: &[String]) -> Upstream {
    let select = |group: &str| {
        BTreeMap::from([
            ("service".to_owned(), Label::Text(service.to_owned())),
            (GROUP.to_owned(), Label::Text(group.to_owned())),
        ])
    };
    let mut variants: BTreeMap<String, Variant> = groups
        .iter()
        .map(|group| (group.clone(), Variant { select: select(group), addresses: Vec::new() }))
        .collect();
    variants
        .insert(STABLE.to_owned(), Variant { select: select(STABLE), addresses: fixed.to_vec() });
    Upstream { variants, balance: None, health: None, timeouts: None, retry: None }
}

fn plain(fixed: &[String]) -> Upstream {
    let stable = Variant { select: BTreeMap::new(), addresses: fixed.to_vec() };
    let variants = BTreeMap::from([(STABLE.to_owned(), stable)]);
    Upstream { variants, balance: None, health: None, timeouts: None, retry: None }
}

fn release(service: &str) -> Release {
    let overrides = IMPLICIT_OVERRIDES
        .iter()
        .map(|header| HeaderOverride { header: (*header).to_owned(), requires: Requires::Trusted })
        .collect();
    Release {
        upstream: service.to_owned(),
        canary: "canary".to_owned(),
        unit: vec![super::CLIENT_IP.to_owned()],
        unit_missing: UnitMissing::Stable,
        salt: None,
        stickiness: Stickiness::Hash,
        generation: 0,
        overrides,
        targets: Vec::new(),
        default: DefaultRule { variant: Some(STABLE.to_owned()), split: None },
        schedule: None,
        analysis: None,
        fuse: None,
        on_no_healthy: BTreeMap::new(),
        abort: None,
        drain: None,
        propagate: None,
        capacity: None,
        expires_at: None,
        disabled: false,
    }
}

fn routes(services: &[&str]) -> Vec<Route> {
    let everything = |action: Rule| Route {
        name: "default".to_owned(),
        hostnames: Vec::new(),
        rules: vec![action],
    };
    match services {
        [] => vec![everything(to_upstream())],
        [only] => vec![everything(to_release(only, Vec::new()))],
        many => many
            .iter()
            .flat_map(|service| {
                let prefix = PathMatch { kind: PathType::PathPrefix, value: format!("/{service}") };
                let by_path =
                    to_release(service, vec![Match { path: Some(prefix), ..Match::default() }]);
                let by_host = to_release(service, Vec::new());
                let name = (*service).to_owned();
                [
                    Route {
                        name: name.clone(),
                        hostnames: vec![name.to_ascii_lowercase()],
                        rules: vec![by_host],
                    },
                    Route { name, hostnames: Vec::new(), rules: vec![by_path] },
                ]
            })
            .chain([everything(to_upstream())])
            .collect(),
    }
}

fn to_release(service: &str, matches: Vec<Match>) -> Rule {
    Rule {
        matches,
        release: Some(service.to_owned()),
        upstream: None,
        timeouts: None,
        limits: None,
    }
}

fn to_upstream() -> Rule {
    Rule {
        matches: Vec::new(),
        release: None,
        upstream: Some(FALLBACK.to_owned()),
        timeouts: None,
        limits: None,
    }
}
