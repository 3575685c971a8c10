//! Matches of routes and targets.
//!
//! Owns which hosts, paths, headers, queries, cookies and addresses are asked for.

use serde_json::{Value, json};

use super::{HEADERS, METHODS, PATHS, Seeded, VALUES};

/// Expressions on paths and on values, some of which match several.
const PATTERNS: [&str; 5] = ["/", "/user.*", "/[a-z]+", "/user/(deep|x)(/x)?", ".*//?b|/%2F"];
const EXPRESSIONS: [&str; 5] = ["[12]", "(?i)CANARY", "u[0-9]+|1", ".*", "s.+e"];

impl Seeded {
    pub(super) fn hostnames(&mut self) -> Value {
        let names = [
            "a.example.com",
            "b.example.com",
            "*.example.com",
            "*.b.example.com",
            "example.com",
            "a",
        ];
        (0..1 + self.below(2)).map(|_| self.pick(&names)).collect()
    }

    fn value(&mut self, names: &[&str]) -> Value {
        let name = self.pick(names);
        match self.below(4) {
            0 => {
                json!({ "name": name, "type": "RegularExpression", "value": self.pick(&EXPRESSIONS) })
            }
            1 => json!({ "name": name, "type": "Exact", "value": self.pick(&VALUES) }),
            _ => json!({ "name": name, "value": self.pick(&VALUES) }),
        }
    }

    /// Conditions of a route, or with cookies, hosts and addresses those of a target.
    pub(super) fn conditions(&mut self, of_target: bool) -> Value {
        let mut matched = json!({});
        if self.one_in(2) {
            let kind = self.pick(&["Exact", "PathPrefix", "PathPrefix", "RegularExpression"]);
            let values = if kind == "RegularExpression" { &PATTERNS[..] } else { &PATHS[..] };
            matched["path"] = json!({ "type": kind, "value": self.pick(values) });
        }
        if self.one_in(4) {
            matched["method"] = json!(self.pick(&METHODS));
        }
        if self.one_in(3) {
            let names = if self.one_in(3) { &HEADERS[..] } else { &HEADERS[..2] };
            matched["headers"] = json!([self.value(names)]);
        }
        if self.one_in(4) {
            matched["queryParams"] = json!([self.value(&["q", "user"])]);
        }
        if of_target && self.one_in(4) {
            matched["cookies"] = json!([self.value(&["qa", "uid"])]);
        }
        if of_target && self.one_in(4) {
            matched["hostnames"] = self.hostnames();
        }
        if of_target && self.one_in(4) {
            let ranges = [
                "10.0.0.0/8",
                "192.0.2.0/31",
                "192.0.2.77/25",
                "2001:db8::/33",
                "0.0.0.0/0",
                "::/0",
            ];
            matched["sourceRanges"] = (0..1 + self.below(2)).map(|_| self.pick(&ranges)).collect();
        }
        if of_target && matched == json!({}) {
            matched["method"] = json!("GET");
        }
        matched
    }
}
