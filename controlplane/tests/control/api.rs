//! Refusals of the API: every one a problem with its place and its words.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::{CANARY, bundle, directory};
use crate::{
    control::{Answer, Control, options},
    gateway::Gateway,
};

fn check(answer: &Answer, status: u16, kind: &str) -> Value {
    let problem = answer.json();
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.media_type, "application/problem+json", "{answer:?}");
    assert_eq!(problem["type"], format!("urn:halftone:problem:{kind}"), "{answer:?}");
    assert_eq!(problem["status"], status, "{answer:?}");
    for member in ["title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{answer:?}");
    }
    problem
}

#[test]
fn unknown_paths_and_wrong_methods_are_problems() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    for path in ["/", "/v1", "/v1/instances/", "/v2/instances", "/v1/tenants//bundle", "/%ff"] {
        check(&control.get(path), 404, "not-found");
    }
    check(&control.get("/v1/instances/nobody@127.0.0.1:1"), 404, "not-found");
    check(&control.get("/v1/tenants/nobody/bundle"), 404, "not-found");
    check(&control.delete("/v1/tenants/nobody/bundle"), 404, "not-found");
    check(&control.get("/v1/instances/%ff"), 400, "bad-request");
    check(&control.get("/v1/gateways?histograms=maybe"), 400, "bad-request");
    check(&control.get("/v1/gateways?verbose=true"), 400, "bad-request");
    for (method, path, allowed) in [
        ("PUT", "/v1/instances", "POST"),
        ("POST", "/v1/tenants/shop/bundle", "PUT"),
        ("DELETE", "/healthz", "GET"),
    ] {
        let answer = control.call(method, path, None, b"");
        check(&answer, 405, "method-not-allowed");
        let allow = answer.headers["allow"].to_str().expect("text");
        assert!(allow.contains(allowed), "{allow}");
    }
}

