//! Decisions on compiled bundles.

use serde_json::{Value, json};

use super::{bare::Bare, *};
use crate::{
    bucket,
    compile::{Allocations, allocate, compile_rules},
    http::{PathScratch, normalise},
    policy::{Bundle, validate},
    table::{RuleTable, archive::Archive},
};

mod chain;
mod claims;
mod devices;
mod members;
mod nested;
mod regions;
mod repeated;
mod signed;

fn table(bundle: Value) -> Archive<RuleTable> {
    let bundle: Bundle = serde_json::from_value(bundle).expect("the shape is right");
    assert_eq!(validate(&bundle), []);
    let mut allocations = Allocations::default();
    allocate(&bundle, &mut allocations).expect("weights fit");
    Archive::build(&compile_rules(&[&bundle], &allocations).expect("compiles"), 1)
        .expect("verifies")
}

fn upstream() -> Value {
    json!({ "variants": { "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } })
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn bundle(routes: Value, release: Value) -> Value {
    json!({ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "attributes": { "user.id": { "type": "string", "from": [
            { "header": "x-user", "trusted": true }, { "cookie": "uid" }, { "query": "user" } ] } },
        "upstreams": { "u": upstream(), "other": upstream() }, "routes": routes, "releases": { "user-v2.1": release } })
}

#[derive(Clone, Copy)]
struct Ask<'a> {
    method: &'a str,
    host: &'a str,
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
    trusted: bool,
    random: u32,
    now_unix_s: u64,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            method: "GET",
            host: "a",
            target: "/",
            headers: &[],
            trusted: true,
            random: 0,
            now_unix_s: 0,
        }
    }
}

fn ask(table: &Archive<RuleTable>, ask: &Ask<'_>) -> Option<(String, String, Reason, Option<u32>)> {
    ask_in(&Bump::new(), table, ask)
}

fn ask_in(
    arena: &Bump,
    table: &Archive<RuleTable>,
    ask: &Ask<'_>,
) -> Option<(String, String, Reason, Option<u32>)> {
    let headers: Vec<Header<'_>> =
        ask.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let (path, query) = ask.target.split_once('?').unwrap_or((ask.target, ""));
    let (mut host, mut scratch) = (HostScratch::new(), PathScratch::new());
    let bare = Bare::default();
    let view = RequestView {
        method: ask.method,
        host: host_name(ask.host, &mut host),
        path: normalise(path.as_bytes(), &mut scratch).expect("a good path"),
        query: query.as_bytes(),
        headers: &headers,
        trusted: ask.trusted,
        arena,
        ..bare.view()
    };
    let table = table.rules();
    route(table, &view, ask.random, ask.now_unix_s).map(|decision| {
        let variant = &table.variants[decision.variant as usize];
        let route = table.routes[decision.route as usize].name.to_string();
        (route, variant.key.to_string(), decision.reason, decision.bucket)
    })
}

#[test]
fn routes_by_host_and_path_in_gateway_api_order() {
    let route = |name: &str, hosts: &[&str], kind: &str, path: &str| {
        json!({ "name": name, "hostnames": hosts, "rules": [
            { "matches": [{ "path": { "type": kind, "value": path } }], "upstream": "u" }] })
    };
    let routes = json!([
        route("any-root", &[], "PathPrefix", "/"),
        route("any-user", &[], "PathPrefix", "/user/"),
        route("exact-user", &["a.example.com"], "Exact", "/user"),
        route("deep", &["a.example.com"], "PathPrefix", "/user/deep"),
        route("host", &["a.example.com"], "PathPrefix", "/user"),
        route("wild", &["*.example.com"], "PathPrefix", "/w"),
        route("wilder", &["*.b.example.com"], "PathPrefix", "/w"),
    ]);
    let table =
        table(bundle(routes, json!({ "upstream": "u", "default": { "variant": "stable" } })));
    for (host, target, expected) in [
        ("x", "/", "any-root"),
        ("x", "/users", "any-root"),
        ("x", "/user", "any-user"),
        ("x", "/user/1", "any-user"),
        ("A.Example.com:8080", "/user", "exact-user"),
        ("a.example.com.", "/user/", "host"),
        ("a.example.com", "/user/deep/x", "deep"),
        ("a.example.com", "/user/deeper", "host"),
        ("a.example.com", "/%75ser/x/../deep", "deep"),
        ("a.example.com", "/w", "wild"),
        ("a.b.example.com", "/w/", "wilder"),
        ("b.example.com", "/w", "wild"),
        ("example.com", "/w", "any-root"),
        ("a.example.com", "/none", "any-root"),
    ] {
        let found = ask(&table, &Ask { host, target, ..Ask::default() }).expect("a route");
        assert_eq!(found.0, expected, "{host}{target}");
        assert_eq!(found.2, Reason::Static);
    }
}

#[test]
fn no_route_is_no_decision() {
    let routes =
        json!([{ "name": "only", "hostnames": ["a"], "rules": [{ "release": "user-v2.1" }] }]);
    let table =
        table(bundle(routes, json!({ "upstream": "u", "default": { "variant": "stable" } })));
    assert_eq!(ask(&table, &Ask { host: "b", ..Ask::default() }), None);
}

#[test]
fn overrides_need_trust_and_a_known_name() {
    let release = json!({ "upstream": "u", "default": { "variant": "stable" }, "overrides": [
        { "header": "X-Release-Group" }, { "header": "X-Any", "requires": "any" }] });
    let table =
        table(bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release));
    for (headers, trusted, variant, reason) in [
        (&[][..], true, "t/u/stable", Reason::Default),
        (&[("x-release-group", "canary")][..], true, "t/u/canary", Reason::Override),
        (&[("X-Release-Group", "stable")][..], true, "t/u/stable", Reason::Override),
        (&[("X-Release-Group", "canary")][..], false, "t/u/stable", Reason::Default),
        (&[("X-Release-Group", "beta")][..], true, "t/u/stable", Reason::Default),
        (
            &[("X-Release-Group", "canary"), ("X-Release-Group", "canary")][..],
            true,
            "t/u/stable",
            Reason::Default,
        ),
        (&[("X-Any", "canary")][..], false, "t/u/canary", Reason::Override),
    ] {
        let found = ask(&table, &Ask { headers, trusted, ..Ask::default() }).expect("a route");
        assert_eq!((found.1.as_str(), found.2), (variant, reason), "{headers:?} {trusted}");
    }
    let header = |name| Header { name, value: &b"canary"[..] };
    let mask =
        reserved(table.table(), 0, &[header("Accept"), header("x-release-GROUP"), header("X-Any")]);
    assert!(!mask.contains(0) && mask.contains(1) && !mask.contains(2));
}

