//! Decisions by what is signed: overrides, cookies, minted units, pins.

use super::*;
use crate::{
    bucket,
    route::remember::{UNIT_COOKIE, UnitId, pin_cookie, pin_value},
    route::trace::{Keyed, Overridden, Pinned, Step, Trace},
    signal::{
        fingerprint::cookie::DEVICE_COOKIE,
        keys::{KeyRing, Secret},
        signature::{At, Rejected, Use},
    },
};

const NOW: u64 = 1_000;

fn ring(keys: &[(&str, u8)]) -> KeyRing {
    let key = |(id, byte): &(&str, u8)| Secret { id: (*id).to_owned(), bytes: vec![*byte; 32] };
    KeyRing::new(&keys.iter().map(key).collect::<Vec<_>>())
}

fn signed(ring: &KeyRing, used: Use<'_>, value: &str, expires: u64) -> String {
    let mut token = Vec::new();
    assert!(ring.sign(used, value.as_bytes(), expires, &mut token));
    String::from_utf8(token).expect("ASCII")
}

#[derive(Clone, Copy)]
struct Told<'a> {
    keys: &'a KeyRing,
    scheme: &'static str,
    host: &'static str,
    trusted: bool,
    fresh: [u8; 16],
}

/// Decides; returns the variant's name with the decision and its steps.
fn decide(
    table: &Archive<RuleTable>,
    headers: &[(&str, String)],
    told: &Told<'_>,
) -> (String, Decision, Vec<Step>) {
    let headers: Vec<Header<'_>> =
        headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let (bare, at) = (Bare::default(), At { keys: told.keys, now_unix_s: NOW });
    let view = RequestView {
        scheme: told.scheme,
        host: told.host.as_bytes(),
        headers: &headers,
        trusted: told.trusted,
        signatures: &at,
        fresh_unit: UnitId::of(told.fresh),
        ..bare.view()
    };
    let mut trace = Trace::default();
    let decision = route_told(table.rules(), &view, 0, NOW, &mut trace).expect("a route");
    // Nobody's listening changes nothing.
    assert_eq!(route(table.rules(), &view, 0, NOW), Some(decision));
    let variant = table.table().variants[decision.variant as usize].name.to_string();
    (variant, decision, trace.steps)
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn release(fields: Value) -> Archive<RuleTable> {
    let mut release = json!({ "upstream": "u", "unit": ["user.id"], "default": { "split": { "canary": "15%" } } });
    release.as_object_mut().expect("a map").extend(fields.as_object().expect("a map").clone());
    let mut bundle =
        bundle(json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]), release);
    bundle["attributes"]["user.id"]["from"] = json!([{ "cookie": "uid", "signed": true }]);
    table(bundle)
}

fn told(keys: &KeyRing) -> Told<'_> {
    Told { keys, scheme: "https", host: "a", trusted: false, fresh: [7; 16] }
}

fn cookie(name: &str, token: &str) -> (&'static str, String) {
    ("cookie", format!("a=b; {name}={token}"))
}

