//! One object of a bundle at a time: what comes of it is the bundle that would have been put as a whole.

use std::thread;

use serde_json::{Value, json};

use super::{bundle, directory, start};
use crate::control::{Answer, Control, options};

const BUNDLE: &str = "/v1/tenants/shop/bundle";

fn put(control: &Control, object: &str, body: &Value) -> Answer {
    let path = format!("{BUNDLE}/{object}");
    control.call("PUT", &path, Some("application/json"), body.to_string().as_bytes())
}

fn get(control: &Control, object: &str) -> Answer {
    control.get(&format!("{BUNDLE}/{object}"))
}

/// Changes a value of the object and puts it back.
fn change(control: &Control, object: &str, pointer: &str, value: Value) -> Answer {
    let mut body = get(control, object).json();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    body.pointer_mut(parent).expect("there")[key] = value;
    put(control, object, &body)
}

#[test]
fn an_object_is_changed_alone_and_the_bundle_is_as_if_put_whole() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    assert_eq!(control.put_bundle("shop", &bundle("shop", "shop.example", "5%")).status, 200);
    let seen = gateway.wait("the bundle", |seen| seen.commits >= 2).commits;

    let changed = change(&control, "releases/web-v2", "/default/split/canary", json!("7%"));
    assert_eq!((changed.status, &changed.json()["applied"]), (200, &json!(true)), "{changed:?}");
    assert!(changed.headers["server-timing"].to_str().expect("text").contains("judge;dur="));
    gateway.wait("the release", |now| now.commits > seen);
    let whole = control.put_bundle("shop", &bundle("shop", "shop.example", "7%"));
    assert_eq!(whole.json()["digest"], changed.json()["digest"], "the same by either way");
    assert_eq!(whole.json()["revision"], changed.json()["revision"], "and nothing new");

    // New ones, and what is shown of them.
    let new = json!({ "name": "extra", "hostnames": ["extra.example"], "rules": [{ "release": "web-v2" }] });
    let stored = put(&control, "routes/extra", &new);
    assert_eq!(stored.status, 200, "{stored:?}");
    let shown = get(&control, "routes/extra");
    assert_eq!(shown.json(), new);
    assert_eq!(
        (&shown.headers["etag"], shown.media_type.as_str()),
        (&stored.headers["etag"], "application/json")
    );
    let text = control.get(BUNDLE).json();
    assert_eq!(text["routes"].as_array().expect("a list").last(), Some(&new));
    for (object, body) in [
        ("segments/adults", json!({ "when": "user.age > 18" })),
        (
            "attributes/user.age",
            json!({ "type": "int", "from": [{ "header": "x-age", "trusted": true }] }),
        ),
        ("upstreams/more", json!({ "variants": { "stable": { "addresses": ["127.0.0.1:1"] } } })),
    ] {
        let expected = if object.starts_with("segments") { 422 } else { 200 };
        assert_eq!(put(&control, object, &body).status, expected, "{object}");
    }
    assert_eq!(put(&control, "segments/adults", &json!({ "when": "user.age > 18" })).status, 200);
    let history = control.get("/v1/tenants/shop/revisions").json();
    let newest = history[0]["revision"].as_u64().expect("a number");
    let one = control.get(&format!("/v1/tenants/shop/revisions/{newest}")).json();
    assert_eq!(one["bundle"], control.get(BUNDLE).json(), "the history has it");

    let path = format!("{BUNDLE}/routes/extra");
    assert_eq!(control.call("DELETE", &path, None, b"").status, 200);
    assert_eq!(control.call("DELETE", &path, None, b"").status, 404);
    assert_eq!(get(&control, "routes/extra").status, 404);
}

