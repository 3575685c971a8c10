//! The access log: each request with what was decided, and from which tables.

use halftone_core::bucket::bucket;
use serde_json::{Value, json};

use crate::{
    on_each_engine,
    readme::CANARY_BUNDLE,
    stack::{Engine, Stack, get},
    upstream::Upstream,
};

on_each_engine! {
    fn a_line_says_what_was_decided_and_why(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &[]);
        stack.api.register("hello", stable.address(), &json!({}));
        stack.api.register("hello", canary.address(), &json!({ "group": "canary" }));
        stack.api.put_bundle("demo", CANARY_BUNDLE);
        let gateway = stack.api.gateway().expect("the API answers");

        let mut connection = stack.connect();
        let users: Vec<String> = (0..20).map(|number| format!("user-{number}")).collect();
        for user in &users {
            connection.send(get("/a?b=%20\"c", &[("x-user-id", user)])).answer();
        }
        connection.send(get("/", &[("X-Release-Group", "canary")])).answer();

        let lines = stack.log(users.len() + 1);
        assert_eq!(lines.len(), users.len() + 1, "one line a request");
        let addresses = [("stable", stable.address()), ("canary", canary.address())];
        let common = |line: &Value, variant: &str| {
            assert_eq!(line["release"], "hello-v2", "{line}");
            assert_eq!(line["tenant"], "demo", "{line}");
            assert_eq!(line["route"], "hello", "{line}");
            assert_eq!(line["variant"], variant, "{line}");
            assert_eq!(line["status"], 200, "{line}");
            assert_eq!(line["method"], "GET", "{line}");
            assert_eq!(line["client_ip"], "127.0.0.1", "{line}");
            assert_eq!(line["rules_epoch"], gateway["rulesEpoch"], "{line}");
            assert_eq!(line["instances_epoch"], gateway["instancesEpoch"], "{line}");
            let address = addresses.iter().find(|(name, _)| *name == variant).map(|(_, address)| address.to_string());
            assert_eq!(line["upstream"].as_str(), address.as_deref(), "{line}");
        };
        for (line, user) in lines.iter().zip(&users) {
            let bucket = bucket(b"hello-v2", user.as_bytes());
            common(line, if bucket < 200_000 { "canary" } else { "stable" });
            assert_eq!(line["bucket"], bucket, "{line}");
            assert_eq!(line["reason"], "SPLIT", "{line}");
            assert_eq!(line["target"], "/a?b=%20\"c", "{line}");
        }
        let last = lines.last().expect("a line");
        common(last, "canary");
        assert_eq!((&last["reason"], &last["bucket"]), (&json!("OVERRIDE"), &Value::Null), "{last}");
    }
}