#[test]
fn a_signed_override_counts_for_its_release_and_its_time() {
    let keys = ring(&[("a", 1)]);
    let table =
        release(json!({ "overrides": [{ "header": "X-Release-Group", "requires": "signed" }] }));
    let used = Use::Override { tenant: "t", release: "user-v2.1" };
    let other = Use::Override { tenant: "t", release: "other" };
    for (value, expected) in [
        (signed(&keys, used, "canary", NOW + 1), Ok(())),
        (signed(&keys, used, "canary", NOW), Err(Overridden::Unsigned(Rejected::Expired))),
        (signed(&keys, used, "canary", 0), Err(Overridden::Unsigned(Rejected::Expired))),
        (
            signed(&keys, other, "canary", NOW + 1),
            Err(Overridden::Unsigned(Rejected::WrongSignature)),
        ),
        (
            signed(&ring(&[("a", 2)]), used, "canary", NOW + 1),
            Err(Overridden::Unsigned(Rejected::WrongSignature)),
        ),
        (
            signed(&ring(&[("b", 1)]), used, "canary", NOW + 1),
            Err(Overridden::Unsigned(Rejected::UnknownKey)),
        ),
        (signed(&keys, used, "gone", NOW + 1), Err(Overridden::UnknownVariant)),
        ("canary".to_owned(), Err(Overridden::Unsigned(Rejected::Malformed))),
    ] {
        // Trusted peers need it as anybody does.
        for trusted in [false, true] {
            let headers = [("x-release-group", value.clone())];
            let (variant, decision, steps) =
                decide(&table, &headers, &Told { trusted, ..told(&keys) });
            let found = steps.iter().find_map(|step| match step {
                Step::Override { found, outcome, .. } => Some((found.clone(), *outcome)),
                _ => None,
            });
            let (found, outcome) = found.expect("a step");
            assert_eq!(decision.reason == Reason::Override, expected.is_ok(), "{value}");
            assert_eq!(variant == "canary", expected.is_ok(), "{value}");
            assert_eq!(outcome, expected.err().unwrap_or(Overridden::Accepted), "{value}");
            // Whoever reads an explanation cannot use it.
            let shown = value.split('.').next().map(str::to_owned);
            assert_eq!(found, shown);
        }
    }
    let none = KeyRing::default();
    let headers = [("x-release-group", signed(&keys, used, "canary", NOW + 1))];
    assert_ne!(decide(&table, &headers, &told(&none)).1.reason, Reason::Override);
}

#[test]
fn a_signed_cookie_is_what_it_holds_or_nothing() {
    let keys = ring(&[("a", 1)]);
    let table = release(json!({}));
    let used = Use::Cookie { tenant: "t", name: "uid" };
    for (value, bucket) in [
        (signed(&keys, used, "u7", 0), Some(149_856)),
        (signed(&keys, used, "u7", NOW + 1), Some(149_856)),
        (signed(&keys, used, "u7", NOW), None),
        ("u7".to_owned(), None),
        (signed(&keys, Use::Cookie { tenant: "other", name: "uid" }, "u7", 0), None),
        (signed(&keys, Use::Cookie { tenant: "t", name: "sid" }, "u7", 0), None),
        (signed(&ring(&[("a", 9)]), used, "u7", 0), None),
    ] {
        let (_, decision, _) = decide(&table, &[cookie("uid", &value)], &told(&keys));
        assert_eq!(decision.bucket, bucket, "{value}");
        assert_eq!(decision.remember, Remember::default());
    }
}

#[test]
fn a_device_has_the_bucket_of_its_id_and_a_cookie_that_is_not_believed_has_none() {
    let keys = ring(&[("a", 1)]);
    let table = release(json!({ "unit": ["device.id"] }));
    assert!(table.table().needs_keys());
    let used = Use::Cookie { tenant: "t", name: DEVICE_COOKIE };
    let id = "0123456789abcdefghij-_";
    let bucket = bucket::project(bucket::hash(b"user-v2.1", id.as_bytes()));
    for (value, found) in [
        (signed(&keys, used, &format!("{id}~100~sketch"), NOW + 1), Ok(Some(id))),
        (signed(&keys, used, &format!("{id}~"), 0), Ok(Some(id))),
        (signed(&keys, used, &format!("{id}~100~sketch"), NOW), Err(Rejected::Expired)),
        (signed(&keys, used, id, NOW + 1), Err(Rejected::Malformed)),
        (signed(&keys, used, &format!("{id}x~"), NOW + 1), Err(Rejected::Malformed)),
        (signed(&keys, used, "0123456789abcdefghij:/~", NOW + 1), Err(Rejected::Malformed)),
        (id.to_owned(), Err(Rejected::Malformed)),
        (
            signed(
                &keys,
                Use::Cookie { tenant: "other", name: DEVICE_COOKIE },
                &format!("{id}~"),
                0,
            ),
            Err(Rejected::WrongSignature),
        ),
    ] {
        let (_, decision, steps) = decide(&table, &[cookie(DEVICE_COOKIE, &value)], &told(&keys));
        let outcome = found.map_or_else(Keyed::Unsigned, |_| Keyed::Used);
        let step = Step::Unit {
            part: "device.id".to_owned(),
            found: found.ok().flatten().map(str::to_owned),
            outcome,
        };
        assert!(steps.contains(&step), "{value}: {steps:?}");
        assert_eq!(decision.bucket, found.ok().map(|_| bucket), "{value}");
    }
    let (_, decision, _) = decide(&table, &[], &told(&keys));
    assert_eq!(decision.bucket, None);
}

