//! Bundles and requests to disagree about.
//!
//! Owns a small generator: few names, so that requests meet rules often. Everything comes from one
//! seed (splitmix64, Steele et al. 2014).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::evaluator::{
    AGENTS, MOBILES, PLATFORMS, Request,
    signatures::{Keys, token},
    tokens::TOKENS,
};

/// Numbers from a seed.
pub(crate) struct Seeded(pub(crate) u64);

const HOSTS: [&str; 6] =
    ["a.example.com", "b.example.com", "x.b.example.com", "example.com", "a", "localhost"];
const PATHS: [&str; 9] =
    ["/", "/user", "/user/", "/user/deep", "/a//b", "/a", "/%2F", "/users", "/user/deep/x"];
const HEADERS: [&str; 4] = ["x-a", "X-B", "X-Release-Group", "x-user"];
const VALUES: [&str; 5] = ["1", "2", "canary", "stable", "u7"];
/// Expressions on paths and on values, some of which match several.
const PATTERNS: [&str; 5] = ["/", "/user.*", "/[a-z]+", "/user/(deep|x)(/x)?", ".*//?b|/%2F"];
const EXPRESSIONS: [&str; 5] = ["[12]", "(?i)CANARY", "u[0-9]+|1", ".*", "s.+e"];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
/// Expressions that are true, false, or neither, and which others are put together of.
const QUESTIONS: [&str; 45] = [
    "token.level >= 2.5",
    "tester || token.level == 2.0",
    "has(token.word) && token.word == 'canary'",
    "!has(user.id) || has(token.roles)",
    "user.id in ['北京', '1'] && !tester",
    "os == 'android'",
    "device.major >= 14 && kind == 'phone'",
    "kind in ['phone', 'tablet'] || os == 'windows'",
    "has(device.model) && device.brand == 'samsung'",
    "device.browser == 'wechat' || device.browser.startsWith('goo')",
    "age > 18",
    "user.age <= 18",
    "-age + 20 == 1",
    "age / (age - 19) > 0",
    "score < 1.5",
    "score * 2.0 >= 1",
    "vip",
    "!vip",
    "city in ['北京', '上海']",
    "user.city == \"u7\"",
    "city.startsWith('can') && size(city) > 3",
    "city.matches('^u[0-9]$|北')",
    "first == 'user' ? vip : city != '1'",
    "request.method == 'GET'",
    "request.path.endsWith('/deep')",
    "request.host.contains('example')",
    "'x-a' in request.headers && request.headers['x-a'] == '1'",
    "request.query['q'] in ['1', 'canary']",
    "client.ip.inCidr('192.0.2.0/25')",
    "has(user.city) && has(user.age)",
    "level == 'vip'",
    "user.rank > 1 && level in ['vip', 'new']",
    "has(user.rank) || level != 'new'",
    "request.headers['baggage'].contains('canary')",
    "place in ['北京', '上海', 'Porto']",
    "geo.province == '广东' || country == 'PT'",
    "asn == 4134 && degrees > 25.0",
    "cell in ['wtw3', 'wx4g', 's000', 'zzzz']",
    "geohash.startsWith('wtw3')",
    "size(geohash) == 12 && !geohash.endsWith('0')",
    "geo.within(31.2, 121.5, 900.0)",
    "!geo.within(39.9, 116.4, 1500.0)",
    "geo.within(-90.0, 0.0, 12000.0)",
    "has(geo.place) && !has(geo.lat)",
    "geo.lat > 30.0 || geo.lon < 0.0",
];

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

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

    /// Tokens: mostly one, sometimes forged, of another scheme, or two.
    fn tokens(&mut self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for _ in 0..[0, 1, 1, 1, 1, 2][self.below(6)] {
            let token = &TOKENS[self.below(TOKENS.len())].text;
            let scheme = self.pick(&["Bearer", "Bearer", "Bearer", "Bearer", "Basic"]);
            let name = self.pick(&["Authorization", "authorization"]);
            fields.push((name.to_owned(), format!("{scheme} {token}")));
        }
        fields
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

    /// What is known of some of the users that requests name.
    fn tags(&mut self) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut known = BTreeMap::new();
        for id in ["u7", "1", "2", "x", "canary"] {
            let mut tags = BTreeMap::new();
            if self.one_in(2) {
                tags.insert("level".to_owned(), self.pick(&["vip", "new", "1", ""]).to_owned());
            }
            if self.one_in(2) {
                tags.insert("rank".to_owned(), self.pick(&["0", "2", "x", "-1"]).to_owned());
            }
            known.insert(id.to_owned(), tags);
        }
        known
    }

    /// Who of the users that requests name is on which list; one list is never there.
    fn lists(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut lists = BTreeMap::new();
        for list in ["staff", "beta"] {
            let ids = ["u7", "1", "2", "x", "canary"].into_iter().filter(|_| self.one_in(2));
            let ids = ids.map(str::to_owned).collect();
            if !self.one_in(4) {
                lists.insert(list.to_owned(), ids);
            }
        }
        lists
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

    fn hostnames(&mut self) -> Value {
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
    fn conditions(&mut self, of_target: bool) -> Value {
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

    fn release(&mut self) -> Value {
        let targets: Vec<Value> = (0..self.below(4))
            .map(|at| {
                let nested = self.one_in(4);
                let mut target = if nested { json!({}) } else { self.choice() };
                target["id"] = json!(format!("t{at}"));
                if nested {
                    let levels = [
                        "user.city",
                        "first",
                        "user.vip",
                        "user.id",
                        "user.age",
                        "user.level",
                        "geo.place",
                        "geo.cell",
                        "device.os",
                        "device.class",
                    ];
                    let depth = 1 + self.below(3);
                    target["nested"] = (0..depth).map(|_| self.pick(&levels)).collect();
                    target["table"] = self.cells(depth);
                } else if self.one_in(2) {
                    target["when"] = json!(self.when(2));
                } else {
                    target["match"] = self.conditions(true);
                }
                if self.one_in(3) {
                    target["expiresAt"] = self.moment();
                }
                target
            })
            .collect();
        let mut release = json!({ "upstream": self.pick(&["u", "w"]), "default": self.choice(), "targets": targets });
        if !self.one_in(4) {
            let requires = self.pick(&["trusted", "trusted", "signed", "any"]);
            release["overrides"] =
                json!([{ "header": self.pick(&HEADERS[1..3]), "requires": requires }]);
        }
        if !self.one_in(3) {
            release["unit"] =
                if self.one_in(2) { json!(["user.id"]) } else { json!(["user.id", "client.ip"]) };
        }
        if self.one_in(4) {
            release["unit"] =
                if self.one_in(2) { json!(["device.id"]) } else { json!(["device.id", "user.id"]) };
        }
        if self.one_in(3) {
            release["unit"] = json!(["session"]);
            release["unitMissing"] = json!("mint");
        }
        if self.one_in(2) {
            release["stickiness"] = json!("pinned");
            release["generation"] = json!(self.below(4) / 3);
        }
        if !self.one_in(3) {
            release["propagate"] = json!({ "baggage": self.pick(&["release.r", "Chain"]) });
        }
        if self.one_in(3) {
            release["salt"] = json!(self.pick(&["user-v2.1", "北京"]));
        }
        if self.one_in(8) {
            release["disabled"] = json!(true);
        }
        if self.one_in(6) {
            release["expiresAt"] = self.moment();
        }
        release
    }

    /// A table of so many levels.
    fn cells(&mut self, depth: usize) -> Value {
        if depth == 0 {
            return if self.one_in(2) {
                json!({ "weight": format!("{}%", self.below(100)) })
            } else {
                self.choice()
            };
        }
        let values = [
            "北京", "上海", "canary", "user", "a", "GET", "true", "u7", "19", "1", "wtw3", "Porto",
            "android", "phone", "ios", "*", "*",
        ];
        let rows: Map<String, Value> = (0..1 + self.below(3))
            .map(|_| (self.pick(&values).to_owned(), self.cells(depth - 1)))
            .collect();
        Value::Object(rows)
    }

    /// An expression.
    fn when(&mut self, depth: usize) -> String {
        if depth == 0 || self.one_in(3) {
            return format!("({})", self.pick(&QUESTIONS));
        }
        match self.below(if depth > 1 { 5 } else { 4 }) {
            0 => format!("({} && {})", self.when(depth - 1), self.when(depth - 1)),
            1 => format!("({} || {})", self.when(depth - 1), self.when(depth - 1)),
            2 => format!("!{}", self.when(depth - 1)),
            3 => format!("({0} ? {1} : {0})", self.when(depth - 1), self.when(depth - 1)),
            _ => {
                let segment = self.pick(&["some", "others", "staff", "staff", "gone"]);
                format!("({} && {segment}())", self.when(depth - 1))
            }
        }
    }

    fn moment(&mut self) -> Value {
        json!(format!("1970-01-01T00:00:{:02}Z", self.below(60)))
    }

    fn choice(&mut self) -> Value {
        match self.below(4) {
            0 => json!({ "variant": self.pick(&["stable", "canary", "beta"]) }),
            1 => json!({ "split": "scheduled" }),
            _ => {
                let canary = format!("{}.{}%", self.below(50), self.below(10));
                json!({ "split": { "canary": canary, "beta": format!("{}%", self.below(50)) } })
            }
        }
    }

    /// A request that meets the bundles above often.
    pub(crate) fn request(&mut self) -> Request {
        let port = self.pick(&["", ":8080", ""]);
        let mut host = format!("{}{}{port}", self.pick(&HOSTS), self.pick(&["", "", "."]));
        if self.one_in(4) {
            host = host.to_uppercase();
        }
        let tails = [
            "",
            "",
            "",
            "/",
            "/x/..",
            "/./deep",
            "/%2e%2E/user",
            "/%75",
            "//",
            "/..",
            "/.",
            "%2f",
            "/%zz",
            "/.x",
            "/...",
        ];
        let path = format!("{}{}", self.pick(&PATHS), self.pick(&tails));
        let queries = ["", "", "q=1", "q=2&q=1", "user=u7", "x&user=&q=canary", "qq=1&user=2", "q"];
        let mut headers: Vec<(String, String)> = (0..self.below(5)).map(|_| self.field()).collect();
        if !self.one_in(3) {
            let fields: Vec<_> = (0..1 + self.below(2)).map(|_| self.chained()).collect();
            headers.extend(fields);
        }
        let keys = self.keys();
        for _ in 0..self.below(5) {
            let (name, value) = self.signed(&keys);
            // A field that comes twice is joined, and no token then.
            if name != "cookie" && !self.one_in(4) {
                headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            }
            headers.push((name, value));
        }
        headers.extend(self.client());
        headers.extend(self.tokens());
        let addresses = [
            "192.0.2.1",
            "192.0.2.77",
            "10.1.2.3",
            "2001:db8::1",
            "2001:db8:8000::1",
            "",
            "203.0.113.9",
            "198.51.100.7",
            "198.51.100.77",
            "198.51.100.140",
            "2001:db8:1::9",
        ];
        Request {
            method: self.pick(&METHODS).to_owned(),
            host,
            path,
            query: self.pick(&queries).to_owned(),
            headers,
            client_ip: self.pick(&addresses).to_owned(),
            trusted: self.one_in(2),
            now_unix_s: self.next() % 70,
            tags: self.tags(),
            lists: self.lists(),
            scheme: self.pick_static(&["http", "https"]),
            keys,
            fresh: format!("fresh-{:016x}", self.next()),
        }
    }

    fn pick_static(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }

    /// None, one, or two keys of few ids.
    fn keys(&mut self) -> Keys {
        let key = |(id, byte): (&str, u8)| (id.to_owned(), vec![byte; 32]);
        let keys = [("k1", 1), ("k2", 2), ("k3", 1)].map(key);
        match self.below(8) {
            0 => Keys::new(),
            1 => vec![keys[1].clone(), keys[0].clone()],
            2 => vec![keys[2].clone()],
            _ => vec![keys[0].clone()],
        }
    }

    /// A field with a token, mostly a good one.
    fn signed(&mut self, keys: &Keys) -> (String, String) {
        let other = ("k1".to_owned(), vec![9; 32]);
        let key = match keys.get(self.below(2)) {
            Some(key) if !self.one_in(6) => key.clone(),
            _ => other,
        };
        let expires = if self.one_in(2) { 0 } else { self.next() % 100 };
        let release = self.pick(&["r1", "r2"]);
        let generation = self.below(4) / 3;
        let variant = self.pick(&["stable", "canary", "canary", "beta", "gone"]);
        let (name, kind, scope, value) = match self.below(8) {
            0 | 1 => (
                self.pick(&HEADERS[1..3]).to_owned(),
                "override",
                format!("t/{release}"),
                variant.to_owned(),
            ),
            2..5 => {
                let name = format!("__Host-halftone-pin-{release}");
                (name, "pin", format!("t/{release}"), format!("{generation}~{variant}"))
            }
            5 if self.one_in(2) => {
                let id =
                    ["0123456789abcdefghij-_", "0123456789abcdefghij", "0123456789abcdefghijk:"];
                let name = "__Host-halftone-device";
                let rest = self.pick(&["~5~sketch", "~", "", "x~"]);
                let value = format!("{}{rest}", self.pick(&id));
                (name.to_owned(), "cookie", format!("t/{name}"), value)
            }
            5 => {
                let unit = self.pick(&["u7", "0123456789abcdefghijkl"]);
                let name = "__Host-halftone-unit";
                (name.to_owned(), "cookie", format!("t/{name}"), unit.to_owned())
            }
            _ => {
                let name = self.pick(&["uid", "sid"]);
                (name.to_owned(), "cookie", format!("t/{name}"), self.pick(&VALUES).to_owned())
            }
        };
        let mut token = token(&key, (kind, &scope), &value, expires);
        if self.one_in(8) {
            let at = self.below(token.len());
            token.replace_range(at..=at, "0");
        }
        match kind {
            "override" => (name, token),
            _ => ("cookie".to_owned(), format!("{name}={token}")),
        }
    }

    /// A field that tells of a chain.
    fn chained(&mut self) -> (String, String) {
        if self.one_in(3) {
            let traces = [
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "",
            ];
            let name = self.pick(&["traceparent", "Traceparent"]);
            return (name.to_owned(), self.pick(&traces).to_owned());
        }
        let member = |own: &mut Self| {
            let key = own.pick(&[
                "release.r",
                "release.r",
                "Chain",
                "Chain",
                "chain",
                "%72elease.r",
                "%2572elease.r",
                "+Chain",
                "a",
                "%",
                "release.rr",
            ]);
            let value = own.pick(&[
                "=canary",
                "=beta",
                " = stable",
                "=c%61nary",
                "=c%6",
                "=gone;p=1",
                "=gone",
                "=canary ;q",
                "=",
                "",
                "==",
            ]);
            format!("{key}{value}")
        };
        let members: Vec<String> = (0..1 + self.below(3)).map(|_| member(self)).collect();
        (self.pick(&["baggage", "Baggage"]).to_owned(), members.join(self.pick(&[",", " , "])))
    }

    /// What the client says it is.
    fn client(&mut self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        if !self.one_in(4) {
            fields.push(("User-Agent", AGENTS[self.below(AGENTS.len())].0));
        }
        if self.one_in(4) {
            fields.push(("Sec-CH-UA-Platform", self.pick(&PLATFORMS)));
        }
        if self.one_in(4) {
            fields.push(("sec-ch-ua-mobile", self.pick(&MOBILES)));
        }
        if self.one_in(8) {
            fields.push(("X-Os", self.pick(&["android", "ios"])));
        }
        fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn field(&mut self) -> (String, String) {
        if self.one_in(3) {
            let cookies = [
                "uid=u7",
                "qa=1; uid=\"u7\"",
                " uid = x;uid=2",
                "qa=2;qa=1",
                "uid",
                "uid=;qa=canary",
                "qa=true",
                "uid=u7; qa=false",
                "xuid=1",
            ];
            return (self.pick(&["cookie", "Cookie"]).to_owned(), self.pick(&cookies).to_owned());
        }
        if self.one_in(4) {
            let fields = [
                ("x-age", ["19", "18", "x", "-3"]),
                ("X-Score", ["1.5", "0.25", "nan", "7"]),
                ("x-vip", ["true", "false", "1", "true"]),
                ("x-city", ["北京", "上海", "canary", ""]),
                ("x-lat", ["31.2304", "-33.9", "90.5", "nan"]),
                ("X-Lon", ["121.4737", "18.4", "180", "east"]),
                ("x-lat", ["39.9042", "0", "90", "-90"]),
                ("x-lon", ["116.4074", "0", "-180", "180"]),
            ];
            let (name, values) = fields[self.below(fields.len())];
            return (name.to_owned(), self.pick(&values).to_owned());
        }
        let name = self.pick(&HEADERS);
        let name = if self.one_in(2) { name.to_uppercase() } else { name.to_owned() };
        let value = if self.one_in(4) {
            format!("user-{}", self.below(1000))
        } else {
            self.pick(&VALUES).to_owned()
        };
        (name, value)
    }
}
