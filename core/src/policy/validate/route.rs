//! Routes and their conditions.

use super::Found;
use crate::policy::{Bundle, PathMatch, Route, instance::is_name};

pub(super) fn check_route(found: &mut Found, path: &str, route: &Route, bundle: &Bundle) {
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
