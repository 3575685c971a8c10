//! Routes and their conditions.

use super::{
    Found,
    conditions::{Place, check_hostnames, check_path, check_values},
};
use crate::{
    limits::MATCHES_MAX,
    policy::{Bundle, Route},
};

pub(super) fn check_route(found: &mut Found, path: &str, route: &Route, bundle: &Bundle) {
    found.name(&format!("{path}.name"), &route.name);
    check_hostnames(found, &format!("{path}.hostnames"), &route.hostnames);
    if route.rules.is_empty() {
        found.empty(&format!("{path}.rules"), "expected at least one rule");
    }
    for (index, rule) in route.rules.iter().enumerate() {
        let path = format!("{path}.rules[{index}]");
        match (&rule.release, &rule.upstream) {
            (Some(release), None) => {
                let known = bundle.releases.keys();
                found.known(&format!("{path}.release"), ("release", "releases"), release, known);
            }
            (None, Some(upstream)) => {
                let known = bundle.upstreams.keys();
                found.known(
                    &format!("{path}.upstream"),
                    ("upstream", "upstreams"),
                    upstream,
                    known,
                );
            }
            (Some(_), Some(_)) | (None, None) => {
                let given = if rule.release.is_some() { 2 } else { 0 };
                found.one_of(&path, &["release", "upstream"], given);
            }
        }
        if rule.matches.len() > MATCHES_MAX {
            found.add(&format!("{path}.matches"), format!("expected at most {MATCHES_MAX}"));
        }
        for (index, matched) in rule.matches.iter().enumerate() {
            let path = format!("{path}.matches[{index}]");
            check_path(found, &format!("{path}.path"), matched.path.as_ref());
            check_values(found, &format!("{path}.headers"), &matched.headers, Place::Header);
            let queries = &matched.query_params;
            check_values(found, &format!("{path}.queryParams"), queries, Place::Query);
        }
    }
}
