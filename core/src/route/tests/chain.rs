//! Decisions that an earlier hop took, and what goes on to the next.

use super::*;
use crate::route::trace::{Step, Trace};

const TRACE: (&str, &str) =
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
const KEY: &str = "release.user";

/// What was decided, what the request said, and the member that goes on.
#[derive(Debug, PartialEq)]
struct Told {
    variant: String,
    reason: Reason,
    chain: Option<Chain>,
    member: Option<String>,
    stripped: u32,
}

fn decide(
    table: &Archive<RuleTable>,
    path: &str,
    headers: &[(&str, &str)],
    trusted: bool,
) -> (Told, Vec<Step>) {
    let headers: Vec<Header<'_>> =
        headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let bare = Bare::default();
    let view = RequestView {
        path: path.as_bytes(),
        query: b"user=u7",
        headers: &headers,
        trusted,
        ..bare.view()
    };
    let mut trace = Trace::default();
    let decision = route_told(table.rules(), &view, 0, 0, &mut trace).expect("a route");
    assert_eq!(route(table.rules(), &view, 0, 0), Some(decision));
    let plan = baggage(table.table(), &decision, decision.variant, &headers, trusted);
    let member = plan.and_then(|plan| plan.member);
    let told = Told {
        variant: table.table().variants[decision.variant as usize].name.to_string(),
        reason: decision.reason,
        chain: decision.chain,
        member: member.map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value))),
        stripped: plan.map_or(0, |plan| plan.stripped),
    };
    (told, trace.steps)
}

/// A release with these fields, and beside it `/plain` without one and `/other` of another key.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn release(fields: Value) -> Archive<RuleTable> {
    let mut release = json!({ "upstream": "u", "unit": ["user.id"], "propagate": { "baggage": KEY },
        "overrides": [{ "header": "X-Group" }], "default": { "split": { "canary": "15%" } } });
    release.as_object_mut().expect("a map").extend(fields.as_object().expect("a map").clone());
    let at = |path: &str| json!([{ "path": { "type": "Exact", "value": path } }]);
    let routes = json!([{ "name": "r", "rules": [
        { "matches": at("/plain"), "upstream": "other" },
        { "matches": at("/other"), "release": "other" },
        { "release": "user-v2.1" }] }]);
    let mut bundle = bundle(routes, release);
    bundle["releases"]["other"] = json!({ "upstream": "other", "propagate": { "baggage": "Release.Other" },
        "default": { "variant": "canary" } });
    table(bundle)
}

fn member(value: &str) -> (&'static str, String) {
    ("Baggage", format!("tenant=t, {KEY}={value};p=1"))
}

#[test]
fn a_trusted_hop_is_followed_and_another_begins_anew() {
    let table = release(json!({}));
    // u7 lies in bucket 149 856, which is the canary's.
    let own = |chain| (("canary", Reason::Split), Some(chain), "canary");
    for (value, trusted, ((variant, reason), chain, sent)) in [
        (Some("stable"), true, (("stable", Reason::Cached), Some(Chain::Kept), "stable")),
        (Some("canary"), true, (("canary", Reason::Cached), Some(Chain::Kept), "canary")),
        (Some("st%61ble"), true, (("stable", Reason::Cached), Some(Chain::Kept), "st%61ble")),
        // What this service does not have, the next may have.
        (Some("beta"), true, (("stable", Reason::Cached), Some(Chain::UnknownVariant), "beta")),
        (Some(""), true, own(Chain::Started)),
        (None, true, own(Chain::Started)),
        (Some("stable"), false, own(Chain::Untrusted)),
        (None, false, own(Chain::Untrusted)),
    ] {
        let field = value.map(member);
        let headers: Vec<(&str, &str)> =
            field.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (told, steps) = decide(&table, "/", &headers, trusted);
        let expected = Told {
            variant: variant.to_owned(),
            reason,
            chain,
            member: Some(format!("{KEY}={sent}")),
            stripped: u32::from(value.is_some() && !trusted),
        };
        assert_eq!(told, expected, "{value:?} {trusted}");
        let step = steps.iter().find_map(|step| match step {
            Step::Chain { key, found, outcome } => Some((key.clone(), found.clone(), *outcome)),
            _ => None,
        });
        let found = value.filter(|value| trusted && !value.is_empty()).map(str::to_owned);
        assert_eq!(step, Some((KEY.to_owned(), found, chain.expect("asked"))));
    }
}

