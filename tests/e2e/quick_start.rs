//! The quick start, to the letter: only a canary registered, beside `--upstream`.

use std::{
    net::SocketAddr,
    process::{Command, Output},
};

use serde_json::json;

use crate::{
    on_each_engine,
    stack::{Engine, Stack, get},
    upstream::Upstream,
};

/// Requests of each kind.
const REQUESTS: usize = 100;

/// Registers as the quick start does: with curl, and the JSON as it is written there.
fn register_with_curl(stack: &Stack, canary: SocketAddr) -> Output {
    let body = r#"{"service":"user-api","addr":"127.0.0.1:8000","metadata":{"version":"v2.1","group":"canary","weight":30}}"#;
    let body = body.replace("127.0.0.1:8000", &canary.to_string());
    let url = format!("http://localhost:{}/v1/instances", stack.api.address.port());
    let curl = Command::new("curl").args(["-sS", "-X", "POST", &url, "-d", &body]).output();
    curl.expect("curl is installed (tests/setup.sh)")
}

/// Sends [`REQUESTS`] with `fields` over one connection and checks where each came out.
fn all_reach(stack: &Stack, fields: &[(&str, &str)], expected: &str) {
    let mut connection = stack.connect();
    for at in 0..REQUESTS {
        let answer = connection.send(get(&format!("/{at}"), fields)).answer();
        assert_eq!((answer.status(), answer.text().as_str()), (200, expected), "{fields:?}");
    }
}

on_each_engine! {
    fn only_the_canary_is_registered(engine: Engine) {
        let (upstream, canary) = (Upstream::named("upstream"), Upstream::named("canary"));
        let url = format!("http://localhost:{}", upstream.address().port());
        let stack = Stack::start(engine, &["--upstream", &url]);
        all_reach(&stack, &[], "upstream");

        let registered = register_with_curl(&stack, canary.address());
        let told = String::from_utf8_lossy(&registered.stdout);
        assert!(registered.status.success() && told.contains(r#""applied":true"#), "{registered:?}");

        all_reach(&stack, &[("X-Release-Group", "canary")], "canary");
        all_reach(&stack, &[("X-Release-Stage", "canary")], "canary");
        all_reach(&stack, &[("x-release-group", "stable")], "upstream");
        all_reach(&stack, &[("X-Release-Group", "unheard-of")], "upstream");
        all_reach(&stack, &[], "upstream");
        assert_eq!(canary.count(), 2 * REQUESTS);
    }

    fn a_stable_instance_takes_the_place_of_the_upstream(engine: Engine) {
        let (upstream, stable) = (Upstream::named("upstream"), Upstream::named("stable"));
        let canary = Upstream::named("canary");
        let url = format!("http://localhost:{}", upstream.address().port());
        let stack = Stack::start(engine, &["--upstream", &url]);
        assert!(register_with_curl(&stack, canary.address()).status.success());
        stack.api.register("user-api", stable.address(), &json!({ "group": "stable" }));

        all_reach(&stack, &[("X-Release-Group", "canary")], "canary");
        all_reach(&stack, &[("X-Release-Stage", "canary")], "canary");
        all_reach(&stack, &[], "stable");
        assert_eq!(upstream.count(), 0);
    }

    /// Both lie on one port in the quick start: they are told apart by what was decided.
    fn upstream_and_canary_may_be_one_service(engine: Engine) {
        let service = Upstream::named("service");
        let url = format!("http://localhost:{}", service.address().port());
        let stack = Stack::start(engine, &["--upstream", &url]);
        assert!(register_with_curl(&stack, service.address()).status.success());
        all_reach(&stack, &[("X-Release-Group", "canary")], "service");
        all_reach(&stack, &[], "service");
        let lines = stack.log(2 * REQUESTS);
        let variant = |wanted: &str| lines.iter().filter(|line| line["variant"] == wanted).count();
        assert_eq!((variant("canary"), variant("stable")), (REQUESTS, REQUESTS));
    }

    /// `weight` is a share inside a group, and only there.
    fn a_weight_counts_inside_its_group(engine: Engine) {
        let (stable, light, heavy) =
            (Upstream::named("stable"), Upstream::named("light"), Upstream::named("heavy"));
        let stack = Stack::start(engine, &[]);
        stack.api.register("user-api", stable.address(), &json!({}));
        stack.api.register("user-api", light.address(), &json!({ "group": "canary", "weight": 1 }));
        stack.api.register("user-api", heavy.address(), &json!({ "group": "canary", "weight": 3 }));
        let mut connection = stack.connect();
        for _ in 0..400 {
            connection.send(get("/", &[("X-Release-Group", "canary")])).answer();
        }
        let (light, heavy) = (light.count(), heavy.count());
        assert_eq!((stable.count(), light + heavy), (0, 400));
        assert!((90..=110).contains(&light), "{light} of 400 to weight 1 of 4");
    }

    /// With several services the host or the first segment of the path chooses.
    fn several_services_are_told_apart(engine: Engine) {
        let (users, carts) = (Upstream::named("users"), Upstream::named("carts"));
        let fallback = Upstream::named("fallback");
        let url = format!("http://{}", fallback.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        stack.api.register("user-api", users.address(), &json!({}));
        stack.api.register("cart-api", carts.address(), &json!({}));
        let text = |request: &str| stack.connect().send(request).answer().text();
        assert_eq!(text("GET / HTTP/1.1\r\nHost: user-api\r\n\r\n"), "users");
        assert_eq!(text("GET / HTTP/1.1\r\nHost: cart-api\r\n\r\n"), "carts");
        assert_eq!(text(&get("/user-api/1", &[])), "users");
        assert_eq!(text(&get("/cart-api", &[])), "carts");
        assert_eq!(text(&get("/cart-apis", &[])), "fallback");
    }
}
