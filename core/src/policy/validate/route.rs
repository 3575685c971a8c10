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
        found.add(&format!("{path}.rules"), "expected at least one rule");
    }
    for (index, rule) in route.rules.iter().enumerate() {
        let path = format!("{path}.rules[{index}]");
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
