//! The bundle: as many routes, hosts, targets and segments as asked for, and one line of it at a time.
//!
//! Owns its text. Invariant: equal options make equal bundles.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::{ChangeKind, ScaleOptions};

/// Cities that expressions name.
const CITIES: [&str; 6] = ["北京", "上海", "广州", "深圳", "成都", "杭州"];
/// Upstreams that releases choose from.
const UPSTREAMS: u32 = 100;

/// A bundle that is changed line by line.
pub(super) struct Bundle {
    /// By place: the JSON of a route.
    routes: Vec<String>,
    /// Everything else, up to where routes begin.
    head: String,
    hosts: u32,
    releases: u32,
    targets: u32,
    segments: u32,
    /// How often anything was changed: what is written is new each time.
    changes: u32,
}

impl Bundle {
    /// Makes the bundle that `options` ask for, whose instances are at `backend`.
    pub(super) fn new(options: &ScaleOptions, backend: SocketAddr) -> Self {
        let (hosts, releases) = (options.hosts, options.releases);
        let mut bundle = Self {
            routes: Vec::new(),
            head: String::new(),
            hosts,
            releases,
            targets: options.targets,
            segments: options.segments,
            changes: 0,
        };
        bundle.routes = (0..options.routes).map(|at| bundle.route(at)).collect();
        bundle.head = bundle.head(backend);
        bundle
    }

    /// Returns the whole text.
    pub(super) fn text(&self) -> String {
        let mut text = self.head.clone();
        for route in &self.routes {
            text.push_str(route);
            text.push_str(",\n");
        }
        // What the load asks for.
        text.push_str(r#"{"name":"everything","rules":[{"upstream":"u0"}]}]}"#);
        text
    }

    /// Changes one line; returns the path and the body of the call that says so.
    pub(super) fn change(&mut self, kind: ChangeKind, number: u32) -> (String, String) {
        self.changes += 1;
        let path = "/v1/tenants/bench/bundle";
        // A large step, so that changes lie all over the bundle.
        let one_of = |count: usize| (number as usize).wrapping_mul(7919) % count.max(1);
        match kind {
            ChangeKind::Route | ChangeKind::Bundle => {
                let at = one_of(self.routes.len());
                self.routes[at] = self.route(u32::try_from(at).unwrap_or(0));
                match kind {
                    ChangeKind::Bundle => (path.to_owned(), self.text()),
                    _ => (format!("{path}/routes/r{at}"), self.routes[at].clone()),
                }
            }
            ChangeKind::Release => {
                let at = u32::try_from(one_of(self.releases as usize)).unwrap_or(0);
                (format!("{path}/releases/rel{at}"), self.release(at))
            }
            ChangeKind::Segment => {
                let at = u32::try_from(one_of(self.segments as usize)).unwrap_or(0);
                (format!("{path}/segments/seg{at}"), self.segment(at))
            }
        }
    }

    fn route(&self, at: u32) -> String {
        let (host, release) = (at % self.hosts, at % self.releases);
        format!(
            r#"{{"name":"r{at}","hostnames":["h{host}.example"],"rules":[{{"matches":[{{"path":{{"type":"PathPrefix","value":"/api/{at}"}}}}],"release":"rel{release}","limits":{{"bodyBytes":{}}}}}]}}"#,
            1_000_000 + self.changes
        )
    }

    fn release(&self, at: u32) -> String {
        let targets = (at..self.targets).step_by(self.releases as usize);
        let target = |target: u32| {
            let city = |step: u32| CITIES[((target + step) % 6) as usize];
            let when = match target % 10 {
                0 => format!("seg{}() && user.level != 'vip'", target / 10 % self.segments),
                _ => format!(
                    "user.level == 'l{target}' && age > {} && city in ['{}', '{}']",
                    target % 90,
                    city(0),
                    city(1)
                ),
            };
            format!(r#"{{"id":"t{target}","when":"{when}","split":{{"canary":"1%"}}}}"#)
        };
        let targets: Vec<String> = targets.map(target).collect();
        format!(
            r#"{{"upstream":"u{}","targets":[{}],"default":{{"split":{{"canary":{:?}}}}}}}"#,
            at % UPSTREAMS,
            targets.join(","),
            format!("{}%", 1 + self.changes % 50)
        )
    }

    fn segment(&self, at: u32) -> String {
        let city = CITIES[(at % 6) as usize];
        format!(r#"{{"when":"age > {} && city == '{city}'"}}"#, at % 90 + 100 * (self.changes % 50))
    }

    fn head(&self, backend: SocketAddr) -> String {
        let mut text = String::from(
            r#"{"apiVersion":"halftone/v1","kind":"Bundle","metadata":{"tenant":"bench"},
"attributes":{"user.age":{"type":"int","from":[{"header":"x-age","trusted":true}],"alias":"age"},
"geo.city":{"type":"string","from":[{"header":"x-city","trusted":true}],"alias":"city"},
"user.level":{"type":"string","from":[{"header":"x-level","trusted":true}]}},
"#,
        );
        let upstream = |at: u32| {
            format!(
                r#""u{at}":{{"variants":{{"stable":{{"addresses":["{backend}"]}},"canary":{{"addresses":["{backend}"]}}}}}}"#
            )
        };
        let lists = [
            ("upstreams", (0..UPSTREAMS).map(upstream).collect::<Vec<_>>()),
            (
                "segments",
                (0..self.segments).map(|at| format!(r#""seg{at}":{}"#, self.segment(at))).collect(),
            ),
            (
                "releases",
                (0..self.releases).map(|at| format!(r#""rel{at}":{}"#, self.release(at))).collect(),
            ),
        ];
        for (name, items) in lists {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:?}:{{{}}},", items.join(",\n"));
        }
        text.push_str("\"routes\":[\n");
        text
    }
}
