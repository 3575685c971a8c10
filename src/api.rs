//! The API as the commands use it: a small client over plain HTTP.
//!
//! Owns the calls and how their refusals are told. Does not interpret answers beyond their shape.
//!
//! Invariants:
//! - every call ends within [`CALL_MAX`], but for a load, which takes as long as its file;
//! - a refusal shows everything the API said (RFC 9457), not a status alone.

use std::{collections::BTreeMap, io::Read, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use halftone_core::{
    policy::Registration,
    signal::{
        geo::{GeoState, difference::Difference},
        jwt::IssuerState,
        lists::ListState,
    },
    telemetry::Latency,
    wire::{ExplainRequest, Explained, GatewayState},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use ureq::{Agent, Body, RequestBuilder, SendBody, http::Response, typestate::WithBody};

/// How long a call may take.
const CALL_MAX: Duration = Duration::from_secs(5);
/// How long a call may take that changes what is served: large bundles are compiled first.
const CHANGE_MAX: Duration = Duration::from_secs(60);
/// Where the API is, unless an option says otherwise.
pub(crate) const DEFAULT: &str = "http://127.0.0.1:8081";

/// Parses the value of `--api`.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn place(text: &str) -> Result<String, String> {
    let has = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let host = text.get("http://".len()..).unwrap_or_default();
    let wrong = if has("https://") {
        "TLS to the API is not supported in this build"
    } else if !has("http://") {
        "the scheme is missing"
    } else if host.is_empty() || host.starts_with(['/', ':', '?', '#']) {
        "the host is missing"
    } else if host.contains(['?', '#']) || host.chars().any(|one| one.is_control() || one == ' ') {
        "it is no place below which there is an API"
    } else {
        return Ok(text.to_owned());
    };
    Err(format!("{wrong}; expected http://host:port, such as {DEFAULT}"))
}

/// A client of one API.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    base: String,
    agent: Agent,
}

/// A bundle to be put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Put<'a> {
    /// Whose it is.
    pub(crate) tenant: &'a str,
    /// The bundle.
    pub(crate) text: &'a [u8],
    /// Whether it is JSON; else it is YAML.
    pub(crate) is_json: bool,
    /// Whether nothing is to be changed.
    pub(crate) dry_run: bool,
    /// Whether warnings are to be refused.
    pub(crate) strict: bool,
    /// The digest that has to be current, or `none`.
    pub(crate) condition: Option<&'a str>,
}

/// What the API refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The status.
    pub(crate) status: u16,
    /// The problem document (RFC 9457); null when it is none.
    pub(crate) problem: Value,
    /// What was answered.
    pub(crate) text: String,
}

/// What `GET /v1/gateways` says of one gateway; what is not shown here is left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Gateway {
    /// Its control socket.
    pub(crate) socket: PathBuf,
    /// Whether the control plane is connected to it.
    pub(crate) connected: bool,
    /// Why it is not.
    pub(crate) error: Option<String>,
    /// Why it rejected the newest tables.
    pub(crate) rejected: Option<String>,
    /// Its build.
    pub(crate) version: Option<String>,
    /// What it said of itself when it was connected to.
    pub(crate) gateway: Option<GatewayState>,
    /// The region databases it serves.
    pub(crate) geo: Vec<GeoState>,
    /// The lists of ids it serves.
    pub(crate) lists: Vec<ListState>,
    /// The ids of its keys; the first signs.
    pub(crate) keys: Vec<String>,
    /// Whether its rules need a key and it has none.
    pub(crate) keys_missing: bool,
    /// The issuers whose tokens it believes.
    pub(crate) issuers: Vec<IssuerState>,
    /// The epoch of the rules it serves.
    pub(crate) rules_epoch: u64,
    /// The epoch of the instances it serves.
    pub(crate) instances_epoch: u64,
    /// What it counted.
    pub(crate) stats: Stats,
}

/// What `GET /v1/geo` says of one source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Region {
    /// The file or the URL.
    pub(crate) source: String,
    /// The last good database it had.
    pub(crate) database: Option<GeoState>,
    /// How that differs from the one before it.
    pub(crate) difference: Option<Difference>,
    /// Why what it has is not used.
    pub(crate) error: Option<String>,
}

/// What `GET /v1/issuers` says of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Issuer {
    /// Its name.
    pub(crate) issuer: String,
    /// Whom its tokens have to be meant for.
    pub(crate) audiences: Vec<String>,
    /// The file or the URL of its keys.
    pub(crate) source: String,
    /// Why what that has is not used.
    pub(crate) error: Option<String>,
}