#[test]
fn registrations_are_refused_with_every_reason() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let problem = check(&control.register("{\n\"service\": user}"), 400, "syntax");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(12)), "{problem}");
    check(&control.register(""), 400, "syntax");
    check(&control.register("service=user-api"), 400, "syntax");
    for (body, told) in [
        ("[]", "expected a map, got a list"),
        ("{}", "missing field `service`"),
        (r#"{"service":"a","addr":"b:1","weight":3}"#, "unknown field \"weight\""),
        ("null", "expected a map, got nothing"),
        ("7", "expected a map, got 7"),
        (r#"{"service":"a","addr":7}"#, "expected text, got 7; put it in quotes"),
        (
            r#"{"service":"a","addr":"b:1","metadata":{"weight":"30"}}"#,
            "expected a whole number from 0 to 1000000, got \"30\": it is text in quotes",
        ),
    ] {
        let problem = check(&control.register(body), 422, "invalid");
        let message = problem["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(told), "{message}");
    }
    let rollback = control.call("POST", "/v1/tenants/a:rollback", None, br#"{"revision":"1"}"#);
    let problem = check(&rollback, 422, "invalid");
    let message = &problem["errors"][0]["message"];
    assert_eq!(message, "expected a whole number from 0, got \"1\"");
    let revision = check(&control.get("/v1/tenants/a/revisions/x"), 400, "bad-request");
    assert_eq!(revision["detail"], "expected the number of a revision, got \"x\"");
    let body =
        r#"{"service":"a b","addr":"nowhere","metadata":{"weight":-1,"group":"/"},"ttl":"1.5s"}"#;
    let problem = check(&control.register(body), 422, "invalid");
    let errors = problem["errors"].as_array().expect("a list");
    let paths: Vec<_> = errors.iter().filter_map(|error| error["path"].as_str()).collect();
    assert_eq!(paths, ["service", "addr", "metadata.weight", "metadata.group", "ttl"]);
    let large = format!("{CANARY}{}", " ".repeat(64 * 1024));
    check(&control.register(&large), 413, "too-large");
    let bad_utf8 = control.call("POST", "/v1/instances", None, b"{\"service\":\"\xff\"}");
    check(&bad_utf8, 400, "syntax");
    assert_eq!(control.get("/v1/instances").json(), json!([]));
}

#[test]
fn bundles_are_refused_with_every_reason() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let good = bundle("shop", "shop.example", "20%");
    let problem = check(&control.put_bundle("blog", &good), 422, "invalid");
    assert_eq!(problem["errors"][0]["path"], "metadata.tenant");
    let bad = good.replace("halftone/v1", "v0").replace("canary: 20%", "canray: 20%, stable: 90%");
    let problem = check(&control.put_bundle("shop", &bad), 422, "invalid");
    let errors = problem["errors"].as_array().expect("a list");
    assert!(errors.len() >= 3, "{problem}");
    assert!(problem.to_string().contains("did you mean"), "{problem}");
    let problem = check(&control.put_bundle("shop", "kind: [\n"), 400, "syntax");
    assert!(problem["line"].is_u64() && problem["column"].is_u64(), "{problem}");
    let unknown = good.replace("routes:", "ruotes:");
    let problem = check(&control.put_bundle("shop", &unknown), 422, "invalid");
    let error = &problem["errors"][0];
    assert!(error["line"].is_u64() && error["path"] == "ruotes", "{problem}");

    let path = "/v1/tenants/shop/bundle";
    let form = Some("multipart/form-data; boundary=x");
    let refused = control.call("PUT", path, form, good.as_bytes());
    check(&refused, 415, "unsupported-media-type");
    let json = control.call("PUT", path, Some("application/json"), good.as_bytes());
    check(&json, 400, "syntax");
    check(&control.get(path), 404, "not-found");
    // `curl -T` names no media type.
    assert_eq!(control.call("PUT", path, None, good.as_bytes()).status, 200);
}

#[test]
fn pages_of_other_origins_are_refused() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let request = |headers: &str| {
        let mut stream = TcpStream::connect(control.address()).expect("connected");
        let (length, body) = (CANARY.len(), CANARY);
        let head = format!(
            "POST /v1/instances HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    for headers in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nOrigin: http://evil.example\r\n",
        "Host: localhost\r\nOrigin: null\r\n",
    ] {
        let answer = request(headers);
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    assert_eq!(control.get("/v1/instances").json(), json!([]));
    let answer = request("Host: localhost\r\nOrigin: http://localhost\r\n");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn what_is_stored_but_disputed_keeps_the_api_up() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    assert_eq!(control.register(CANARY).status, 201);
    let long = CANARY.replace("127.0.0.1", &"n".repeat(253));
    check(&control.register(&long), 422, "invalid");
    assert_eq!(control.get("/healthz").json(), json!({ "status": "ok" }));
}

#[test]
fn questions_are_passed_on_and_refusals_told() {
    let directory = directory();
    let gateway = Gateway::start(directory.path());
    let control = Control::start(options(directory.path(), &[&gateway.socket]));
    let json = Some("application/json");
    let ask = |body: &str| control.call("POST", "/v1/explain", json, body.as_bytes());
    check(&ask("{}"), 422, "invalid");
    check(&ask(r#"{"url":"/","curl":1}"#), 422, "invalid");
    gateway.wait("the first commit", |seen| seen.commits == 1);
    let answer = ask(r#"{"url":"http://a/b","headers":[{"name":"X-A","value":"1"}]}"#);
    assert_eq!((answer.status, &answer.json()["route"]), (200, &json!("http://a/b")), "{answer:?}");
    let problem = check(&ask(r#"{"url":""}"#), 422, "invalid");
    assert_eq!(problem["errors"][0]["path"], "url", "{problem}");
}

#[test]
fn without_a_gateway_nothing_is_explained() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let answer = control.call("POST", "/v1/explain", Some("application/json"), br#"{"url":"/"}"#);
    check(&answer, 503, "no-gateway");
}

#[test]
fn an_early_answer_is_not_lost_to_those_who_listen_only_when_all_is_sent() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    // More than any socket holds.
    let rest = vec![b'7'; 64 << 20];
    for (line, begin, status) in [
        ("PUT /v1/tenants/a%20b/segments/staff", "u1\n", "400"),
        ("PUT /v1/tenants/shop/segments/staff", "u1,a\nu2\n", "422"),
        ("POST /v1/tenants/shop/tags:load", "u1\nu2\n", "200"),
        ("PUT /v1/tenants/shop/bundle", "{", "413"),
        ("DELETE /healthz", "", "405"),
    ] {
        let length = begin.len() + rest.len();
        let head =
            format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        let mut stream = TcpStream::connect(control.address()).expect("it listens");
        for part in [head.as_bytes(), begin.as_bytes(), &rest] {
            stream.write_all(part).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
    }
}
