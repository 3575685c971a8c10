//! Stage 2: which rule takes a request.
//!
//! Owns the order of precedence: it ranks every rule that matches.

use serde_json::Value;

use super::{list, matches::host_matches, seen::Seen, text};

/// Stage 2: of every rule that matches, the first in order of precedence.
pub(super) fn find_rule<'a>(bundle: &'a Value, seen: &Seen<'_>) -> Option<(&'a Value, &'a Value)> {
    let mut candidates = Vec::new();
    for route in list(&bundle["routes"]) {
        let hosts = list(&route["hostnames"]);
        // A rank per way the host fits: an exact name, a wildcard by its length, any host.
        let fits = hosts.iter().map(text).filter(|name| host_matches(name, &seen.host));
        let host = if hosts.is_empty() {
            Some((0, 0))
        } else {
            fits.map(|name| (if name.starts_with('*') { 1 } else { 2 }, name.len())).max()
        };
        let Some(host) = host else { continue };
        for (index, rule) in list(&route["rules"]).iter().enumerate() {
            let everything = [Value::Object(serde_json::Map::new())];
            let matches = list(&rule["matches"]);
            let matches = if matches.is_empty() { &everything[..] } else { matches };
            for (at, matched) in matches.iter().enumerate().filter(|(_, one)| seen.matches(one)) {
                let value = matched["path"]["value"].as_str().unwrap_or("/");
                let (kind, length) = match matched["path"]["type"].as_str() {
                    Some("Exact") => (2, value.len()),
                    Some("RegularExpression") => (0, 0),
                    _ => (1, value.trim_end_matches('/').len()),
                };
                let counts = (list(&matched["headers"]).len(), list(&matched["queryParams"]).len());
                let method = !matched["method"].is_null();
                // The larger wins, then the smaller name and place.
                let strength = (host, kind, length, method, counts);
                let order = (text(&route["name"]), index, at);
                candidates.push((std::cmp::Reverse(strength), order, route, rule));
            }
        }
    }
    candidates.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    candidates.first().map(|(_, _, route, rule)| (*route, *rule))
}