#[test]
fn an_attribute_that_is_declared_takes_the_place_of_the_id() {
    let keys = ring(&[("a", 1)]);
    let mut bundle = bundle(
        json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]),
        json!({ "upstream": "u", "unit": ["device.id"], "default": { "split": { "canary": "15%" } } }),
    );
    bundle["attributes"]["device.id"] = json!({ "type": "string", "from": [{ "header": "x-id" }] });
    let headers = [("x-id", "u7".to_owned())];
    assert_eq!(decide(&table(bundle), &headers, &told(&keys)).1.bucket, Some(149_856));
}

#[test]
fn a_unit_is_minted_where_it_is_kept_and_met_again() {
    let keys = ring(&[("a", 1)]);
    let table = release(json!({ "unitMissing": "mint" }));
    let none = KeyRing::default();
    for (scheme, host, keys, is_minted) in [
        ("https", "a", &keys, true),
        ("http", "localhost", &keys, true),
        ("http", "shop.localhost", &keys, true),
        ("http", "127.0.0.1", &keys, true),
        ("http", "a", &keys, false),
        ("http", "notlocalhost", &keys, false),
        ("https", "a", &none, false),
    ] {
        let told = Told { scheme, host, ..told(keys) };
        let (variant, decision, steps) = decide(&table, &[], &told);
        assert_eq!(decision.remember.unit.is_some(), is_minted, "{scheme} {host}");
        assert_eq!(decision.bucket.is_some(), is_minted, "{scheme} {host}");
        if !is_minted {
            let has_keys = !keys.is_empty();
            assert_eq!(variant, "stable");
            assert!(steps.contains(&Step::NotMinted { has_keys }), "{steps:?}");
        }
    }
    // The next request comes with the cookie, and lies in the same bucket.
    let (_, first, _) = decide(&table, &[], &told(&keys));
    let unit = first.remember.unit.expect("minted");
    let used = Use::Cookie { tenant: "t", name: UNIT_COOKIE };
    let text = std::str::from_utf8(unit.text()).expect("ASCII");
    let token = signed(&keys, used, text, 0);
    let back = [cookie(UNIT_COOKIE, &token)];
    let later = Told { fresh: [8; 16], ..told(&keys) };
    let (_, again, _) = decide(&table, &back, &later);
    assert_eq!((again.bucket, again.remember), (first.bucket, Remember::default()));
    // An older key's is signed anew, and the user stays.
    let rotated = ring(&[("b", 2), ("a", 1)]);
    let (_, renewed, _) = decide(&table, &back, &Told { keys: &rotated, ..later });
    assert_eq!((renewed.bucket, renewed.remember.unit), (first.bucket, Some(unit)));
    // What a caller wrote itself is not its bucket.
    let (_, forged, _) = decide(&table, &[cookie(UNIT_COOKIE, text)], &later);
    assert_eq!(forged.remember.unit, Some(UnitId::of([8; 16])));
    // Who has a unit needs none.
    let named = signed(&keys, Use::Cookie { tenant: "t", name: "uid" }, "u7", 0);
    let (_, named, _) = decide(&table, &[cookie("uid", &named)], &later);
    assert_eq!((named.bucket, named.remember), (Some(149_856), Remember::default()));
}

