//! The calls that commands make, one a method.
//!
//! Owns their paths, media types and times. How they are sent, and how refusals are told, is [`super`]'s.

use std::{io::Read, time::Duration};

use anyhow::{Context as _, Result};
use halftone_core::{
    policy::Registration,
    signal::lists::ListState,
    wire::{ExplainRequest, Explained},
};
use serde_json::Value;
use ureq::http::Method;

use super::{Client, Gateway, Issuer, Region, Tenant};

/// How long a call may take that changes what is served: large bundles are compiled first.
const CHANGE_MAX: Duration = Duration::from_secs(60);

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

impl Client {
    /// Returns every gateway.
    ///
    /// # Errors
    /// The API does not answer, or not as this build expects.
    pub(crate) fn gateways(&self) -> Result<Vec<Gateway>> {
        self.get("/v1/gateways")
    }

    /// Returns every tenant with a bundle.
    ///
    /// # Errors
    /// The API does not answer, or not as this build expects.
    pub(crate) fn tenants(&self) -> Result<Vec<Tenant>> {
        self.get("/v1/tenants")
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
        let url = self.url(&format!("/v1/tenants/{}/bundle", segment(tenant)));
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
        self.send_lines((Method::POST, &path), media_type, lines)
    }

    /// Replaces a list of a tenant by the ids in `lines`, for as long as that takes; returns what became of it.
    ///
    /// # Errors
    /// The API does not answer, or refuses.
    pub(crate) fn load_list(
        &self,
        (tenant, list): (&str, &str),
        media_type: &str,
        lines: &mut dyn Read,
    ) -> Result<Value> {
        let path = format!("/v1/tenants/{}/segments/{}", segment(tenant), segment(list));
        self.send_lines((Method::PUT, &path), media_type, lines)
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
