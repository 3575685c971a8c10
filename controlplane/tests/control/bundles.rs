//! The life of a bundle: dry runs, conditions, history and the way back.

use serde_json::{Value, json};

use super::{CANARY, bundle, directory, start};
use crate::{
    control::{Answer, Control, options},
    gateway::{Gateway, Seen},
};

const PATH: &str = "/v1/tenants/shop/bundle";

fn shop(canary: &str) -> String {
    bundle("shop", "shop.example", canary)
}

fn put(control: &Control, canary: &str, condition: (&str, &str)) -> Answer {
    let headers = [("content-type", "application/yaml"), condition];
    control.call_with("PUT", PATH, &headers, shop(canary).as_bytes())
}

fn digest(answer: &Answer) -> String {
    answer.json()["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let before = gateway.wait("nothing", |_| true);
    let dry = |text: &str| {
        let path = format!("{PATH}?dryRun=true");
        control.call("PUT", &path, Some("application/yaml"), text.as_bytes())
    };
    let checked = dry(&shop("5%"));
    assert_eq!(checked.status, 200, "{checked:?}");
    let digest = digest(&checked);
    let expected = json!({ "dryRun": true, "digest": digest, "changed": true, "warnings": [] });
    assert_eq!(checked.json(), expected);
    assert_eq!(control.get(PATH).status, 404);
    assert_eq!(dry(&shop("500%")).status, 422);
    let answer = control.put_bundle("shop", &shop("5%"));
    assert_eq!(answer.json()["digest"], digest, "{answer:?}");
    assert_eq!(answer.headers["etag"], format!("\"{digest}\""));
    let again = dry(&shop("5%")).json();
    assert_eq!((&again["changed"], &again["currentDigest"]), (&json!(false), &json!(digest)));
    let reserved = control.put_bundle("implicit", &bundle("implicit", "b.example", "1%"));
    assert_eq!(reserved.status, 422, "{reserved:?}");
    assert_eq!(reserved.json()["errors"][0]["path"], "metadata.tenant");
    let blog = bundle("blog", "shop.example", "1%");
    let path = "/v1/tenants/blog/bundle?dryRun=true";
    let disputed = control.call("PUT", path, None, blog.as_bytes());
    assert_eq!(disputed.status, 409, "{disputed:?}");
    assert_eq!(control.call("PUT", "/v1/tenants/blog/bundle?dry=1", None, b"").status, 400);
    assert_eq!(gateway.wait("nothing", |_| true).commits, before.commits + 1);
}

#[test]
fn a_variant_that_nobody_serves_is_told_and_refuses_nothing() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let text = "apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams: { web: { variants: { stable: { select: { service: web } } } } }
routes: [ { name: web, rules: [ { upstream: web } ] } ]
";
    let put = |query: &str| {
        let taken = control.call("PUT", &format!("{PATH}{query}"), None, text.as_bytes());
        assert_eq!(taken.status, 200, "{taken:?}");
        taken.json()["warnings"].clone()
    };
    for query in ["?dryRun=true&strict=true", "?strict=true"] {
        let warnings = put(query);
        assert_eq!(warnings[0]["path"], "upstreams.web.variants.stable", "{warnings}");
    }
    let instance = r#"{ "service": "web", "addr": "127.0.0.1:9" }"#;
    let registered = control.call("POST", "/v1/instances", None, instance.as_bytes());
    assert!(registered.status < 300, "{registered:?}");
    assert_eq!(put(""), json!([]));
}

#[test]
fn warnings_come_with_the_answer_and_are_refused_when_strict() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let open = shop("5%")
        .replace("  web-v2:\n", "  web-v2:\n    overrides: [{ header: X, requires: any }]\n");
    let put = |query: &str| {
        let path = format!("{PATH}{query}");
        // What curl sends unasked.
        control.call("PUT", &path, Some("application/x-www-form-urlencoded"), open.as_bytes())
    };
    let refused = put("?strict=true");
    assert_eq!((refused.status, control.get(PATH).status), (422, 404), "{refused:?}");
    let warning = refused.json()["errors"][0].clone();
    assert_eq!(warning["path"], "releases.web-v2.overrides[0].requires", "{warning}");
    assert_eq!((&warning["line"], &warning["column"]), (&json!(14), &json!(40)), "{warning}");
    assert_eq!(put("?strict=true&dryRun=true").status, 422);
    for query in ["?dryRun=true", "", ""] {
        let taken = put(query);
        assert_eq!(taken.json()["warnings"], json!([warning]), "{taken:?}");
    }
    let path = format!("{PATH}?strict=true");
    let fine = control.call("PUT", &path, None, shop("5%").as_bytes());
    assert_eq!((fine.status, &fine.json()["warnings"]), (200, &json!([])), "{fine:?}");
}

