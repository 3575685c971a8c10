//! Targets: audiences by what a request carries, and what happens when their variant is empty.

use serde_json::json;

use crate::{
    on_each_engine,
    stack::{Engine, Stack},
    upstream::Upstream,
};

const BUNDLE: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  user-api:
    variants:
      stable: { select: { service: user-api, group: stable } }
      canary: { select: { service: user-api, group: canary } }
      empty:  { select: { service: user-api, group: nobody } }
routes:
  - name: all
    rules: [{ release: user-v2 }]
releases:
  user-v2:
    upstream: user-api
    targets:
      - { id: qa, match: { headers: [{ name: x-qa, type: Exact, value: "1" }] }, variant: canary }
      - { id: past, match: { headers: [{ name: x-past, type: Exact, value: "1" }] }, variant: canary, expiresAt: 2020-01-01T00:00:00Z }
      - { id: falls, match: { headers: [{ name: x-falls, type: Exact, value: "1" }] }, variant: empty }
    default: { variant: stable }
"#;

on_each_engine! {
    fn audiences_meet_their_variant(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &["--upstream", &format!("http://{}", stable.address())]);
        stack.api.register("user-api", stable.address(), &json!({ "group": "stable" }));
        stack.api.register("user-api", canary.address(), &json!({ "group": "canary" }));
        stack.api.put_bundle("shop", BUNDLE);
        let text = |field: (&str, &str)| stack.get(&[field]).text();
        assert_eq!(text(("X-Qa", "1")), "canary");
        assert_eq!(text(("X-Qa", "2")), "stable");
        assert_eq!(text(("X-Past", "1")), "stable");
        assert_eq!(text(("X-Falls", "1")), "stable");
        // Each worker writes its own lines: their order between workers is nobody's promise.
        let mut lines: Vec<String> = stack.log(4).iter().map(|line| {
            let field = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            ["variant", "reason", "target_id", "fallback_from"].map(field).join(" ")
        }).collect();
        lines.sort();
        assert_eq!(lines, [
            "canary TARGETING_MATCH qa -",
            "stable DEFAULT - -",
            "stable DEFAULT - -",
            "stable TARGETING_MATCH falls empty",
        ]);
    }
}