#[test]
fn a_pin_holds_both_ways_until_its_generation_ends() {
    let keys = ring(&[("a", 1)]);
    let at = |generation: u32| release(json!({ "stickiness": "pinned", "generation": generation }));
    let used = Use::Pin { tenant: "t", release: "user-v2.1" };
    let name = pin_cookie("user-v2.1");
    let table = at(3);
    // Nobody yet: decided, and pinned to that.
    let (variant, decision, _) = decide(&table, &[], &told(&keys));
    assert_eq!((variant.as_str(), decision.reason), ("stable", Reason::Default));
    assert_eq!(decision.remember, Remember { unit: None, pin: true });
    for variant in ["canary", "stable"] {
        let token = signed(&keys, used, &pin_value(3, variant), 0);
        let back = [cookie(&name, &token)];
        let (found, decision, steps) = decide(&table, &back, &told(&keys));
        assert_eq!((found.as_str(), decision.reason), (variant, Reason::Cached));
        assert_eq!(decision.remember, Remember::default());
        let taken = |step: &Step| matches!(step, Step::Pin { outcome: Pinned::Taken, .. });
        assert!(steps.iter().any(taken), "{steps:?}");
        // Also where nothing could be set: what is there counts.
        let plain = Told { scheme: "http", ..told(&keys) };
        assert_eq!(decide(&table, &back, &plain).1.reason, Reason::Cached);
        let rotated = ring(&[("b", 2), ("a", 1)]);
        let (_, renewed, _) = decide(&table, &back, &Told { keys: &rotated, ..told(&keys) });
        assert_eq!((renewed.reason, renewed.remember.pin), (Reason::Cached, true));
        let (_, anew, _) = decide(&at(4), &back, &told(&keys));
        assert_eq!((anew.reason, anew.remember.pin), (Reason::Default, true));
    }
    let other = Use::Pin { tenant: "t", release: "other" };
    for (token, expected) in [
        (signed(&keys, used, &pin_value(3, "gone"), 0), Pinned::UnknownVariant),
        (signed(&keys, used, &pin_value(2, "canary"), 0), Pinned::OtherGeneration),
        (signed(&keys, used, "canary", 0), Pinned::OtherGeneration),
        (signed(&keys, used, &pin_value(3, "canary"), NOW), Pinned::Unsigned(Rejected::Expired)),
        (
            signed(&keys, other, &pin_value(3, "canary"), 0),
            Pinned::Unsigned(Rejected::WrongSignature),
        ),
        (pin_value(3, "canary"), Pinned::Unsigned(Rejected::Malformed)),
    ] {
        let (variant, decision, steps) = decide(&table, &[cookie(&name, &token)], &told(&keys));
        assert_eq!((variant.as_str(), decision.remember.pin), ("stable", true), "{token}");
        let is_told =
            |step: &Step| matches!(step, Step::Pin { outcome, .. } if *outcome == expected);
        assert!(steps.iter().any(is_told), "{token}: {steps:?}");
    }
}

#[test]
fn what_is_not_decided_is_not_pinned() {
    let keys = ring(&[("a", 1)]);
    for fields in [
        json!({ "stickiness": "pinned", "disabled": true }),
        json!({ "stickiness": "hash" }),
        json!({ "stickiness": "pinned", "overrides": [{ "header": "x-any", "requires": "any" }] }),
    ] {
        let headers = [("x-any", "canary".to_owned())];
        let (_, decision, _) = decide(&release(fields.clone()), &headers, &told(&keys));
        assert_eq!(decision.remember, Remember::default(), "{fields}");
    }
    let pinned = release(json!({ "stickiness": "pinned" }));
    for told in
        [Told { scheme: "http", ..told(&keys) }, Told { keys: &KeyRing::default(), ..told(&keys) }]
    {
        assert_eq!(decide(&pinned, &[], &told).1.remember, Remember::default());
    }
}
