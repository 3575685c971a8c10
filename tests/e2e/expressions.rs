//! Expressions: from the text a person writes to the variant a request meets, and why.

use serde_json::json;

use crate::{
    on_each_engine,
    stack::{Engine, Stack, halftone},
    upstream::Upstream,
};

/// The bundle that the documentation shows.
const AUDIENCES: &str = include_str!("../../docs/examples/audiences.yaml");

/// Another tenant, with headers of its own that choose a variant.
const OTHER: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: other }
upstreams: { u: { variants: { stable: { addresses: ["127.0.0.1:1"] }, canary: { addresses: ["127.0.0.1:1"] } } } }
routes: [{ name: other, hostnames: [other.example], rules: [{ release: r }] }]
releases: { r: { upstream: u, overrides: [{ header: X-Token }], default: { variant: stable } } }
"#;

on_each_engine! {
    fn who_is_meant_meets_the_canary_in_either_quote(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &[]);
        stack.api.register("shop", stable.address(), &json!({ "group": "stable" }));
        stack.api.register("shop", canary.address(), &json!({ "group": "canary" }));
        let double = AUDIENCES.replace("city in ['北京','上海']\"", "city in [\\\"北京\\\",\\\"上海\\\"]\"");
        assert_ne!(double, AUDIENCES);
        for bundle in [AUDIENCES, &double] {
            // The share of everyone else is no part of this test.
            stack.api.put_bundle("shop", &bundle.replace("{ split: { canary: 5% } }", "{ variant: stable }"));
            for (age, city, expected) in [
                ("19", "北京", "canary"),
                ("64", "上海", "canary"),
                ("18", "北京", "stable"),
                ("19", "深圳", "stable"),
                ("grown", "北京", "stable"),
            ] {
                let answer = stack.get(&[("X-User-Age", age), ("X-City", city)]);
                assert_eq!(answer.text(), expected, "{age} {city}");
            }
            assert_eq!(stack.get(&[("X-City", "北京")]).text(), "stable");
        }
        let lines = stack.log(12);
        let reasons: Vec<&str> = lines.iter().filter_map(|line| line["target_id"].as_str()).collect();
        assert_eq!(reasons, ["tier1"; 4]);
    }

    fn explain_shows_what_an_expression_saw(engine: Engine) {
        let stable = Upstream::named("stable");
        let stack = Stack::start(engine, &[]);
        stack.api.register("shop", stable.address(), &json!({ "group": "stable" }));
        stack.api.put_bundle("shop", AUDIENCES);
        let api = format!("http://{}", stack.api.address);
        let mut explain = halftone(&["explain", "--api", &api, "-H", "X-User-Age: 19", "-H", "X-City: 广州", "-H", "X-User-Id: u7", "/"]);
        let output = explain.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        for expected in [
            "tier1 does not match",
            "no: segment(\"adults-tier1\") is false",
            "user.age is \"19\"",
            "geo.city is \"广州\"",
            "app.major is missing",
            "cannot be told: a value is missing",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
        // The same, said by somebody who is not believed.
        let output = explain.args(["--ip", "203.0.113.7"]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for expected in [
            "user.age is missing: header x-user-age is there, and this peer is not trusted",
            "app.major is missing\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
    }

    /// What one tenant chooses variants by is a header like any other of another tenant.
    fn a_tenant_strips_its_own_headers_only(engine: Engine) {
        let stable = Upstream::named("stable");
        let stack = Stack::start(engine, &["--trusted", "none"]);
        stack.api.register("shop", stable.address(), &json!({ "group": "stable" }));
        stack.api.put_bundle("shop", AUDIENCES);
        stack.api.put_bundle("other", OTHER);
        stack.get(&[("X-Token", "secret"), ("X-Release-Group", "canary")]);
        let requests = stable.requests();
        assert_eq!(requests[0].field("x-token"), Some("secret"));
        assert_eq!(requests[0].field("x-release-group"), None);
    }
}
