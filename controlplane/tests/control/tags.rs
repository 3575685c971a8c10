//! Tags: one by one, and loaded.

use serde_json::json;

use super::directory;
use crate::control::{Answer, Control, options};

const NDJSON: Option<&str> = Some("application/x-ndjson");
const ALL: &str = "/v1/tenants/shop/tags";
const LOAD: &str = "/v1/tenants/shop/tags:load";

fn load(control: &Control, media_type: Option<&str>, lines: &str) -> Answer {
    control.call("POST", LOAD, media_type, lines.as_bytes())
}

#[test]
fn the_tags_of_one_id_are_put_shown_and_forgotten() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let one = "/v1/tenants/shop/tags/%E5%8C%97%2Fu7";
    assert_eq!(control.get(one).status, 404);
    let body = br#"{ "level": "vip", "age": 30, "beta": true }"#;
    let put = control.call("PUT", one, None, body);
    let tags = json!({ "level": "vip", "age": "30", "beta": "true" });
    assert_eq!(put.json(), json!({ "id": "北/u7", "tags": tags, "revision": 1 }), "{put:?}");
    assert_eq!(control.get(one).json(), json!({ "id": "北/u7", "tags": tags }));
    assert_eq!(control.get(ALL).json(), json!({ "tenant": "shop", "revision": 1, "ids": 1 }));
    assert_eq!(control.get("/v1/tenants/blog/tags").json()["ids"], 0);
    control.stop();

    let control = Control::start(options(directory.path(), &[]));
    assert_eq!(control.get(one).json()["tags"], tags, "after a restart");
    for status in [204, 404] {
        assert_eq!(control.delete(one).status, status);
    }
    assert_eq!(control.call("PUT", one, None, body).json()["revision"], 3);
    assert_eq!(control.call("PUT", one, None, b"{}").json()["revision"], 4);
    assert_eq!(control.get(one).status, 404, "none at all is to forget it");
}

#[test]
fn what_cannot_be_kept_is_refused_with_its_place() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let long = "x".repeat(1025);
    for (path, body, status, told) in [
        ("shop/tags/u7", "[]", 422, "expected"),
        ("shop/tags/u7", "{", 400, "syntax"),
        ("shop/tags/u7", r#"{ "a b": "1" }"#, 422, "expected names of letters"),
        ("shop/tags/u7", &format!(r#"{{ "a": "{long}" }}"#), 422, "\"path\":\"tags.a\""),
        ("shop/tags/u7", r#"{ "a": 1, "a": 2 }"#, 422, "a"),
        (&format!("shop/tags/{long}"), "{}", 422, "\"path\":\"id\""),
        ("sh%20op/tags/u7", "{}", 400, "expected a tenant"),
    ] {
        let answer = control.call("PUT", &format!("/v1/tenants/{path}"), None, body.as_bytes());
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert!(answer.text.contains(told), "{path} {body}: {answer:?}");
    }
    assert_eq!(control.get(ALL).json()["ids"], 0);
    assert_eq!(load(&control, Some("text/html"), "x").status, 415);
}

#[test]
fn a_load_takes_good_lines_and_tells_every_bad_one() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let mut lines = String::new();
    for at in 0..25_000 {
        lines.push_str(&match at % 5_000 {
            777 => "not a row\n".to_owned(),
            _ => format!("{{\"id\":\"u{at}\",\"tags\":{{\"level\":\"l{}\"}}}}\n", at % 3),
        });
    }
    let loaded = load(&control, NDJSON, &lines).json();
    assert_eq!((&loaded["loaded"], &loaded["refused"]), (&json!(24_995), &json!(5)), "{loaded}");
    assert_eq!((&loaded["ids"], &loaded["revision"]), (&json!(24_995), &json!(3)), "{loaded}");
    let numbers: Vec<_> =
        loaded["errors"].as_array().expect("a list").iter().map(|one| &one["line"]).collect();
    assert_eq!(numbers, [778, 5778, 10778, 15778, 20778]);
    assert_eq!(loaded.get("endedAt"), None);
    assert_eq!(control.get(&format!("{ALL}/u24999")).json()["tags"]["level"], "l0");

    let csv = "id,level,age\nu1,vip,\n\"u,2\",new,7\n";
    let loaded = load(&control, None, csv).json();
    assert_eq!((&loaded["loaded"], &loaded["ids"]), (&json!(2), &json!(24_996)), "{loaded}");
    assert_eq!(control.get(&format!("{ALL}/u1")).json()["tags"], json!({ "level": "vip" }));
    assert_eq!(control.get(&format!("{ALL}/u,2")).json()["tags"]["age"], "7");

    let wrong = load(&control, Some("text/csv"), "level\nvip\n").json();
    assert_eq!((&wrong["loaded"], &wrong["endedAt"]), (&json!(0), &json!(1)), "{wrong}");
    let nothing = load(&control, NDJSON, "").json();
    assert_eq!((&nothing["loaded"], &nothing["ids"]), (&json!(0), &json!(24_996)));
}
