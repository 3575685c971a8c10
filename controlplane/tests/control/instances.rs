//! The life of an instance: leases, draining, lists.

use serde_json::{Value, json};

use super::{CANARY, directory, poll, start};
use crate::control::{Control, options};

const ID: &str = "user-api@127.0.0.1:8000";

fn with_ttl(ttl: &str) -> String {
    CANARY.replace("\"metadata\"", &format!("\"ttl\":\"{ttl}\",\"metadata\""))
}

#[test]
fn a_silent_instance_leaves_the_gateway_and_one_with_time_stays() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    let short = with_ttl("1s").replace(":8000", ":8001");
    assert_eq!(control.register(&short).status, 201);
    let answer = control.register(&with_ttl("60m"));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["ttl"], "1h");
    assert_eq!(answer.json()["expiresInMs"], 3_600_000);
    let seen = gateway.wait("the removal", |seen| seen.of("user-api", "canary").len() == 1);
    assert_eq!(seen.of("user-api", "canary"), ["127.0.0.1:8000"]);
    let beat = |id: &str| control.call("PUT", &format!("/v1/instances/{id}/heartbeat"), None, b"");
    assert_eq!(beat("user-api@127.0.0.1:8001").status, 404, "it has to register again");
    let renewed = beat(ID);
    assert_eq!((renewed.status, &renewed.json()["expiresInMs"]), (200, &json!(3_600_000)));
    assert_eq!(control.register(&short).status, 201);
}

#[test]
fn a_restart_grants_a_whole_time_to_live_and_then_ends_it() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    control.register(&with_ttl("1h"));
    control.register(&with_ttl("1s").replace(":8000", ":8001"));
    control.stop();
    let control = Control::start(options(directory.path(), &[]));
    let shown = control.get(&format!("/v1/instances/{ID}")).json();
    assert!(shown["expiresInMs"].as_u64().is_some_and(|ms| ms <= 3_600_000), "{shown}");
    poll(&control, "/v1/instances", |list| list.as_array().is_some_and(|list| list.len() == 1));
    // Registered without one, it stays.
    assert_eq!(control.register(CANARY).status, 200);
    let shown = control.get(&format!("/v1/instances/{ID}")).json();
    assert_eq!((shown.get("ttl"), shown.get("expiresInMs")), (None, None), "{shown}");
}

#[test]
fn a_drained_instance_is_listed_and_gets_no_requests() {
    let directory = directory();
    let (gateway, control) = start(directory.path());
    control.register(CANARY);
    control.register(&CANARY.replace(":8000", ":8001"));
    let before = gateway.wait("nothing", |_| true);
    let act =
        |action: &str| control.call("POST", &format!("/v1/instances/{ID}:{action}"), None, b"");
    let drained = act("drain");
    assert_eq!((drained.status, &drained.json()["draining"]), (200, &json!(true)), "{drained:?}");
    assert_eq!(drained.json()["applied"], true);
    let seen = gateway.wait("nothing", |_| true);
    assert_eq!(seen.of("user-api", "canary"), ["127.0.0.1:8001"]);
    assert_eq!(seen.prepared.0, before.prepared.0, "the rules are the same");
    let again = control.register(CANARY).json();
    assert_eq!((&again["draining"], &again["applied"]), (&json!(true), &json!(true)));
    let back = act("undrain").json();
    assert_eq!(back.get("draining"), None, "{back}");
    assert_eq!(gateway.wait("nothing", |_| true).of("user-api", "canary").len(), 2);
    assert_eq!(act("explode").status, 404);
    assert_eq!(control.call("POST", "/v1/instances/nobody@a:1:drain", None, b"").status, 404);
}

#[test]
fn instances_are_listed_by_service() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    control.register(CANARY);
    control.register(&CANARY.replace("user-api", "shop"));
    let ids = |path: &str| -> Vec<Value> {
        let list = control.get(path).json();
        list.as_array().expect("a list").iter().map(|one| one["id"].clone()).collect()
    };
    assert_eq!(ids("/v1/instances"), ["shop@127.0.0.1:8000", ID]);
    assert_eq!(ids("/v1/instances?service=user-api"), [ID]);
    assert_eq!(ids("/v1/instances?service=nobody"), [""; 0]);
    assert_eq!(control.get("/v1/instances?svc=shop").status, 400);
}

#[test]
fn a_name_that_does_not_resolve_is_told_to_who_registers_it() {
    let directory = directory();
    let (_gateway, control) = start(directory.path());
    let answer = control.register(&CANARY.replace("127.0.0.1", "nowhere.invalid"));
    assert_eq!(answer.status, 201, "names may come later: {answer:?}");
    let listed = control.get("/v1/instances?service=user-api").json();
    let shown = control.get("/v1/instances/user-api@nowhere.invalid:8000").json();
    for shown in [&answer.json(), &listed[0], &shown] {
        let warning = &shown["warnings"][0];
        assert_eq!(warning["path"], "addr", "{shown}");
        let message = warning["message"].as_str().expect("words");
        assert!(message.contains("nowhere.invalid"), "{message}");
        assert!(message.contains("nothing is sent there until it"), "{message}");
    }
    for addr in ["localhost:8000", "127.0.0.1:8000"] {
        let answer = control.register(&CANARY.replace("127.0.0.1:8000", addr));
        assert_eq!(answer.json().get("warnings"), None, "{answer:?}");
    }
}