#[test]
fn buckets_decide_by_the_first_present_unit() {
    let release = json!({ "upstream": "u", "unit": ["user.id", "client.ip"], "default": { "split": { "canary": "15%" } } });
    let table =
        table(bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release));
    // POLICY's vectors: u7 lies at 149 856, just inside 15 %; user-42 at 728 179.
    for (headers, target, trusted, variant, bucket) in [
        (&[("X-User", "u7")][..], "/", true, "t/u/canary", Some(149_856)),
        (&[("X-User", "user-42")][..], "/", true, "t/u/stable", Some(728_179)),
        (
            &[("X-User", "u7"), ("Cookie", "a=b; uid=user-42")][..],
            "/",
            false,
            "t/u/stable",
            Some(728_179),
        ),
        (&[("Cookie", "uid=\"u7\"")][..], "/", false, "t/u/canary", Some(149_856)),
        (&[][..], "/?x=1&user=u7&user=user-42", false, "t/u/canary", Some(149_856)),
    ] {
        let found =
            ask(&table, &Ask { headers, target, trusted, ..Ask::default() }).expect("a route");
        assert_eq!(
            (found.1.as_str(), found.2, found.3),
            (variant, Reason::Split, bucket),
            "{headers:?}"
        );
    }
    let by_address = bucket::bucket(b"user-v2.1", b"192.0.2.1");
    assert_eq!(ask(&table, &Ask::default()).expect("a route").3, Some(by_address));
}

