//! The API as the commands use it: a small client over plain HTTP.
//!
//! Owns where the API is, how the [`calls`] are sent and how their refusals are told. Does not interpret [`answers`] beyond
//! their shape.
//!
//! Invariants:
//! - every call ends within [`CALL_MAX`], but for a load, which takes as long as its file;
//! - a refusal shows everything the API said (RFC 9457), not a status alone.

use std::{io::Read, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::{
    Agent, Body, SendBody,
    http::{Method, Request, Response},
    unversioned::{
        resolver::DefaultResolver,
        transport::{Connector as _, DefaultConnector},
    },
};

mod answers;
mod calls;
mod hearing;

pub(crate) use answers::{Gateway, Issuer, Region, Tenant, Variant};
pub(crate) use calls::{Put, Refusal};
use hearing::{Hearing, Over};

/// How long a call may take.
const CALL_MAX: Duration = Duration::from_secs(5);
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

impl Client {
    /// Returns a client of the API at `base`, such as `http://127.0.0.1:8081`.
    pub(crate) fn new(base: &str) -> Self {
        let agent = agent(Some(CALL_MAX), Over::default());
        Self { base: base.trim_end_matches('/').to_owned(), agent }
    }

    /// Sends a body as it comes, for as long as it is taken, and returns what is answered.
    fn send_lines<T: DeserializeOwned>(
        &self,
        (method, path): (Method, &str),
        media_type: &str,
        lines: &mut dyn Read,
    ) -> Result<T> {
        let over = Over::default();
        let mut lines = over.until(lines);
        let request = Request::builder().method(method).uri(self.url(path));
        // What is refused whatever the lines say is refused before they are sent.
        let request = request.header("Content-Type", media_type).header("Expect", "100-continue");
        let request = request.body(SendBody::from_reader(&mut lines)).context("no request")?;
        let mut answer = self.accepted(agent(None, over).run(request))?;
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

/// Returns what sends requests that end within a time, if there is one; `over` is told of a body that is not taken.
fn agent(within: Option<Duration>, over: Over) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(within)
        .http_status_as_error(false)
        // The API is on this host: no proxy that the environment names is to be told what it is asked.
        .proxy(None)
        .build();
    let connector = DefaultConnector::default().chain(Hearing(over));
    Agent::with_parts(config, connector, DefaultResolver::default())
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