#[test]
fn a_trace_without_the_member_has_lost_it() {
    let table = release(json!({}));
    let broken = ("traceparent", "00-0-0-00");
    for (headers, trusted, expected) in [
        (&[TRACE][..], true, Chain::Lost),
        (&[TRACE, ("baggage", "a=b")], true, Chain::Lost),
        (&[TRACE, ("baggage", "release.user=stable")], true, Chain::Kept),
        (&[broken], true, Chain::Started),
        (&[TRACE, TRACE], true, Chain::Started),
        (&[TRACE], false, Chain::Untrusted),
    ] {
        assert_eq!(decide(&table, "/", headers, trusted).0.chain, Some(expected), "{headers:?}");
    }
}

#[test]
fn switch_and_override_come_before_and_pins_and_targets_after() {
    let held = [("baggage", "release.user=stable")];
    let told =
        |fields: Value, headers: &[(&str, &str)]| decide(&release(fields), "/", headers, true).0;
    let off = told(json!({ "disabled": true }), &[("baggage", "release.user=canary")]);
    assert_eq!((off.reason, off.chain), (Reason::Disabled, None));
    // From a release that is switched off on, the whole chain is stable.
    assert_eq!(off.member.as_deref(), Some("release.user=stable"));
    let over = told(json!({}), &[held[0], ("x-group", "canary")]);
    assert_eq!((over.reason, over.chain), (Reason::Override, None));
    assert_eq!(over.member.as_deref(), Some("release.user=canary"));
    let pinned = told(json!({ "stickiness": "pinned" }), &held);
    assert_eq!((pinned.reason, pinned.variant.as_str()), (Reason::Cached, "stable"));
    let target = json!({ "targets": [{ "id": "all", "when": "true", "variant": "canary" }] });
    let kept = told(target, &held);
    assert_eq!((kept.reason, kept.variant.as_str()), (Reason::Cached, "stable"));
}

#[test]
fn keys_of_the_tenant_are_stripped_on_each_of_its_routes() {
    let table = release(json!({}));
    let both = [("baggage", "release.user=canary,RELEASE.OTHER=canary,%72elease.other=x,a=b")];
    for (path, member) in [
        ("/plain", None),
        ("/other", Some("Release.Other=canary")),
        ("/", Some("release.user=canary")),
    ] {
        let (told, _) = decide(&table, path, &both, false);
        assert_eq!((told.member.as_deref(), told.stripped), (member, 3), "{path}");
        let (told, _) = decide(&table, path, &both, true);
        assert_eq!(told.stripped, 0, "{path}");
    }
    // Nothing to strip and nothing to say.
    let (told, _) = decide(&table, "/plain", &[("baggage", "a=b")], false);
    assert_eq!((told.member, told.stripped), (None, 0));
}

/// What will be stripped decides nothing.
#[test]
fn stripped_baggage_is_no_header_to_rules() {
    let when = "request.headers['baggage'].contains('canary')";
    let target = json!({ "targets": [{ "id": "t", "when": when, "variant": "stable" }] });
    let table = release(target);
    for (value, trusted, reason) in [
        ("a=canary", false, Reason::TargetingMatch),
        ("a=canary", true, Reason::TargetingMatch),
        ("a=canary, %72elease.USER=1", false, Reason::Split),
        ("a=canary, release.other=1", false, Reason::Split),
        ("a=canary, release.other=1", true, Reason::TargetingMatch),
    ] {
        let (told, _) = decide(&table, "/", &[("baggage", value)], trusted);
        assert_eq!(told.reason, reason, "{value}");
    }
}
