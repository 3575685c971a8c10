//! A client of the API under test.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use ureq::Agent;

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
