//! Bundles that validate: attributes, segments, upstreams, and routes with their rules.
//!
//! Owns what requests are routed by; releases are [`super::releases`]'.

use serde_json::{Map, Value, json};

use super::Seeded;

impl Seeded {
    /// A bundle that validates.
    pub(crate) fn bundle(&mut self) -> Value {
        let addresses = json!({ "addresses": ["127.0.0.1:1"] });
        let variants = json!({ "stable": addresses, "canary": addresses, "beta": addresses });
        let releases: Map<String, Value> =
            ["r1", "r2"].iter().map(|name| ((*name).to_owned(), self.release())).collect();
        let routes: Vec<Value> = (0..1 + self.below(5)).map(|at| self.route(at)).collect();
        json!({
            "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
            "attributes": {
                "user.id": { "type": "string", "from": [
                    { "header": "x-user", "trusted": self.one_in(2) }, { "cookie": "uid", "signed": self.one_in(2) },
                    { "query": "user" }, { "jwt": "sub" } ] },
                "session": { "type": "string", "from": [{ "cookie": "sid", "signed": true }] },
                "user.age": { "type": "int", "alias": "age", "from": [{ "header": "x-age" }, { "query": "q" }] },
                "user.score": { "type": "double", "alias": "score", "from": [{ "header": "x-score", "trusted": true }] },
                "user.vip": { "type": "bool", "alias": "vip", "from": [{ "cookie": "qa" }, { "header": "x-vip" }] },
                "user.city": { "type": "string", "alias": "city", "from": [{ "header": "x-city" }, { "header": "x-a" }] },
                "user.level": self.tagged("level"),
                "user.rank": self.tagged("rank"),
                "geo.place": { "type": "string", "alias": "place", "from": [{ "geoip": "city", "lang": "zh-CN" }, { "geoip": "city" }] },
                "geo.province": { "type": "string", "from": [{ "geoip": "province", "lang": "zh-CN" }] },
                "geo.country": { "type": "string", "alias": "country", "from": [{ "geoip": "country" }, { "header": "x-a" }] },
                "geo.asn": { "type": "int", "alias": "asn", "from": [{ "geoip": "asn" }] },
                "geo.degrees": { "type": "double", "alias": "degrees", "from": [{ "geoip": "latitude" }] },
                "geo.cell": { "type": "string", "alias": "cell", "from": [{ "geohash": 4 }] },
                "geo.lat": { "type": "double", "from": [{ "header": "x-lat", "trusted": self.one_in(2) }] },
                "geo.lon": { "type": "double", "from": [{ "header": "x-lon" }, { "query": "q" }] },
                "device.os": { "type": "string", "alias": "os", "from": [{ "header": "x-os", "trusted": true }, { "device": "os" }] },
                "device.major": { "type": "int", "from": [{ "device": "osMajor" }] },
                "device.class": { "type": "string", "alias": "kind", "from": [{ "device": "class" }] },
                "device.browser": { "type": "string", "from": [{ "device": "browser", "trusted": self.one_in(3) }] },
                "device.brand": { "type": "string", "from": [{ "device": "brand" }], "default": "samsung" },
                "device.model": { "type": "string", "from": [{ "device": "model" }] },
                "token.level": { "type": "double", "from": [self.claim("realm.level")] },
                "token.tester": { "type": "bool", "alias": "tester", "from": [self.claim("realm.tester")] },
                "token.word": { "type": "string", "from": [{ "jwt": "a.b" }, { "query": "q" }] },
                "token.roles": { "type": "string", "from": [{ "jwt": "roles" }, { "jwt": "sub.x" }] },
                "first": { "type": "string", "from": [{ "pathSegment": 1 }, { "request": "method" }] },
            },
            "segments": {
                "some": { "when": self.when(1) }, "others": { "when": format!("!some() || {}", self.when(1)) },
                "staff": { "members": self.pick(&["staff", "beta"]) }, "gone": { "members": "gone" },
            },
            "upstreams": { "u": { "variants": variants }, "w": { "variants": variants } },
            "routes": routes, "releases": releases,
        })
    }

    /// A source that is a claim, of any issuer or of one.
    fn claim(&mut self, name: &str) -> Value {
        let mut source = json!({ "jwt": name });
        if self.one_in(2) {
            source["issuer"] = json!(self.pick(&["one", "two"]));
        }
        source
    }

    /// An attribute that comes from tags, alone or before another source, with a default or without.
    fn tagged(&mut self, tag: &str) -> Value {
        let kind = if tag == "rank" { "int" } else { "string" };
        let mut attribute = json!({ "type": kind, "alias": tag, "from": [{ "tags": tag }] });
        if self.one_in(3) {
            attribute["from"] = json!([{ "tags": tag, "trusted": true }, { "query": "q" }]);
        }
        if self.one_in(2) {
            attribute["default"] = if tag == "rank" { json!(self.below(4)) } else { json!("new") };
        }
        attribute
    }

    fn route(&mut self, at: usize) -> Value {
        let rules: Vec<Value> = (0..1 + self.below(3)).map(|_| self.rule()).collect();
        let name = format!("{}{at}", self.pick(&["m", "k", "z"]));
        let mut route = json!({ "name": name, "rules": rules });
        if !self.one_in(3) {
            route["hostnames"] = self.hostnames();
        }
        route
    }

    fn rule(&mut self) -> Value {
        let mut rule = match self.below(4) {
            0 => json!({ "upstream": self.pick(&["u", "w"]) }),
            _ => json!({ "release": self.pick(&["r1", "r2"]) }),
        };
        if !self.one_in(4) {
            rule["matches"] = (0..1 + self.below(2)).map(|_| self.conditions(false)).collect();
        }
        rule
    }
}