#[test]
fn what_is_wrong_is_told_with_its_path_and_its_place() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let yaml = |object: &str, text: &str| {
        let path = format!("{BUNDLE}/{object}");
        control.call("PUT", &path, Some("application/yaml"), text.as_bytes())
    };
    let whole = "{ name: web, rules: [{ upstream: web }] }";
    assert_eq!(yaml("routes/web", whole).status, 404, "there is no bundle yet");
    control.put_bundle("shop", &bundle("shop", "shop.example", "5%"));
    let before = control.get(BUNDLE);
    let first = |answer: &Answer| answer.json()["errors"][0].clone();

    let unknown = yaml("routes/web", "name: web\nrules:\n- release: nowhere\n");
    assert_eq!(unknown.status, 422, "{unknown:?}");
    let problem = first(&unknown);
    assert_eq!(problem["path"], "routes[0].rules[0].release", "{problem}");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(3), &json!(12)), "{problem}");
    let shape =
        yaml("releases/web-v2", "upstream: web\ndefaults: {}\ndefault: { variant: stable }\n");
    let problem = first(&shape);
    assert_eq!(
        (&problem["path"], &problem["line"]),
        (&json!("releases.web-v2.defaults"), &json!(2)),
        "{problem}"
    );
    let named = yaml("routes/web", "name: other\nrules: [{ release: web-v2 }]\n");
    assert_eq!(
        (named.status, &first(&named)["path"]),
        (422, &json!("routes[0].name")),
        "{named:?}"
    );
    assert_eq!(yaml("routes/web", "name: [").status, 400);
    assert_eq!(yaml("things/web", "{}").status, 404);
    let media = control.call("PUT", &format!("{BUNDLE}/routes/web"), Some("text/html"), b"");
    assert_eq!(media.status, 415);

    // What goes is missed where it is named: far away from what was sent.
    let gone = control.call("DELETE", &format!("{BUNDLE}/releases/web-v2"), None, b"");
    assert_eq!(gone.status, 422, "{gone:?}");
    let problem = first(&gone);
    assert_eq!(problem["path"], "routes[0].rules[0].release", "{problem}");
    assert_eq!(problem.get("line"), None, "{problem}");
    assert_eq!(control.get(BUNDLE).text, before.text, "what is refused changes nothing");
    let path = format!("{BUNDLE}/releases/web-v2?dryRun=true");
    let body = get(&control, "releases/web-v2").text.replace("5%", "6%");
    let dry = control.call("PUT", &path, Some("application/json"), body.as_bytes());
    assert_eq!((dry.status, &dry.json()["changed"]), (200, &json!(true)), "{dry:?}");
    assert_eq!(control.get(BUNDLE).text, before.text, "a dry run changes nothing");
}

#[test]
fn conditions_are_about_the_object() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    control.put_bundle("shop", &bundle("shop", "shop.example", "5%"));
    let path = format!("{BUNDLE}/releases/web-v2");
    let shown = control.get(&path);
    let tag = shown.headers["etag"].to_str().expect("text").to_owned();
    let (text, other) = (shown.text.clone(), shown.text.replace("5%", "6%"));
    let put = |condition: (&str, &str), text: &str| {
        let headers = [("content-type", "application/json"), condition];
        control.call_with("PUT", &path, &headers, text.as_bytes()).status
    };
    assert_eq!(control.call_with("GET", &path, &[("if-none-match", &tag)], b"").status, 304);
    // The bundle changes elsewhere; the release is the one that was read.
    let route = get(&control, "routes/web").json();
    let mut more = route.clone();
    more["hostnames"].as_array_mut().expect("a list").push(json!("more.example"));
    assert_eq!(self::put(&control, "routes/web", &more).status, 200);
    assert_eq!(put(("if-match", &tag), &other), 200);
    assert_eq!(put(("if-match", &tag), &text), 412);
    assert_eq!(put(("if-none-match", "*"), &text), 412);
    assert_eq!(control.call_with("DELETE", &path, &[("if-match", &tag)], b"").status, 412);
}

/// Each change is made of the bundle as it is in its turn: none takes another one back.
#[test]
fn objects_changed_at_once_are_all_changed() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    control.put_bundle("shop", &bundle("shop", "shop.example", "5%"));
    thread::scope(|scope| {
        for writer in 0..4 {
            let control = &control;
            scope.spawn(move || {
                for at in 0..5 {
                    let name = format!("w{writer}-{at}");
                    let route = json!({ "name": name, "hostnames": [format!("{name}.example")],
                        "rules": [{ "release": "web-v2" }] });
                    let stored = put(control, &format!("routes/{name}"), &route);
                    assert_eq!(stored.status, 200, "{stored:?}");
                }
            });
        }
    });
    let routes = control.get(BUNDLE).json()["routes"].as_array().expect("a list").len();
    assert_eq!(routes, 1 + 4 * 5);
}
