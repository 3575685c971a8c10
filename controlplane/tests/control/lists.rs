//! Lists of ids: replaced wholly, or not at all.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use serde_json::{Value, json};

use super::directory;
use crate::control::{Answer, Control, options};

const STAFF: &str = "/v1/tenants/shop/segments/staff";

fn put(control: &Control, media_type: Option<&str>, lines: &str) -> Answer {
    control.call("PUT", STAFF, media_type, lines.as_bytes())
}

#[test]
fn a_list_is_put_shown_and_forgotten() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    assert_eq!(control.get(STAFF).status, 404);
    let put_is = |media_type, lines, expected: &Value| {
        let mut put = put(&control, media_type, lines).json();
        put.as_object_mut().expect("a map").remove("warnings");
        assert_eq!(put, *expected);
    };
    let first = json!({ "tenant": "shop", "list": "staff", "revision": 1, "ids": 2 });
    put_is(None, "u7\nu8\nu7\n", &first);
    // Nothing is new.
    put_is(Some("text/csv"), "id\nu8\nu7\n", &first);
    let second = json!({ "tenant": "shop", "list": "staff", "revision": 2, "ids": 1 });
    put_is(Some("application/x-ndjson"), "{\"id\":\"u7\"}", &second);
    control.stop();

    let control = Control::start(options(directory.path(), &[]));
    assert_eq!(control.get(STAFF).json(), second, "after a restart");
    assert_eq!(control.get("/v1/tenants/shop/segments").json(), json!([second]));
    assert_eq!(control.get("/v1/tenants/blog/segments").json(), json!([]));
    assert_eq!(put(&control, Some("text/csv"), "id\n").json()["ids"], 0, "nobody is on it");
    for status in [204, 404] {
        assert_eq!(control.delete(STAFF).status, status);
    }
}

#[test]
fn a_load_that_nothing_asks_for_is_taken_and_told() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let check = |list: &str, tags: &str| {
        let load = "/v1/tenants/shop/tags:load";
        let loaded = control.call("POST", load, Some("text/csv"), b"id,level\nu7,vip\n");
        for (answer, expected) in [(put(&control, None, "u7\n"), list), (loaded, tags)] {
            assert_eq!(answer.status, 200, "{answer:?}");
            let warnings = answer.json()["warnings"].clone();
            let told: Vec<&str> = warnings
                .as_array()
                .expect("a list")
                .iter()
                .map(|one| one["message"].as_str().expect("text"))
                .collect();
            assert_eq!(told.concat(), expected, "{answer:?}");
        }
    };
    let none = "tenant \"shop\" has no bundle, so nothing asks for what was loaded";
    check(none, none);
    let bundle = |segments: &str, from: &str| {
        let text = format!(
            "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: shop }}
attributes:
  user.id: {{ type: string, from: [{{ header: x-user-id }}] }}
  user.level: {{ type: string, from: [{from}] }}
segments: {segments}
"
        );
        let put = control.put_bundle("shop", &text);
        assert_eq!(put.status, 200, "{put:?}");
    };
    bundle("{ staff: { members: beta } }", "{ header: x-level }");
    check(
        "no segment of tenant \"shop\" has `members: staff`, so nothing asks for what was loaded",
        "no attribute of tenant \"shop\" is read from tags, so nothing asks for what was loaded",
    );
    bundle("{ us: { members: staff } }", "{ tags: level }");
    check("", "");
}

#[test]
fn what_is_not_whole_and_good_changes_nothing() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    put(&control, None, "u7\nu8\n");
    let before = control.get(STAFF).json();
    let long = format!("u9\n{}\n", "x".repeat(1025));
    let bad: String = (0..2_000).map(|_| "{}\n").collect();
    for (media_type, lines, status, told) in [
        (None, "", 422, "expected ids"),
        (None, "\n \n", 422, "expected ids"),
        (None, long.as_str(), 422, "\"path\":\"line 2\""),
        (None, "u1,a\nu2,b\n", 422, "nothing behind line 1 was read"),
        (Some("text/csv"), "id,a\nu1\n", 422, "expected 2 fields, got 1"),
        (Some("application/x-ndjson"), bad.as_str(), 422, "nothing behind line 1000 was read"),
        (Some("text/html"), "u1\n", 415, "text/plain"),
    ] {
        let answer = put(&control, media_type, lines);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text.contains(told), "{told:?}: {answer:?}");
        assert_eq!(control.get(STAFF).json(), before);
    }
    for path in ["/v1/tenants/sh%20op/segments/staff", "/v1/tenants/shop/segments/a%2Fb"] {
        assert_eq!(control.call("PUT", path, None, b"u1\n").status, 400, "{path}");
    }
    // A caller that leaves in the middle.
    let mut stream = TcpStream::connect(control.address()).expect("it listens");
    let head =
        format!("PUT {STAFF} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nu1\nu2\n");
    stream.write_all(head.as_bytes()).expect("sent");
    stream.shutdown(Shutdown::Write).expect("shut down");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an end");
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(control.get(STAFF).json(), before);
}
