//! What was seen is enough, and what was not is named.

use std::cell::RefCell;

use serde_json::json;

use super::*;
use crate::{
    compile::{Allocations, allocate, compile_rules},
    policy::Bundle,
    table::{RuleTable, archive::Archive},
};

/// Keeps what decisions see, as a record has it.
#[derive(Debug, Default)]
struct Keeper(RefCell<BTreeMap<String, Option<String>>>);

/// A live request that has what is given, and nothing else.
#[derive(Debug)]
struct Both<'a> {
    given: Option<&'a dyn Witness>,
    kept: &'a Keeper,
}

impl Witness for Both<'_> {
    fn gives(&self, input: Input<'_>) -> Option<Option<&[u8]>> {
        if input == Input::Random {
            return None;
        }
        let given = self.given?.gives(input)?;
        self.saw(input, given);
        Some(given)
    }

    fn saw(&self, input: Input<'_>, value: Option<&[u8]>) {
        let value = value.map(|value| String::from_utf8_lossy(value).into_owned());
        self.kept.0.borrow_mut().insert(input.to_string(), value);
    }
}

fn table(targets: &serde_json::Value, unit_missing: &str) -> Archive<RuleTable> {
    let bundle: Bundle = serde_json::from_value(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "attributes": {
            "user.id": { "type": "string", "from": [{ "cookie": "uid" }] },
            "level": { "type": "string", "from": [{ "tags": "level" }] },
            "age": { "type": "int", "from": [{ "header": "x-age", "trusted": true }] },
        },
        "upstreams": { "u": { "variants": { "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } } },
        "routes": [{ "name": "r", "rules": [{ "matches": [{ "headers": [{ "name": "x-in", "value": "1" }] }], "release": "v" }] }],
        "releases": { "v": { "upstream": "u", "unit": ["user.id"], "unitMissing": unit_missing, "salt": "user-v2.1",
            "targets": targets, "default": { "split": { "canary": "20%" } } } },
    }))
    .expect("a bundle");
    let mut all = Allocations::new();
    allocate(&bundle, &mut all).expect("fits");
    Archive::build(&compile_rules(&[&bundle], &all).expect("compiles"), 1).expect("verifies")
}

/// Decides the recorded request with what a live one would have found, and records what it saw.
fn record(rules: &Archive<RuleTable>, mut request: Recorded) -> (Recorded, Option<Decision>) {
    let keeper = Keeper::default();
    let decision = request.replay(|replay| {
        let both = Both { given: replay.view().witness, kept: &keeper };
        let view = RequestView { witness: Some(&both), ..*replay.view() };
        route(rules.rules(), &view, 0x8000_0000, request.unix_s)
    });
    let decision = decision.expect("a request");
    request.values = keeper.0.into_inner();
    (request, decision)
}

fn request(values: &[(&str, Option<&str>)]) -> Recorded {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)));
    Recorded {
        method: "GET".into(),
        host: "Example.com:80".into(),
        target: "/a?b=c".into(),
        protocol: "HTTP/1.1".into(),
        client_ip: "192.0.2.1".into(),
        https: false,
        trusted: true,
        unix_s: 1,
        values: values.collect(),
    }
}

fn again(recorded: &Recorded, rules: &Archive<RuleTable>) -> Result<Option<Decision>, String> {
    let decided = recorded.replay(|replay| replay.route(rules.rules()));
    decided.and_then(|decided| decided).map_err(|Unreplayable(what)| what)
}

#[test]
fn what_was_seen_is_enough_and_what_was_not_is_named() {
    let vip = json!({ "id": "vip", "when": "level == 'vip'", "variant": "canary" });
    let adult = json!({ "id": "adult", "when": "age > 18", "variant": "canary" });
    let a = table(&json!([vip]), "stable");
    let b = table(&json!([vip, adult]), "stable");
    let random = table(&json!([]), "random");
    for (values, expected) in [
        (
            &[
                ("header x-in", Some("1")),
                ("cookie uid", Some("u7")),
                ("tag level of t/u7", Some("vip")),
            ][..],
            Ok(()),
        ),
        (&[("header x-in", Some("1")), ("cookie uid", Some("u7"))], Err("header x-age")),
        (&[("header x-in", Some("1"))], Err("header x-age")),
        // No route: nobody comes as far as to read more.
        (&[("header x-in", Some("2")), ("cookie uid", Some("u7"))], Ok(())),
        (&[], Ok(())),
    ] {
        let (recorded, decision) = record(&a, request(values));
        assert_eq!(again(&recorded, &a), Ok(decision), "{recorded:?}");
        match expected {
            Ok(()) => assert_eq!(again(&recorded, &b), Ok(record(&b, request(values)).1)),
            Err(missing) => assert_eq!(again(&recorded, &b), Err(missing.to_owned())),
        }
    }
    let alone = request(&[("header x-in", Some("1"))]);
    let (recorded, decision) = record(&random, alone.clone());
    assert_eq!(recorded.values["random"].as_deref(), Some("80000000"));
    assert_eq!(decision.and_then(|decision| decision.bucket), Some(500_000));
    assert_eq!(again(&recorded, &random), Ok(decision));
    let (recorded, _) = record(&a, alone);
    assert_eq!(again(&recorded, &random), Err("random".to_owned()));
}

#[test]
fn what_is_no_request_is_not_decided() {
    let a = table(&json!([]), "stable");
    // However it is written, a value stays one.
    let odd = request(&[("header x-in", Some("1")), ("cookie uid", Some("a;b\r\nX-In: 2"))]);
    let bucket = again(&odd, &a).expect("recorded").and_then(|decision| decision.bucket);
    assert_eq!(bucket, Some(crate::bucket::bucket(b"user-v2.1", b"a;b\r\nX-In: 2")));
    for broken in [
        Recorded { method: "G T".into(), ..request(&[]) },
        Recorded { target: "/a b".into(), ..request(&[]) },
        Recorded { host: "a\r\nb".into(), ..request(&[]) },
        Recorded { protocol: "HTTP/9".into(), ..request(&[]) },
    ] {
        assert_eq!(again(&broken, &a), Err("the request itself".to_owned()), "{broken:?}");
    }
    assert!(Input::Header("authorization").is_secret() && Input::Header("cookie").is_secret());
}

#[test]
fn a_user_is_told_only_where_it_was_recorded() {
    let a = table(
        &json!([{ "id": "all", "when": "request.path == '/a'", "variant": "canary" }]),
        "stable",
    );
    for (values, expected) in [
        (&[("header x-in", Some("1")), ("cookie uid", Some("u7"))][..], Some(b"u7".to_vec())),
        (&[("header x-in", Some("1"))], None),
    ] {
        let user = request(values).replay(|replay| {
            let decision = replay.route(a.rules()).expect("recorded").expect("a route");
            replay.user(a.rules(), &decision)
        });
        assert_eq!(user, Ok(expected));
    }
}
