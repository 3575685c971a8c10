//! A control plane in this process, and its API.

use std::{
    net::SocketAddr,
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use halftone_controlplane::{ControlError, ControlOptions, run_until};
use halftone_core::policy::Address;
use serde_json::Value;
use tokio::sync::oneshot;

/// A running control plane; it is stopped when dropped.
pub(crate) struct Control {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<Result<(), ControlError>>>,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media_type: String,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

pub(crate) fn options(directory: &Path, gateways: &[&Path]) -> ControlOptions {
    ControlOptions {
        api: SocketAddr::from(([127, 0, 0, 1], 0)),
        gateways: gateways.iter().map(|path| (*path).to_owned()).collect(),
        data: directory.join("data"),
        upstream: Address::parse_url("http://127.0.0.1:8000"),
        bundles: Vec::new(),
        watch: false,
        geo: Vec::new(),
        geo_every: Duration::from_secs(3600),
        issuers: Vec::new(),
        issuers_every: Duration::from_secs(3600),
        take_over: false,
        version: "test",
    }
}

impl Control {
    /// Starts a control plane. One that was stopped in this very process may hold the store for a
    /// moment longer, in a thread that is ending: then it is tried again, with a deadline.
    #[expect(clippy::needless_pass_by_value, reason = "callers build the options in place")]
    pub(crate) fn start(options: ControlOptions) -> Self {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            match Self::try_start(options.clone()) {
                Ok(control) => return control,
                Err(error) if Instant::now() > until => panic!("not started: {error}"),
                Err(_) => thread::yield_now(),
            }
        }
    }

    fn try_start(options: ControlOptions) -> Result<Self, String> {
        let (ready, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            run_until(options, |address| ready.send(address).expect("awaited"), async {
                let _ = stopped.await;
            })
        });
        match address.recv_timeout(Duration::from_secs(20)) {
            Ok(address) => Ok(Self { address, stop: Some(stop), thread: Some(thread) }),
            Err(_) => {
                Err(format!("{:?}", thread.join().map(|ended| ended.map_err(|e| e.to_string()))))
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic").expect("a clean end");
        }
    }

    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        media_type: Option<&str>,
        body: &[u8],
    ) -> Answer {
        let headers: Vec<_> = media_type.map(|value| ("content-type", value)).into_iter().collect();
        self.call_with(method, path, &headers, body)
    }

    pub(crate) fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(20)));
        let agent = ureq::Agent::new_with_config(config.build());
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = agent.run(request.body(body).expect("a request")).expect("an answer");
        let media_type = response.headers().get("content-type");
        Answer {
            status: response.status().as_u16(),
            media_type: media_type
                .map(|value| value.to_str().expect("text").to_owned())
                .unwrap_or_default(),
            headers: response.headers().clone(),
            text: response.body_mut().read_to_string().expect("text"),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None, b"")
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None, b"")
    }

    /// Posts as `curl -d` does.
    pub(crate) fn register(&self, body: &str) -> Answer {
        let form = Some("application/x-www-form-urlencoded");
        self.call("POST", "/v1/instances", form, body.as_bytes())
    }

    pub(crate) fn put_bundle(&self, tenant: &str, text: &str) -> Answer {
        let path = format!("/v1/tenants/{tenant}/bundle");
        self.call("PUT", &path, Some("application/yaml"), text.as_bytes())
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}
