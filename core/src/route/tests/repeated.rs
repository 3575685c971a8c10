//! Fields that a caller repeats.

use super::*;

/// Targets that read one header each, in both ways there are.
fn targets(count: usize) -> Value {
    let target = |at: usize| match at % 2 {
        0 => json!({ "id": format!("t{at}"), "variant": "canary", "match": { "headers": [
            { "name": "x-group", "type": "Exact", "value": format!("g{at}") }] } }),
        _ => json!({ "id": format!("t{at}"), "variant": "canary",
            "when": format!("request.headers['x-group'] == 'g{at}'") }),
    };
    (0..count).map(target).collect()
}

#[test]
fn a_repeated_header_is_joined_once_however_many_targets_read_it() {
    let long = "a".repeat(8 * 1024);
    let routes = json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]);
    let release =
        json!({ "upstream": "u", "targets": targets(300), "default": { "variant": "stable" } });
    let table = table(bundle(routes, release));
    for headers in [&[("x-group", &*long), ("X-Group", &*long)][..], &[("x-group", &*long); 3]] {
        let arena = Bump::new();
        let found = ask_in(&arena, &table, &Ask { headers, ..Ask::default() });
        assert_eq!(found.expect("a route").2, Reason::Default);
        let bytes = arena.allocated_bytes();
        assert!(bytes < 4 * headers.len() * long.len(), "{bytes} bytes for one request");
    }
}

#[test]
fn each_repeated_header_keeps_its_own_value() {
    let routes = json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]);
    let release = json!({ "upstream": "u", "default": { "variant": "stable" }, "targets": [
        { "id": "neither", "variant": "stable", "when": "request.headers['x-a'] == request.headers['x-b']" },
        { "id": "both", "variant": "canary",
          "when": "request.headers['x-a'] == '1, 2' && request.headers['x-b'] == '3, 4' && request.headers['x-a'] == '1, 2'" },
    ] });
    let table = table(bundle(routes, release));
    let headers = &[("x-a", "1"), ("x-b", "3"), ("X-A", "2"), ("X-B", "4")];
    let found = ask(&table, &Ask { headers, ..Ask::default() }).expect("a route");
    assert_eq!((found.1.as_str(), found.2), ("t/u/canary", Reason::TargetingMatch));
}

#[test]
fn a_user_agent_sent_over_and_over_is_joined_once() {
    let mut body = bundle(
        json!([{ "name": "r", "rules": [{ "release": "user-v2.1" }] }]),
        json!({ "upstream": "u", "default": { "variant": "stable" }, "targets": [
            { "id": "t", "variant": "canary", "when": "device.os == 'android'" }] }),
    );
    body["attributes"]["device.os"] = json!({ "type": "string", "from": [{ "device": "os" }] });
    let table = table(body);
    let agent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile ".repeat(6);
    let headers: Vec<(&str, &str)> = vec![("User-Agent", &agent); 90];
    let arena = Bump::new();
    let found = ask_in(&arena, &table, &Ask { headers: &headers, ..Ask::default() });
    assert_eq!(found.expect("a route").1, "t/u/canary");
    let bytes = arena.allocated_bytes();
    assert!(bytes < 4 * headers.len() * agent.len(), "{bytes} bytes for one request");
}