#[test]
fn conditions_keep_two_authors_apart() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let refused = put(&control, "1%", ("if-match", "*"));
    assert_eq!((refused.status, refused.json().get("currentDigest")), (412, None), "{refused:?}");
    let created = put(&control, "1%", ("if-none-match", "*"));
    assert_eq!(created.status, 200, "{created:?}");
    let first = format!("\"{}\"", digest(&created));
    let refused = put(&control, "2%", ("if-none-match", "*"));
    assert_eq!(refused.status, 412, "{refused:?}");
    assert_eq!(refused.json()["type"], "urn:halftone:problem:precondition-failed");
    assert_eq!(refused.json()["currentDigest"], digest(&created));
    let second = put(&control, "2%", ("if-match", &first));
    assert_eq!(second.status, 200, "{second:?}");
    let late = put(&control, "3%", ("if-match", &first));
    assert_eq!((late.status, &late.json()["currentDigest"]), (412, &json!(digest(&second))));
    assert_eq!(put(&control, "3%", ("if-match", "unquoted")).status, 400);

    let second = format!("\"{}\"", digest(&second));
    let read = |condition| control.call_with("GET", PATH, &[condition], b"");
    assert_eq!(read(("if-none-match", &second)).status, 304);
    assert_eq!(read(("if-none-match", &first)).status, 200);
    let delete = |tag: &str| control.call_with("DELETE", PATH, &[("if-match", tag)], b"");
    assert_eq!((delete(&first).status, delete(&second).status), (412, 204));
}

#[test]
fn an_earlier_revision_comes_back_as_a_new_one() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let revision = |answer: &Answer| answer.json()["revision"].as_u64().expect("a number");
    let first = control.put_bundle("shop", &shop("1%"));
    let second = control.put_bundle("shop", &shop("5%"));
    let rollback = |to: u64| {
        let body = json!({ "revision": to }).to_string();
        control.call("POST", "/v1/tenants/shop:rollback", None, body.as_bytes())
    };
    let back = rollback(revision(&first));
    assert_eq!((back.status, &back.json()["applied"]), (200, &json!(true)), "{back:?}");
    assert_eq!(digest(&back), digest(&first));
    assert!(revision(&back) > revision(&second));
    let seen = gateway.wait("nothing", |_| true);
    assert_eq!((seen.rules.revision, &seen.rules.digest), (revision(&back), &digest(&first)));
    assert_eq!(control.delete(PATH).status, 204);
    let history = control.get("/v1/tenants/shop/revisions").json();
    let shown: Vec<(&Value, Option<&Value>)> = history
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (&one["source"], one.get("digest")))
        .collect();
    let rollback_source = json!(format!("rollback:{}", revision(&first)));
    let digests = [&first, &second].map(|answer| json!(digest(answer)));
    assert_eq!(
        shown,
        [
            (&json!("rest"), None),
            (&rollback_source, Some(&digests[0])),
            (&json!("rest"), Some(&digests[1])),
            (&json!("rest"), Some(&digests[0])),
        ]
    );
    assert!(history[0]["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{history}");
    assert_eq!(history[0]["deleted"], true);
    let one = format!("/v1/tenants/shop/revisions/{}", revision(&second));
    assert_eq!(control.get(&one).json()["bundle"]["metadata"]["tenant"], "shop");
    // What was deleted can be brought back, also after a restart.
    let deletion = history[0]["revision"].as_u64().expect("a number");
    let (of, to) = (revision(&second), digest(&second));
    assert_eq!(rollback(deletion).status, 404);
    control.stop();
    let control = Control::start(options(directory.path(), &[&gateway.socket]));
    assert_eq!(control.get("/v1/tenants/shop/revisions").json(), history);
    assert_eq!(control.get("/v1/tenants").json(), json!([]));
    let body = json!({ "revision": of }).to_string();
    let back = control.call("POST", "/v1/tenants/shop:rollback", None, body.as_bytes());
    assert_eq!((back.status, digest(&back)), (200, to), "{back:?}");
    assert_eq!(control.get("/v1/tenants").json()[0]["tenant"], "shop");
    for (path, body, status) in [
        ("/v1/tenants/shop:rollback", "{\"revision\":9999}", 404),
        ("/v1/tenants/nobody:rollback", "{\"revision\":1}", 404),
        ("/v1/tenants/shop:rollback", "{}", 422),
        ("/v1/tenants/shop:explode", "{}", 404),
    ] {
        let refused = control.call("POST", path, None, body.as_bytes());
        assert_eq!(refused.status, status, "{refused:?}");
        assert_eq!(refused.media_type, "application/problem+json");
    }
    assert_eq!(control.get("/v1/tenants/nobody/revisions").status, 404);
    assert_eq!(control.get("/v1/tenants/shop/revisions/x").status, 400);
}