#[test]
fn without_a_unit_stable_or_chance_decides() {
    for (missing, random, variant, bucket) in [
        ("stable", 0, "t/u/stable", None),
        ("random", 0, "t/u/canary", Some(0)),
        ("random", u32::MAX, "t/u/stable", Some(999_999)),
    ] {
        let release = json!({ "upstream": "u", "unit": ["user.id"], "unitMissing": missing, "default": { "split": { "canary": "50%" } } });
        let table =
            table(bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release));
        let found = ask(&table, &Ask { random, ..Ask::default() }).expect("a route");
        assert_eq!((found.1.as_str(), found.3), (variant, bucket), "{missing}");
    }
}

#[test]
fn expressions_match_whole_values_and_come_after_prefixes() {
    let rule = |matched: Value| json!({ "matches": [matched], "upstream": "u" });
    let route = |name: &str, matched: Value| json!({ "name": name, "rules": [rule(matched)] });
    let path = |value: &str| json!({ "type": "RegularExpression", "value": value });
    let is = |name: &str, value: &str| json!([{ "name": name, "type": "RegularExpression", "value": value }]);
    let routes = json!([
        route("path", json!({ "path": path("/users/[0-9]+/orders") })),
        route("more", json!({ "path": path("/users/.*"), "queryParams": is("v", "1|2") })),
        route("prefix", json!({ "path": { "type": "PathPrefix", "value": "/users/7/orders" } })),
        route("header", json!({ "path": path("/h"), "headers": is("X-App", "ios/(4|5)\\..*") })),
    ]);
    let table =
        table(bundle(routes, json!({ "upstream": "u", "default": { "variant": "stable" } })));
    for (target, headers, expected) in [
        ("/users/12/orders", &[][..], Some("path")),
        ("/users/12/orders?v=2", &[][..], Some("more")),
        ("/users/12/orders?v=22", &[][..], Some("path")),
        ("/users/7/orders", &[][..], Some("prefix")),
        ("/users/12/orders/", &[][..], None),
        ("/x/users/12/orders", &[][..], None),
        ("/h", &[("x-app", "ios/5.1")][..], Some("header")),
        ("/h", &[("x-app", "ios/6.1")][..], None),
        ("/h", &[("x-app", "an ios/5.1")][..], None),
        ("/h", &[][..], None),
    ] {
        let found = ask(&table, &Ask { target, headers, ..Ask::default() }).map(|found| found.0);
        assert_eq!(found.as_deref(), expected, "{target} {headers:?}");
    }
}

#[test]
fn the_kill_switch_comes_first() {
    let release = json!({ "upstream": "u", "disabled": true, "overrides": [{ "header": "X-Release-Group" }],
        "default": { "split": { "canary": "100%" } } });
    let table =
        table(bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release));
    let found = ask(&table, &Ask { headers: &[("X-Release-Group", "canary")], ..Ask::default() })
        .expect("a route");
    assert_eq!((found.1.as_str(), found.2), ("t/u/stable", Reason::Disabled));
}