/// What a gateway counted, without the distributions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Stats {
    /// By variant key: `tenant/upstream/variant`.
    pub(crate) variants: BTreeMap<String, Variant>,
    /// Requests the gateway answered itself, by error label.
    pub(crate) errors: BTreeMap<String, u64>,
    /// What requests said of the chain of services they are part of, by `tenant/release` and word.
    pub(crate) chains: BTreeMap<String, BTreeMap<String, u64>>,
    /// Release headers of untrusted peers that were stripped.
    pub(crate) stripped: u64,
    /// Members of their baggage that were stripped.
    pub(crate) stripped_members: u64,
}

/// What a gateway counted of one variant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Variant {
    /// Finished requests.
    pub(crate) requests: u64,
    /// Finished requests by class of status; the first are those whose caller went away.
    pub(crate) by_class: [u64; 6],
    /// Quantiles, microseconds.
    pub(crate) latency_us: Latency,
}

impl Client {
    /// Returns a client of the API at `base`, such as `http://127.0.0.1:8081`.
    pub(crate) fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(CALL_MAX))
            .http_status_as_error(false)
            // The API is on this host: no proxy that the environment names is to be told what it is asked.
            .proxy(None)
            .build();
        Self { base: base.trim_end_matches('/').to_owned(), agent: config.into() }
    }

    /// Returns every gateway.
    ///
    /// # Errors
    /// The API does not answer, or not as this build expects.
    pub(crate) fn gateways(&self) -> Result<Vec<Gateway>> {
        self.get("/v1/gateways")
    }

    /// Returns every source of region databases.
    ///
    /// # Errors
    /// The API does not answer, or not as this build expects.
    pub(crate) fn regions(&self) -> Result<Vec<Region>> {
        self.get("/v1/geo")
    }

    /// Returns whose tokens are believed.
    ///
    /// # Errors
    /// The API does not answer, or not as this build expects.
    pub(crate) fn issuers(&self) -> Result<Vec<Issuer>> {
        self.get("/v1/issuers")
    }

    /// Returns what `GET /v1/gateways` says, whole.
    ///
    /// # Errors
    /// The API does not answer, or not with JSON.
    pub(crate) fn gateways_as_json(&self) -> Result<Value> {
        self.get("/v1/gateways")
    }

    /// Returns what a release does now, and who met what.
    ///
    /// # Errors
    /// The API does not answer, or there is no such release.
    pub(crate) fn release(&self, tenant: &str, release: &str) -> Result<Value> {
        self.get(&format!("/v1/tenants/{}/releases/{}", segment(tenant), segment(release)))
    }

    /// Has a worker explain a request.
    ///
    /// # Errors
    /// The API does not answer, or refuses.
    pub(crate) fn explain(&self, asked: &ExplainRequest) -> Result<Explained> {
        let body = serde_json::to_vec(asked).context("cannot write the question")?;
        let sent = self.agent.post(self.url("/v1/explain"));
        let mut answer = self.accepted(sent.content_type("application/json").send(body))?;
        let explained = answer.body_mut().read_json();
        explained.with_context(|| format!("the API at {} explains in another form", self.base))
    }

    /// Registers an instance.
    ///
    /// # Errors
    /// The API does not answer, or refuses.
    pub(crate) fn register(&self, registration: &Registration) -> Result<()> {
        let url = self.url("/v1/instances");
        let body = serde_json::to_vec(registration).context("cannot write a registration")?;
        let sent = self.agent.post(&url).content_type("application/json").send(body);
        self.accepted(sent).map(drop)
    }

    /// Replaces the bundle of `tenant` with `yaml`.
    ///
    /// # Errors
    /// The API does not answer, or refuses.
    pub(crate) fn put_bundle(&self, tenant: &str, yaml: &str) -> Result<()> {
        let url = self.url(&format!("/v1/tenants/{tenant}/bundle"));
        let sent = self.agent.put(&url).content_type("application/yaml").send(yaml);
        self.accepted(sent).map(drop)
    }

    /// Replaces a bundle as asked; returns the answer, or the refusal.
    ///
    /// # Errors
    /// The API does not answer.
    pub(crate) fn put(&self, put: &Put<'_>) -> Result<Result<Value, Refusal>> {
        let media_type = if put.is_json { "application/json" } else { "application/yaml" };
        let path = format!("/v1/tenants/{}/bundle", segment(put.tenant));
        let mut request = self.agent.put(self.url(&path)).content_type(media_type);
        for (name, _) in
            [("dryRun", put.dry_run), ("strict", put.strict)].iter().filter(|(_, is)| *is)
        {
            request = request.query(name, "true");
        }
        request = match put.condition {
            None => request,
            Some("none") => request.header("If-None-Match", "*"),
            Some(digest) => request.header("If-Match", format!("\"{}\"", digest.trim_matches('"'))),
        };
        let request = request.config().timeout_global(Some(CHANGE_MAX)).build();
        let mut response = self.answered(request.send(put.text))?;
        let status = response.status();
        let text = response.body_mut().read_to_string().context("the answer breaks off")?;
        let answer = serde_json::from_str(&text).unwrap_or_default();
        Ok(match status.is_success() {
            true => Ok(answer),
            false => Err(Refusal { status: status.as_u16(), problem: answer, text }),
        })
    }

    /// Loads the tags of users from `lines`, for as long as that takes; returns what became of them.
    ///
    /// # Errors
    /// The API does not answer, or refuses.
    pub(crate) fn load_tags(
        &self,
        tenant: &str,
        media_type: &str,
        lines: &mut dyn Read,
    ) -> Result<Value> {
        let path = format!("/v1/tenants/{}/tags:load", segment(tenant));
        self.send_lines(self.agent.post(self.url(&path)), media_type, lines)
    }

    /// Replaces a list of a tenant by the ids in `lines`, for as long as that takes.
    ///
    /// # Errors
    /// The API does not answer, or refuses.
    pub(crate) fn load_list(
        &self,
        (tenant, list): (&str, &str),
        media_type: &str,
        lines: &mut dyn Read,
    ) -> Result<ListState> {
        let path = format!("/v1/tenants/{}/segments/{}", segment(tenant), segment(list));
        self.send_lines(self.agent.put(self.url(&path)), media_type, lines)
    }

    /// Returns every list of a tenant.
    ///
    /// # Errors
    /// The API does not answer, or not as this build expects.
    pub(crate) fn lists(&self, tenant: &str) -> Result<Vec<ListState>> {
        self.get(&format!("/v1/tenants/{}/segments", segment(tenant)))
    }

    /// Forgets a list of a tenant.
    ///
    /// # Errors
    /// The API does not answer, or refuses.
    pub(crate) fn remove_list(&self, tenant: &str, list: &str) -> Result<()> {
        let path = format!("/v1/tenants/{}/segments/{}", segment(tenant), segment(list));
        let request = self.agent.delete(self.url(&path));
        let request = request.config().timeout_global(Some(CHANGE_MAX)).build();
        self.accepted(request.call()).map(drop)
    }

    fn send_lines<T: DeserializeOwned>(
        &self,
        request: RequestBuilder<WithBody>,
        media_type: &str,
        lines: &mut dyn Read,
    ) -> Result<T> {
        let request = request.content_type(media_type).config().timeout_global(None).build();
        let mut answer = self.accepted(request.send(SendBody::from_reader(&mut &mut *lines)))?;
        let answer = answer.body_mut().read_json();
        answer.with_context(|| format!("the API at {} answers in another form", self.base))
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut response = self.accepted(self.agent.get(self.url(path)).call())?;
        response
            .body_mut()
            .read_json()
            .with_context(|| format!("the API at {} answers {path} in another form", self.base))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn answered(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>> {
        sent.map_err(|error| anyhow!("the API at {} does not answer: {error}", self.base))
    }

    fn accepted(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>> {
        let mut response = self.answered(sent)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem = response.body_mut().read_to_string().unwrap_or_default();
        bail!("the API at {} refuses ({status}): {}", self.base, told(&problem))
    }
}

/// Writes a name as one segment of a path (RFC 3986 §3.3).
fn segment(name: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let written = name.bytes().map(|byte| match unreserved(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    written.collect()
}

/// Returns what a problem document (RFC 9457) says, one problem a line.
fn told(problem: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str(problem) else {
        return problem.trim().to_owned();
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let mut told = text("detail").or(text("title")).unwrap_or_default().to_owned();
    for error in members.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        told.push_str("\n  ");
        told.push_str(format!("{}: {}", part("path"), part("message")).trim_start_matches(": "));
    }
    told
}

#[cfg(test)]
mod tests;
