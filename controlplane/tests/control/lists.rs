//! Lists of ids: replaced wholly, or not at all.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use serde_json::json;

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
    let first = json!({ "tenant": "shop", "list": "staff", "revision": 1, "ids": 2 });
    assert_eq!(put(&control, None, "u7\nu8\nu7\n").json(), first);
    assert_eq!(put(&control, Some("text/csv"), "id\nu8\nu7\n").json(), first, "nothing is new");
    let second = json!({ "tenant": "shop", "list": "staff", "revision": 2, "ids": 1 });
    assert_eq!(put(&control, Some("application/x-ndjson"), "{\"id\":\"u7\"}").json(), second);
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
fn what_is_not_whole_and_good_changes_nothing() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let before = put(&control, None, "u7\nu8\n").json();
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
