//! Peers that are not believed.

use serde_json::json;

use crate::{
    on_each_engine,
    poll::until_true,
    readme::CANARY_BUNDLE,
    stack::{Engine, Stack},
    upstream::Upstream,
};

on_each_engine! {
    fn an_untrusted_override_is_neither_honoured_nor_forwarded(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &["--trusted", "none"]);
        stack.api.register("user-api", stable.address(), &json!({}));
        stack.api.register("user-api", canary.address(), &json!({ "group": "canary" }));
        let fields = [
            ("X-Release-Group", "canary"),
            ("x-release-stage", "canary"),
            ("X-Forwarded-For", "203.0.113.7"),
            ("X-Other", "kept"),
        ];
        assert_eq!(stack.get(&fields).text(), "stable");
        let requests = stable.requests();
        let [request] = requests.as_slice() else { panic!("one request expected: {requests:?}") };
        assert_eq!(request.field("x-release-group"), None);
        assert_eq!(request.field("x-release-stage"), None);
        assert_eq!(request.field("x-other"), Some("kept"));
        assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(canary.count(), 0);
    }

    /// Also when no bundle asks for them: whoever is behind the gateway may.
    fn release_headers_of_strangers_are_stripped_without_an_override(engine: Engine) {
        let stable = Upstream::named("stable");
        let stack = Stack::start(engine, &["--trusted", "none"]);
        let bundle = format!(
            "{{ apiVersion: halftone/v1, kind: Bundle, metadata: {{ tenant: shop }},
               upstreams: {{ web: {{ variants: {{ stable: {{ addresses: [\"{}\"] }} }} }} }},
               routes: [{{ name: web, rules: [{{ upstream: web }}] }}] }}",
            stable.address()
        );
        stack.api.put_bundle("shop", &bundle);
        let fields = [("X-Release-Group", "canary"), ("x-release-stage", "canary"), ("X-Other", "kept")];
        assert_eq!(stack.get(&fields).text(), "stable");
        let requests = stable.requests();
        assert_eq!(requests[0].field("x-release-group"), None);
        assert_eq!(requests[0].field("x-release-stage"), None);
        assert_eq!(requests[0].field("x-other"), Some("kept"));
        until_true("the stripped headers to be counted", || {
            stack.api.gateway().is_some_and(|gateway| gateway["stats"]["stripped"] == 2)
        });
    }

    fn a_trusted_override_is_forwarded(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &["--trusted", "127.0.0.0/8"]);
        stack.api.register("user-api", stable.address(), &json!({}));
        stack.api.register("user-api", canary.address(), &json!({ "group": "canary" }));
        let fields = [("X-Release-Group", "canary"), ("X-Forwarded-For", "203.0.113.7")];
        assert_eq!(stack.get(&fields).text(), "canary");
        let requests = canary.requests();
        assert_eq!(requests[0].field("x-release-group"), Some("canary"));
        assert_eq!(requests[0].field("x-forwarded-for"), Some("203.0.113.7, 127.0.0.1"));
    }

    /// A source that is `trusted: true` is not read from whoever may lie.
    fn an_untrusted_user_id_is_not_read(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &["--trusted", "10.0.0.0/8"]);
        stack.api.register("hello", stable.address(), &json!({}));
        stack.api.register("hello", canary.address(), &json!({ "group": "canary" }));
        stack.api.put_bundle("demo", CANARY_BUNDLE);
        for user in 0..50 {
            stack.get(&[("x-user-id", &format!("user-{user}"))]);
        }
        // All are the one caller at 127.0.0.1.
        let counts = (stable.count(), canary.count());
        assert!(counts == (50, 0) || counts == (0, 50), "{counts:?}");
    }
}
