//! What the API refuses.

use serde_json::json;

use crate::{
    on_each_engine,
    stack::{Engine, Stack},
    upstream::Upstream,
};

const BROKEN: &str = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  cart: { variants: { stable: { addresses: [ 'nowhere' ] } } }
routes:
  - name: cart
    rules: [ { release: absent } ]
releases:
  cart-v2: { upstream: absent, default: { split: { canary: 120% } } }
";

const INVALID: &str = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  cart: { variants: { stable: { addresses: [ 'nowhere' ] } } }
routes:
  - name: cart
    rules: [ { release: absent } ]
releases:
  cart-v2: { upstream: absent, default: { variant: stable } }
";

on_each_engine! {
    /// What is refused is told in full, and changes nothing that is served.
    fn refusals_leave_the_last_good_table(engine: Engine) {
        let stable = Upstream::named("stable");
        let stack = Stack::start(engine, &[]);
        stack.api.register("cart", stable.address(), &json!({}));
        let before = stack.api.gateway().expect("the API answers");
        let check = |method: &str, path: &str, body: &str, status: u16, told: &[&str]| {
            let (found, problem) = stack.api.call(method, path, body).expect("the API answers");
            assert_eq!(found, status, "{body}: {problem}");
            assert_eq!(problem["status"], status, "{problem}");
            let text = problem.to_string();
            for part in told {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
        };
        let bundle = "/v1/tenants/shop/bundle";
        // Every mistake at once: two names that are not there, and an address that is none.
        check("PUT", bundle, INVALID, 422, &["nowhere", "releases.cart-v2", "routes[0]", "errors"]);
        check("PUT", bundle, BROKEN, 422, &["percentage"]);
        check("PUT", bundle, "routes: [", 400, &["line"]);
        check("PUT", "/v1/tenants/other/bundle", &INVALID.replace("absent", "cart"), 422, &["errors"]);
        let instance = r#"{"service":"","addr":"nowhere","metadata":{"weight":-1}}"#;
        check("POST", "/v1/instances", instance, 422, &["service", "nowhere", "weight"]);
        check("POST", "/v1/instances", "{", 400, &["line"]);
        check("POST", "/v1/instances", r#"{"service":"cart"}"#, 422, &["addr"]);
        check("DELETE", "/v1/instances/absent", "", 404, &["absent"]);
        check("GET", "/v1/absent", "", 404, &["/v1/absent"]);

        assert_eq!(stack.get(&[]).text(), "stable");
        let after = stack.api.gateway().expect("the API answers");
        for epoch in ["rulesEpoch", "instancesEpoch"] {
            assert_eq!(after[epoch], before[epoch], "{epoch}");
        }
    }

    /// An instance that is deleted is not reached any more; what is registered twice is there once.
    fn instances_come_and_go(engine: Engine) {
        let (fixed, stable) = (Upstream::named("fixed"), Upstream::named("stable"));
        let url = format!("http://{}", fixed.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        stack.api.register("cart", stable.address(), &json!({}));
        stack.api.register("cart", stable.address(), &json!({ "version": "v2" }));
        let (_, instances) = stack.api.call("GET", "/v1/instances", "").expect("the API answers");
        assert_eq!(instances.as_array().map(Vec::len), Some(1), "{instances}");
        assert_eq!(stack.get(&[]).text(), "stable");
        let path = format!("/v1/instances/cart@{}", stable.address());
        assert_eq!(stack.api.call("DELETE", &path, "").map(|(status, _)| status), Some(204));
        assert_eq!(stack.get(&[]).text(), "fixed");
        assert_eq!(stack.api.call("DELETE", &path, "").map(|(status, _)| status), Some(404));
    }
}
