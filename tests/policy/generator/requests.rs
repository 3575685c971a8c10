//! Requests that meet the bundles often.
//!
//! Owns their lines, fields and addresses, and what is known of users beside them. Signed values are [`super::signed`]'s.

use std::collections::BTreeMap;

use super::{HEADERS, HOSTS, METHODS, PATHS, Seeded, VALUES};
use crate::evaluator::{AGENTS, MOBILES, PLATFORMS, Request, tokens::TOKENS};

impl Seeded {
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