#[test]
fn the_more_conditions_the_earlier() {
    let rule = |matched: Value| json!({ "matches": [matched], "upstream": "u" });
    let route = |name: &str, matched: Value| json!({ "name": name, "rules": [rule(matched)] });
    let header = |name: &str| json!({ "name": name, "value": "1" });
    let path = json!({ "type": "PathPrefix", "value": "/p" });
    let routes = json!([
        route("b-path", json!({ "path": path })),
        route("a-path", json!({ "path": path })),
        route("post", json!({ "path": path, "method": "POST" })),
        route("one", json!({ "path": path, "headers": [header("X-A")] })),
        route("two", json!({ "path": path, "headers": [header("x-a"), header("X-B")] })),
        route("query", json!({ "path": path, "queryParams": [header("q")] })),
        route("exact", json!({ "path": { "type": "Exact", "value": "/p/x" }, "queryParams": [header("q")] })),
        { "name": "rules", "rules": [
            rule(json!({ "path": { "type": "PathPrefix", "value": "/r" } })),
            { "matches": [{ "path": { "type": "PathPrefix", "value": "/r" } }], "upstream": "other" },
            rule(json!({ "headers": [header("x-only")] })),
        ] },
    ]);
    let table =
        table(bundle(routes, json!({ "upstream": "u", "default": { "variant": "stable" } })));
    let (a, b) = (("X-a", "1"), ("x-B", "1"));
    for (method, target, headers, expected) in [
        ("GET", "/p", &[][..], Some("a-path")),
        ("POST", "/p", &[a, b][..], Some("post")),
        ("GET", "/p", &[a][..], Some("one")),
        ("GET", "/p", &[a, b][..], Some("two")),
        ("GET", "/p?q=1", &[b][..], Some("query")),
        ("GET", "/p?q=1", &[a][..], Some("one")),
        ("GET", "/p?x&q=2&q=1", &[][..], Some("a-path")),
        ("GET", "/p/x?q=1", &[a, b][..], Some("exact")),
        ("GET", "/p/x", &[a, a][..], Some("a-path")),
        ("GET", "/r", &[("x-only", "1")][..], Some("rules")),
        ("GET", "/", &[("x-only", "1")][..], Some("rules")),
        ("get", "/", &[][..], None),
    ] {
        let found = ask(&table, &Ask { method, target, headers, ..Ask::default() });
        let found = found.map(|found| (found.0, found.1));
        assert_eq!(found.as_ref().map(|f| f.0.as_str()), expected, "{method} {target} {headers:?}");
        assert!(found.is_none_or(|found| found.1 == "t/u/stable"), "the first rule of two equal");
    }
}

#[test]
fn targets_in_order_until_they_expire() {
    let target = |id: &str, matched: Value, variant: &str| json!({ "id": id, "match": matched, "variant": variant });
    let one = |name: &str| json!([{ "name": name, "value": "1" }]);
    let mut expiring = target("old", json!({ "headers": one("x-old") }), "canary");
    expiring["expiresAt"] = json!("1970-01-01T00:01:40Z");
    let release = json!({ "upstream": "u", "overrides": [{ "header": "X-Release-Group" }], "targets": [
        target("qa", json!({ "headers": one("X-Qa"), "method": "GET" }), "canary"),
        expiring,
        target("cookie", json!({ "cookies": one("qa"), "path": { "type": "PathPrefix", "value": "/c" } }), "canary"),
        target("query", json!({ "queryParams": one("qa") }), "stable"),
        target("host", json!({ "hostnames": ["b", "*.c"] }), "canary"),
        target("near", json!({ "sourceRanges": ["198.51.100.0/24", "192.0.2.0/31"] }), "canary"),
        { "id": "split", "match": { "headers": one("x-split") }, "split": { "canary": "15%" } },
        { "id": "later", "match": { "headers": one("x-later") }, "split": "scheduled" },
        target("reserved", json!({ "headers": [{ "name": "X-RELEASE-group", "value": "9" }] }), "canary"),
    ], "unit": ["user.id"], "default": { "variant": "stable" } });
    let table =
        table(bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release));
    let found = |ask: &Ask<'_>| {
        let headers: Vec<Header<'_>> = ask
            .headers
            .iter()
            .map(|(name, value)| Header { name, value: value.as_bytes() })
            .collect();
        let (path, query) = ask.target.split_once('?').unwrap_or((ask.target, ""));
        let bare = Bare::default();
        let view = RequestView {
            method: ask.method,
            host: ask.host.as_bytes(),
            path: path.as_bytes(),
            query: query.as_bytes(),
            headers: &headers,
            client_ip: if ask.random == 1 { "192.0.2.1" } else { "2001:db8::1" },
            trusted: ask.trusted,
            ..bare.view()
        };
        let decision = route(table.rules(), &view, 0, ask.now_unix_s).expect("a route");
        let release = &table.table().releases[0];
        let id = decision.target.map(|at| release.targets[at as usize].id.to_string());
        assert_eq!(decision.reason == Reason::TargetingMatch, id.is_some());
        (id, table.table().variants[decision.variant as usize].name.to_string(), decision.bucket)
    };
    let of = |id: &str, variant: &str, bucket| (Some(id.to_owned()), variant.to_owned(), bucket);
    let nobody = (None, "stable".to_owned(), None);
    let ask = Ask { host: "a", trusted: false, ..Ask::default() };
    let with = |headers| Ask { headers, ..ask };
    assert_eq!(found(&ask), nobody);
    assert_eq!(found(&with(&[("x-QA", "1"), ("x-old", "1")])), of("qa", "canary", None));
    assert_eq!(found(&Ask { method: "POST", ..with(&[("x-qa", "1")]) }), nobody);
    assert_eq!(
        found(&Ask { now_unix_s: 99, ..with(&[("x-old", "1")]) }),
        of("old", "canary", None)
    );
    assert_eq!(found(&Ask { now_unix_s: 100, ..with(&[("x-old", "1")]) }), nobody);
    let cookie = with(&[("cookie", "a=1; qa=1")]);
    assert_eq!(found(&Ask { target: "/c/d", ..cookie }), of("cookie", "canary", None));
    assert_eq!(found(&Ask { target: "/cd", ..cookie }), nobody);
    assert_eq!(found(&Ask { target: "/?qa=1", host: "b", ..ask }), of("query", "stable", None));
    assert_eq!(found(&Ask { host: "b", ..ask }), of("host", "canary", None));
    assert_eq!(found(&Ask { host: "x.y.c", ..ask }), of("host", "canary", None));
    assert_eq!(found(&Ask { host: "c", ..ask }), nobody);
    assert_eq!(found(&Ask { random: 1, ..ask }), of("near", "canary", None));
    let split = [("x-split", "1"), ("cookie", "uid=u7")];
    assert_eq!(found(&with(&split)), of("split", "canary", Some(149_856)));
    assert_eq!(found(&with(&[("x-split", "1")])), of("split", "stable", None));
    let later = [("x-later", "1"), ("cookie", "uid=u7")];
    assert_eq!(found(&with(&later)), of("later", "stable", Some(149_856)));
    // A reserved header is stripped from what an untrusted peer sends, so it decides nothing.
    let reserved = with(&[("x-release-group", "9")]);
    assert_eq!(found(&reserved), nobody);
    assert_eq!(found(&Ask { trusted: true, ..reserved }), of("reserved", "canary", None));
}