#[test]
fn a_bundle_of_ten_thousand_rules_is_taken_whole_or_not_at_all() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let rules = |bad: &str| {
        let rule = |at: usize| {
            let target = if at == 9_999 { bad } else { "web-v2" };
            format!(
                "{{ matches: [{{ path: {{ type: PathPrefix, value: /p{at} }} }}], release: {target} }}"
            )
        };
        let rules: Vec<String> = (0..10_000).map(rule).collect();
        let all = format!("rules: [{}]", rules.join(",\n"));
        shop("5%").replace("rules: [{ release: web-v2 }]", &all)
    };
    let started = std::time::Instant::now();
    let answer = control.put_bundle("shop", &rules("web-v2"));
    let took = started.elapsed();
    assert_eq!((answer.status, &answer.json()["applied"]), (200, &json!(true)), "{answer:?}");
    println!("10 000 rules, stored and served by a gateway: {took:?}");
    let before = gateway.wait("nothing", |_| true);
    assert_eq!(before.rules.revision, answer.json()["revision"].as_u64().expect("a number"));
    let refused = control.put_bundle("shop", &rules("missing"));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.json()["errors"].as_array().map(Vec::len), Some(1));
    assert_eq!(gateway.wait("nothing", |_| true).commits, before.commits);
    assert_eq!(control.get("/v1/tenants").json()[0]["digest"], before.rules.digest);
}

fn set_weight(control: &Control, weight: &str) -> Answer {
    let body = format!("{{\"weight\":\"{weight}\"}}");
    control.call("POST", "/v1/tenants/shop/releases/web-v2:setWeight", None, body.as_bytes())
}

#[test]
fn a_release_that_comes_back_starts_from_nothing() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let scheduled = shop("5%").replace("split: { canary: 5% }", "split: scheduled");
    let without = scheduled.split("releases:").next().expect("a bundle");
    let without = without.replace("release: web-v2", "upstream: web");
    for (text, weight) in [(&scheduled, 600_000), (&without, 0), (&scheduled, 0)] {
        let put = control.put_bundle("shop", text);
        assert_eq!(put.json()["applied"], true, "{put:?}");
        if weight > 0 {
            assert_eq!(set_weight(&control, "60%").status, 200);
        }
        let seen = gateway.wait("nothing", |_| true);
        let found = seen.rules.weights.get("web-v2/default/canary").copied();
        assert_eq!(found.unwrap_or(0), weight, "{text}");
    }
    // Nor do they come back from the disk.
    control.stop();
    let control = Control::start(options(directory.path(), &[&gateway.socket]));
    assert_eq!(control.put_bundle("shop", &scheduled).status, 200);
    assert_eq!(gateway.wait("nothing", |_| true).rules.weights.len(), 0);
}

#[test]
fn a_moved_weight_travels_alone_and_whole_where_it_must() {
    let directory = directory();
    let places = ["one", "two"].map(|name| directory.path().join(name));
    let gateways = places.each_ref().map(|place| Gateway::start(place));
    let sockets = gateways.each_ref().map(|gateway| gateway.socket.as_path());
    let control = Control::start(options(directory.path(), &sockets));
    for gateway in &gateways {
        gateway.wait("the first commit", |seen| seen.commits == 1);
    }
    let scheduled = shop("5%").replace("split: { canary: 5% }", "split: scheduled");
    assert_eq!(control.put_bundle("shop", &scheduled).json()["applied"], true);
    let [one, two] = &gateways;
    let moves = |weight: &str, ppm: u32| {
        let moved = set_weight(&control, weight);
        assert_eq!((moved.status, &moved.json()["applied"]), (200, &json!(true)), "{moved:?}");
        let expected = [("web-v2/default/canary".to_owned(), ppm)].into();
        [one, two].map(|gateway| {
            let seen = gateway.wait("nothing", |_| true);
            assert_eq!(seen.rules.weights, expected);
            (seen.prepared.0, seen.moved)
        })
    };
    // Rules whole, ranges alone, and how many of those were refused.
    assert_eq!(moves("5%", 50_000), [(2, (1, 0)), (2, (1, 0))]);
    one.disconnect();
    one.wait("a commit of a new connection", |seen| seen.greeted == 2 && seen.commits == 4);
    assert_eq!(moves("10%", 100_000), [(3, (2, 0)), (2, (2, 0))]);
    // What another peer has served is replaced.
    two.serve_others();
    assert_eq!(moves("20%", 200_000), [(3, (3, 0)), (3, (3, 1))]);
    assert_eq!(moves("1%", 10_000), [(3, (4, 0)), (3, (4, 1))]);
    // With a bundle it starts anew, and instances travel beside it.
    let other = scheduled.replace("9001", "9009").replace("name: web,", "name: site,");
    assert_eq!(control.put_bundle("shop", &other).json()["applied"], true);
    assert_eq!(control.register(CANARY).status, 201);
    assert_eq!(moves("30%", 300_000), [(4, (5, 0)), (4, (5, 1))]);

    control.stop();
    let control = Control::start(options(directory.path(), &sockets));
    for gateway in &gateways {
        let whole = |seen: &Seen| seen.prepared.0 == 5 && !seen.rules.weights.is_empty();
        assert_eq!(gateway.wait("the rules whole", whole).moved.0, 5);
    }
    let before = one.wait("nothing", |_| true);
    assert_eq!(set_weight(&control, "30%").status, 200, "it has that weight already");
    let weights = one.wait("nothing", |_| true).rules.weights;
    assert_eq!(weights, [("web-v2/default/canary".to_owned(), 300_000)].into());
    assert_eq!(one.wait("nothing", |_| true).moved, before.moved);
}

