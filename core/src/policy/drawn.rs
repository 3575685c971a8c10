//! Bundles drawn from a seed, and changes of them: what is worked out anew after a change is held against the whole.
//!
//! Owns the drawing only; most bundles are good, some are not. Invariant: equal seeds draw equal bundles.

use serde_json::{Value, json};

use super::Bundle;

/// A source of choices.
pub(crate) struct Chance(u64);

impl Chance {
    /// Starts with a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 20).unwrap_or(0) % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// Draws a bundle of `tenant`, as JSON.
    pub(crate) fn bundle(&mut self, tenant: &str) -> Value {
        let mut bundle = json!({
            "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": tenant },
            "attributes": {
                "user.age": { "type": "int", "from": [{ "header": "x-age", "trusted": true }], "alias": "age" },
                "user.id": { "type": "string", "from": [{ "header": "x-id", "trusted": true }] },
                "user.level": { "type": "string", "from": [{ "header": "X-Level" }] },
            },
            "segments": {}, "upstreams": {}, "releases": {}, "routes": [],
        });
        for name in ["web", "api"] {
            bundle["upstreams"][name] = json!({ "variants": {
                "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } });
        }
        for at in 0..3 {
            bundle["segments"][format!("s{at}")] = self.segment(at);
        }
        for at in 0..4 {
            bundle["releases"][format!("r{at}")] = self.release();
        }
        for at in 0..8 {
            let route = self.route(tenant, at);
            bundle["routes"].as_array_mut().expect("a list").push(route);
        }
        bundle
    }

    /// A segment names lower ones only, but for once in a while.
    fn segment(&mut self, at: usize) -> Value {
        let number = self.below(90);
        if at > 0 && self.below(6) == 0 {
            return json!({ "members": format!("list{}", number % 3) });
        }
        let when = match (at, self.below(5)) {
            (1.., 0 | 1) => format!("s{}() && age > {number}", at - 1),
            (_, 2) => format!("age > {number} || user.level in ['a', 'b', 'c'] && age < {number}"),
            _ => format!("age > {number}"),
        };
        json!({ "when": when })
    }

    fn when(&mut self) -> String {
        let number = self.below(90);
        match self.below(9) {
            0 | 1 => "s1() && user.level == 'vip'".to_owned(),
            2 => format!("segment('s2') || age == {number}"),
            3 => format!("user.level.matches('^v{}')", self.below(3)),
            _ => format!("age > {number} && user.level != 'l{number}'"),
        }
    }

    fn release(&mut self) -> Value {
        let mut targets = Vec::new();
        for at in 0..self.below(3) {
            let split = json!({ "canary": format!("{}%", self.below(40)) });
            let split = if self.below(3) == 0 { json!("scheduled") } else { split };
            targets.push(match self.below(6) {
                0 => json!({ "id": format!("t{at}"), "match": { "headers": [{ "name": "X-Qa", "value": "1" }] }, "variant": "canary" }),
                _ => json!({ "id": format!("t{at}"), "when": self.when(), "split": split }),
            });
        }
        let mut release = json!({
            "upstream": self.of(&["web", "api"]), "targets": targets,
            "default": { "split": { "canary": format!("{}%", self.below(50)) } },
        });
        if self.below(4) == 0 {
            release["unit"] = json!(["device.id", "client.ip"]);
        }
        match self.below(6) {
            0 => {
                release["overrides"] =
                    json!([{ "header": "X-Group", "requires": self.of(&["trusted", "any"]) }]);
            }
            1 => release["propagate"] = json!({ "baggage": "Release.shop" }),
            _ => {}
        }
        release
    }

    fn route(&mut self, tenant: &str, at: usize) -> Value {
        let rules: Vec<Value> = (0..1 + self.below(2)).map(|_| self.rule()).collect();
        let mut route = json!({ "name": format!("n{at}"), "rules": rules });
        if self.below(12) > 0 {
            let host = |number: usize| format!("h{number}.{tenant}.example");
            let hosts = match self.below(4) {
                0 => vec![format!("*.{tenant}.example"), host(self.below(3))],
                1 => vec![host(self.below(4)), host(4 + self.below(2))],
                _ => vec![host(self.below(4))],
            };
            route["hostnames"] = json!(hosts);
        } else {
            route["hostnames"] = json!([format!("h{}.{tenant}.example", self.below(9))]);
        }
        route
    }

    fn rule(&mut self) -> Value {
        let mut matched = json!({});
        let number = self.below(5);
        match self.below(12) {
            0 => {
                matched["path"] =
                    json!({ "type": "RegularExpression", "value": format!("/x{number}.*") })
            }
            1 | 2 => matched["path"] = json!({ "type": "Exact", "value": format!("/e{number}") }),
            3 => {}
            _ => {
                let path = "/p".repeat(1 + self.below(4));
                matched["path"] =
                    json!({ "type": "PathPrefix", "value": format!("{path}{number}") });
            }
        }
        if self.below(4) == 0 {
            matched["method"] = json!("GET");
        }
        if self.below(4) == 0 {
            matched["headers"] = json!([{ "name": "X-A", "value": "1" }]);
        }
        let mut rule = json!({ "matches": [matched] });
        match self.below(3) {
            0 => rule["upstream"] = json!(self.of(&["web", "api"])),
            _ => rule["release"] = json!(format!("r{}", self.below(4))),
        }
        rule
    }

    /// Changes something of a bundle, also in ways that make it bad.
    pub(crate) fn change(&mut self, tenant: &str, bundle: &mut Value) {
        let name = self.below(5);
        let (release, segment) = (format!("r{name}"), format!("s{}", self.below(4)));
        match self.below(16) {
            0..=4 => self.change_routes(tenant, bundle),
            5..=8 => bundle["releases"][release] = self.release(),
            9 => drop(bundle["releases"].as_object_mut().expect("a map").remove(&release)),
            10..=12 => {
                let at = self.below(4);
                bundle["segments"][format!("s{at}")] = self.segment(at);
            }
            13 => drop(bundle["segments"].as_object_mut().expect("a map").remove(&segment)),
            14 => bundle["attributes"]["user.age"]["type"] = json!(self.of(&["int", "string"])),
            _ => {
                let upstream = self.of(&["web", "api"]);
                let port = self.below(9) + 1;
                bundle["upstreams"][upstream]["variants"][self.of(&["canary", "beta"])] =
                    json!({ "addresses": [format!("127.0.0.1:{port}")] });
            }
        }
    }

    fn change_routes(&mut self, tenant: &str, bundle: &mut Value) {
        let at = self.below(10);
        let route = self.route(tenant, at);
        let (place, other) = (self.below(64), self.below(64));
        let what = self.below(6);
        let routes = bundle["routes"].as_array_mut().expect("a list");
        let (len, known) =
            (routes.len(), routes.iter().position(|one| one["name"] == route["name"]));
        match (what, known) {
            (0, _) if len > 0 => drop(routes.remove(place % len)),
            (1, _) if len > 0 => routes.swap(place % len, other % len),
            (2, _) if len > 0 => routes[place % len]["name"] = json!(format!("n{other}")),
            (3, _) => routes.insert(place % (len + 1), route),
            (_, Some(known)) => routes[known] = route,
            (_, None) => routes.push(route),
        }
    }
}

/// Reads what was drawn.
pub(crate) fn read(value: &Value) -> Bundle {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}
