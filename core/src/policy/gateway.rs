//! `kind: Gateway`: how one gateway is run, as a file.
//!
//! Owns the shape and what can be judged without the machine it will run on. What is not said is left
//! to the command line and its defaults; bounds are in [`crate::limits`].

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Diagnostic, NotServed, Size, Timeout};
use crate::signal::trust::Trusted;

/// The configuration of one gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// Always `halftone/v1`.
    pub api_version: String,
    /// Always `Gateway`.
    pub kind: String,
    /// Where requests are taken; `127.0.0.1:8080` unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
    /// Where control planes connect; `gateway.sock` in `data` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// Where state is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The CPUs to run one worker on each, such as `0,2-3`; all that are allowed unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    /// What the workers run on: `auto`, `io_uring`, `epoll` or `glommio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Peers whose forwarded addresses and release headers are believed, or `none` alone; this host
    /// unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<Vec<String>>,
    /// How much callers may send.
    #[serde(default)]
    pub limits: GatewayLimits,
    /// How long things may take.
    #[serde(default)]
    pub timeouts: GatewayTimeouts,
    /// What it signs and verifies with: a file of keys, see `halftone keys`; `keys` in `data`, where that is there,
    /// unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Whether it gives devices ids, with their users' consent, by the script at `/.well-known/halftone/fingerprint.js`;
    /// `false` unless given. It needs keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<bool>,
    /// What is written down.
    #[serde(default)]
    pub logs: Logs,
    /// Where `/healthz`, `/readyz` and `/metrics` are served; nowhere unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<Listener>,
}

/// A place to listen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// `ip:port` or `[ip6]:port`.
    pub address: String,
    /// What certificates are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<NotServed>,
}

/// How much callers may send; a route's own word counts before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayLimits {
    /// A request head: larger ones are answered 431.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_bytes: Option<Size>,
    /// A request target: larger ones are answered 414.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_bytes: Option<Size>,
    /// The fields of a request head: more are answered 431.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<u32>,
    /// A request body: larger ones are answered 413; of any size unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<Size>,
    /// The connections of callers that one worker holds at once: more are answered 503; its share of the
    /// process's file descriptors unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// The idle connections that one worker keeps to one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_connections: Option<u32>,
}

/// How long things may take; an upstream's or a route's own word counts before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayTimeouts {
    /// A head, from its first byte to its last; then 408.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Timeout>,
    /// The silence of a caller between two requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Timeout>,
    /// A caller's pause within a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<Timeout>,
    /// A request's wait for tags that its worker does not know; then it is decided without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Timeout>,
    /// A request, from its head to the end of its answer; zero, as when not given, is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Timeout>,
    /// A connection to an instance; then 504.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Timeout>,
    /// An instance's thinking before its answer begins; then 504.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<Timeout>,
    /// An instance's pause within a request or its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_idle: Option<Timeout>,
    /// The silence of a connection that is kept for an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_idle: Option<Timeout>,
    /// The silence of a tunnel, both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel_idle: Option<Timeout>,
    /// The reading on after an answer that came before the end of its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linger: Option<Timeout>,
    /// The end of requests in flight after the signal to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Timeout>,
}

/// What is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// Where a line of JSON per request goes, or `off`; `access.log` in `data` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// Whether a line has the values that its decision read, such as a cookie's or a tag, so that `halftone replay` can
    /// decide it again; `true` unless given. `Authorization`, whole `Cookie` fields and tokens are never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<bool>,
}

/// Returns every problem of `gateway` that shows without the machine it will run on.
#[must_use]
pub fn validate_gateway(gateway: &Gateway) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut add = |path: &str, message: String| found.push(Diagnostic::new(path, message));
    if gateway.api_version != "halftone/v1" {
        add("apiVersion", format!("expected \"halftone/v1\", got {:?}", gateway.api_version));
    }
    if gateway.kind != "Gateway" {
        add("kind", format!("expected \"Gateway\", got {:?}", gateway.kind));
    }
    let listeners = gateway.listeners.iter().enumerate();
    let listeners = listeners.map(|(at, listener)| (format!("listeners[{at}]"), listener));
    let admin = gateway.admin.iter().map(|listener| ("admin".to_owned(), listener));
    for (path, Listener { address, tls }) in listeners.chain(admin) {
        if address.parse::<SocketAddr>().is_err() {
            let message = format!("expected ip:port or [ip6]:port, got {address:?}");
            add(&format!("{path}.address"), message);
        }
        if tls.is_some() {
            add(&format!("{path}.tls"), "not supported in this build: tls".to_owned());
        }
    }
    if let Some(Err(error)) = gateway.trusted.as_deref().map(Trusted::parse) {
        add("trusted", error.to_string());
    }
    let paths = [
        ("socket", &gateway.socket),
        ("data", &gateway.data),
        ("keys", &gateway.keys),
        ("logs.access", &gateway.logs.access),
    ];
    for (path, value) in paths {
        if value.as_ref().is_some_and(String::is_empty) {
            add(path, "expected a path".to_owned());
        }
    }
    if gateway.trusted.as_ref().is_some_and(Vec::is_empty) {
        let problem = Diagnostic::new("trusted", "expected address ranges, or `none` for nobody");
        found.push(problem.for_emptiness());
    }
    found
}
