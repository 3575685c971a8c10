//! The API under test, and what it refuses.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use ureq::Agent;

use crate::{
    on_each_engine,
    stack::{Engine, Stack},
    upstream::Upstream,
};

/// A client of the API; answers are a status and JSON.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    agent: Agent,
}

impl Api {
    /// Returns a client of the API at `address`.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)));
        Self { address, agent: config.build().into() }
    }

    /// Sends a request; nothing when there is no answer.
    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .body(body.to_owned())
            .expect("a request");
        let mut response = self.agent.run(request).ok()?;
        let body = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), serde_json::from_str(&body).unwrap_or_default()))
    }

    /// Returns the only gateway, as the API shows it; nothing when it does not answer.
    pub(crate) fn gateway(&self) -> Option<Value> {
        let (status, gateways) = self.call("GET", "/v1/gateways", "")?;
        (status == 200).then(|| gateways[0].clone())
    }

    /// Registers an instance with these labels; returns when it is served.
    pub(crate) fn register(&self, service: &str, address: SocketAddr, labels: &Value) {
        let body = json!({ "service": service, "addr": address.to_string(), "metadata": labels });
        let answer = self.call("POST", "/v1/instances", &body.to_string());
        let (status, instance) = answer.expect("the API answers");
        assert!(matches!(status, 200 | 201), "{status}: {instance}");
        assert_eq!(instance["applied"], true, "{instance}");
    }

    /// Replaces a tenant's bundle; returns when it is served.
    pub(crate) fn put_bundle(&self, tenant: &str, bundle: &str) {
        let answer = self.call("PUT", &format!("/v1/tenants/{tenant}/bundle"), bundle);
        let (status, put) = answer.expect("the API answers");
        assert_eq!(status, 200, "{put}");
        assert_eq!(put["applied"], true, "{put}");
    }
}

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