#[test]
fn an_expired_release_counts_as_disabled() {
    let release = json!({ "upstream": "u", "expiresAt": "1970-01-01T00:01:40Z",
        "default": { "split": { "canary": "100%" } } });
    let table =
        table(bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release));
    for (now_unix_s, variant, reason) in
        [(99, "t/u/canary", Reason::Split), (100, "t/u/stable", Reason::Disabled)]
    {
        let found = ask(&table, &Ask { now_unix_s, ..Ask::default() }).expect("a route");
        assert_eq!((found.1.as_str(), found.2), (variant, reason), "{now_unix_s}");
    }
}

#[test]
fn only_a_canary_falls_back_and_only_to_stable() {
    for (asked, variant, expected) in [
        (json!({}), "canary", Some("t/u/stable")),
        (json!({ "canary": "fallback-stable", "stable": "fail" }), "canary", Some("t/u/stable")),
        (json!({ "canary": "fail" }), "canary", None),
        (json!({}), "stable", None),
    ] {
        let release =
            json!({ "upstream": "u", "onNoHealthy": asked, "default": { "variant": variant } });
        let table =
            table(bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release));
        let table = table.table();
        let release = Some(0);
        let row = table.releases[0].variants.start.to_native() + u32::from(variant == "canary");
        let decision = Decision {
            route: 0,
            release,
            variant: row,
            reason: Reason::Default,
            target: None,
            cell: None,
            bucket: None,
            remember: Remember::default(),
            chain: None,
        };
        let found = fallback(table, &decision).map(|row| table.variants[row as usize].key.as_str());
        assert_eq!(found, expected, "{variant}");
        assert_eq!(fallback(table, &Decision { release: None, ..decision }), None);
    }
}