#[test]
fn a_weight_is_about_what_the_canary_is_now() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let scheduled = shop("5%").replace("split: { canary: 5% }", "split: scheduled");
    let other = "      other: { addresses: [\"127.0.0.1:9003\"] }\nroutes:";
    let scheduled = scheduled.replace("routes:", other);
    let renamed =
        scheduled.replace("    upstream: web\n", "    upstream: web\n    canary: other\n");
    let weights = || gateway.wait("nothing", |_| true).rules.weights;
    let of = |variant: &str, weight: u32| [(format!("web-v2/default/{variant}"), weight)].into();
    control.put_bundle("shop", &scheduled);
    assert_eq!(set_weight(&control, "60%").status, 200);
    assert_eq!(weights(), of("canary", 600_000));
    assert_eq!(control.put_bundle("shop", &renamed).json()["applied"], true);
    assert_eq!(weights(), [].into(), "the old canary's share is stable's again");
    assert_eq!(set_weight(&control, "60%").status, 200);
    assert_eq!(weights(), of("other", 600_000));
    assert_eq!(set_weight(&control, "0%").json()["applied"], true);
    assert_eq!(weights(), [].into());
}

#[test]
fn a_scheduled_weight_is_moved_beside_the_bundle() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let scheduled = shop("5%").replace("split: { canary: 5% }", "split: scheduled");
    let put = control.put_bundle("shop", &scheduled);
    assert_eq!(put.status, 200, "{put:?}");
    let before = gateway.wait("nothing", |_| true);
    let set = |release: &str, body: &str| {
        let path = format!("/v1/tenants/shop/releases/{release}:setWeight");
        control.call("POST", &path, None, body.as_bytes())
    };
    let moved = set("web-v2", r#"{"weight":"5%"}"#);
    assert_eq!((moved.status, &moved.json()["applied"]), (200, &json!(true)), "{moved:?}");
    let after = gateway.wait("nothing", |_| true);
    assert_eq!(
        (after.prepared, after.moved),
        (before.prepared, (1, 0)),
        "new ranges, no new rules"
    );
    assert_eq!(after.rules.weights, [("web-v2/default/canary".to_owned(), 50_000)].into());
    assert!(after.rules.revision > before.rules.revision);
    assert_eq!(after.rules.digest, before.rules.digest, "of the same bundle");
    assert_eq!(set("web-v2", r#"{"weight":"5%","targets":["default"]}"#).status, 200);
    assert_eq!(gateway.wait("nothing", |_| true).commits, after.commits, "it had that weight");
    for (release, body, status, path) in [
        ("nobody", r#"{"weight":"5%"}"#, 404, Value::Null),
        ("web-v2", r#"{"weight":"5%","targets":["default","nobody"]}"#, 422, json!("targets[1]")),
        ("web-v2", r#"{"weight":"105%"}"#, 422, json!("weight")),
        ("web-v2", "{}", 422, json!("")),
    ] {
        let refused = set(release, body);
        assert_eq!(refused.status, status, "{refused:?}");
        assert_eq!(refused.json()["errors"][0]["path"], path, "{refused:?}");
    }
    control.put_bundle("shop", &shop("5%"));
    assert_eq!(set("web-v2", r#"{"weight":"5%"}"#).status, 409);
}
