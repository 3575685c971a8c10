//! Explain: what a worker would decide for a request that nobody sends.
//!
//! Owns the way from what is asked to the very head a caller would have sent, and the order in which
//! the stages are told. Does not decide: the head goes through the parser, the normal forms, the
//! trust and [`route_told`] that live requests go through, on the worker's own tables.
//!
//! Invariant: nothing is sent, counted or logged, and no turn is taken.

use std::net::IpAddr;

use bumpalo::Bump;
use halftone_core::{
    http::{HeadLimits, PathScratch, RequestHead, empty_slots, ip_text, normalise, parse_request},
    limits::{EXPLAIN_INSTANCES_MAX, HEAD_BYTES_MAX},
    policy::is_token,
    route::{
        Decision, HostScratch, RequestView, TagReader, UnitId, baggage, host_name, reserved,
        route_told,
        trace::{Recorder as _, Step, Trace, text},
    },
    signal::{device::DeviceReader, lists::ListReader, signature::Signatures, trust::Trusted},
    table::ArchivedRuleTable,
    wire::{ExplainRequest, Explained},
};
use smallvec::SmallVec;
use thiserror::Error;

use crate::{
    geo::Regions,
    jwt::Tokens,
    proxy::{error::Kind, forwarded_client},
    tables::Tables,
};

/// Why what was asked is no request.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExplainError {
    /// The peer's address is none.
    #[error("ip: expected an address such as 203.0.113.7, got {0:?}")]
    Ip(String),
    /// The URL is neither an http URL nor a path.
    #[error("url: expected http://host/path or /path, got {0:?}")]
    Url(String),
    /// A part would become more than it is.
    #[error("{part}: a line break cannot be part of it")]
    LineBreak {
        /// Which part.
        part: &'static str,
    },
    /// A name would end before its end.
    #[error("{part}: expected a token (RFC 9110 5.6.2), got {found:?}")]
    Token {
        /// Which part.
        part: &'static str,
        /// What was asked.
        found: String,
    },
    /// More than a head may have.
    #[error("the request has more than {HEAD_BYTES_MAX} bytes")]
    TooLarge,
}

/// What a worker decides with.
#[derive(Clone, Copy, Debug)]
pub struct Decider<'a> {
    /// Its number.
    pub worker: u32,
    /// Its tables; nothing before the first.
    pub tables: Option<&'a Tables>,
    /// What is known of users.
    pub tags: &'a dyn TagReader,
    /// What is known of addresses.
    pub regions: &'a Regions,
    /// Who is a member of what.
    pub lists: &'a dyn ListReader,
    /// What clients are.
    pub devices: &'a dyn DeviceReader,
    /// What is known of callers' tokens.
    pub tokens: &'a Tokens,
    /// The peers that are believed.
    pub trusted: &'a Trusted,
    /// What a head may have.
    pub limits: &'a HeadLimits,
    /// A random number.
    pub random: u32,
    /// The time, in seconds since 1970.
    pub now_unix_s: u64,
    /// Who verifies what is signed.
    pub signatures: &'a dyn Signatures,
    /// The unit that the next request without one is given.
    pub fresh_unit: UnitId,
}

impl Decider<'_> {
    /// Decides `asked` and tells every step.
    ///
    /// # Errors
    /// [`ExplainError`] for what no caller could send. What a caller could send and the gateway would
    /// refuse is explained.
    pub fn explain(&self, asked: &ExplainRequest) -> Result<Explained, ExplainError> {
        let peer = peer(asked)?;
        let trusted = asked.trusted.unwrap_or_else(|| self.trusted.contains(Some(peer)));
        let bytes = head_of(asked)?;
        let mut told = Told { explained: Explained::default(), trace: Trace::default() };
        told.explained.worker = self.worker;
        let mut slots = empty_slots();
        match parse_request(&bytes, &mut slots, self.limits) {
            Ok(Some(head)) => self.decide(&head, peer, trusted, &mut told),
            Ok(None) => return Err(ExplainError::TooLarge),
            Err(error) => told.refuse(Kind::Head(error)),
        }
        let Told { mut explained, trace } = told;
        let is_drawn = |step: &Step| matches!(step, Step::Random { .. } | Step::Minted { .. });
        explained.random = trace.steps.iter().any(is_drawn);
        (explained.steps, explained.not_shown) = (trace.steps, trace.not_shown);
        Ok(explained)
    }

    fn decide(&self, head: &RequestHead<'_, '_>, peer: IpAddr, trusted: bool, told: &mut Told) {
        let mut peer_text = SmallVec::<[u8; 48]>::new();
        let _ = ip_text(peer, &mut peer_text);
        let peer_ip = std::str::from_utf8(&peer_text).unwrap_or_default();
        let forwarded = (trusted && !head.forwarded_for.is_empty())
            .then(|| forwarded_client(self.trusted, peer, head));
        let client_ip = forwarded.as_ref().and_then(|text| std::str::from_utf8(text).ok());
        let Some(tables) = self.tables else { return told.refuse(Kind::NoTable) };
        let (rules, epochs) = (tables.rules(), tables.epochs());
        let (mut path_scratch, mut host_scratch) = (PathScratch::new(), HostScratch::new());
        let Some(path) = normalise(head.path.as_bytes(), &mut path_scratch) else {
            return told.refuse(Kind::Path);
        };
        // A request that is refused before this line was decided with no table.
        (told.explained.rules_epoch, told.explained.instances_epoch) = epochs;
        told.explained.revision = tables.loaded_rules().archive.revision();
        let client_ip = client_ip.unwrap_or(peer_ip);
        let (arena, geo) = (Bump::new(), self.regions.reader(client_ip));
        let claims = self.tokens.reader(head.headers, client_ip, self.now_unix_s);
        let view = RequestView {
            method: head.method,
            scheme: head.scheme(trusted),
            protocol: if head.http11 { "HTTP/1.1" } else { "HTTP/1.0" },
            host: host_name(head.host, &mut host_scratch),
            path,
            query: head.query.as_bytes(),
            headers: head.headers,
            client_ip,
            trusted,
            tags: self.tags,
            witness: None,
            geo: &geo,
            lists: self.lists,
            signatures: self.signatures,
            fresh_unit: self.fresh_unit,
            devices: self.devices,
            claims: &claims,
            arena: &arena,
        };
        told.trace.step(|| normal(&view, peer_ip));
        let told_before = told.trace.steps.len();
        let decision = route_told(rules, &view, self.random, self.now_unix_s, &mut told.trace);
        if let Some(step) = claims.told() {
            told.trace.steps.insert(told_before, step);
        }
        let Some(decision) = decision else { return told.refuse(Kind::NoRoute) };
        let serving = tables.serving(&decision);
        let shown = serving.unwrap_or(decision.variant);
        let plan = baggage(rules.table, &decision, shown, head.headers, trusted);
        let members = plan.map_or(0, |plan| plan.stripped);
        if !trusted && let Some(step) = stripped(rules.table, decision.route, head, members) {
            // Whose headers they are is known by the route; what decided had not read them.
            told.trace.steps.insert(told_before, step);
        }
        told.place(tables, &decision);
        let member = plan.and_then(|plan| plan.member).filter(|_| serving.is_some());
        if let Some((key, value)) = member {
            told.trace.step(|| Step::Propagated { key: key.to_owned(), value: text(value) });
        }
    }
}

fn stripped(
    table: &ArchivedRuleTable,
    route: u32,
    head: &RequestHead<'_, '_>,
    members: u32,
) -> Option<Step> {
    let mask = reserved(table, route, head.headers);
    let fields = head.headers.iter().enumerate().filter(|(at, _)| mask.contains(*at));
    let headers: Vec<String> = fields.map(|(_, field)| text(field.name.as_bytes())).collect();
    (!headers.is_empty() || members > 0).then_some(Step::Stripped { headers, members })
}

/// An explanation while it grows.
struct Told {
    explained: Explained,
    trace: Trace,
}

impl Told {
    fn refuse(&mut self, kind: Kind) {
        let (status, error) = (kind.status(), kind.label().to_owned());
        self.explained.status = Some(status);
        self.explained.error = Some(error.clone());
        self.trace.step(|| Step::Refused { status, error, detail: kind.detail().to_owned() });
    }

    /// Names what was decided, and who would serve it.
    fn place(&mut self, tables: &Tables, decision: &Decision) {
        let rules = tables.rules();
        let name = |variant: u32| rules.variants[variant as usize].name.to_string();
        let serving = tables.serving(decision);
        let shown = serving.unwrap_or(decision.variant);
        let explained = &mut self.explained;
        let route = &rules.routes[decision.route as usize];
        explained.route = Some(route.name.to_string());
        explained.tenant = Some(rules.tenants[route.tenant.to_native() as usize].name.to_string());
        explained.variant = Some(name(shown));
        explained.fallback_from = (shown != decision.variant).then(|| name(decision.variant));
        explained.reason = Some(decision.reason.as_str().to_owned());
        explained.bucket = decision.bucket;
        if let Some(release) = decision.release {
            let release = &rules.releases[release as usize];
            explained.release = Some(release.name.to_string());
            let target = decision.target.and_then(|at| release.targets.get(at as usize));
            explained.target_id = target.map(|target| target.id.to_string());
            let nested = target.and_then(|target| target.nested.as_ref()).zip(decision.cell);
            let cell = nested.and_then(|(nested, at)| nested.cells.get(at as usize));
            explained.cell = cell.map(|cell| cell.to_string());
        }
        let count = |variant| {
            let set = tables.instance_set(variant);
            u32::try_from(set.map_or(0, |set| set.instances.len())).unwrap_or(u32::MAX)
        };
        self.trace.step(|| Step::Health {
            variant: name(decision.variant),
            instances: count(decision.variant),
            fallback: (shown != decision.variant).then(|| name(shown)),
        });
        let Some(set) = serving.and_then(|variant| tables.instance_set(variant)) else {
            return self.refuse(Kind::NoInstance);
        };
        let names = set.instances.iter().take(EXPLAIN_INSTANCES_MAX);
        let names = names.map(|instance| instance.name.to_string()).collect();
        self.trace.step(|| Step::Instances { names, count: count(shown) });
    }
}

fn normal(view: &RequestView<'_>, peer_ip: &str) -> Step {
    Step::Normal {
        method: text(view.method.as_bytes()),
        host: text(view.host),
        path: text(view.path),
        query: text(view.query),
        client_ip: view.client_ip.to_owned(),
        peer_ip: peer_ip.to_owned(),
        trusted: view.trusted,
    }
}

fn peer(asked: &ExplainRequest) -> Result<IpAddr, ExplainError> {
    let Some(ip) = &asked.ip else { return Ok(IpAddr::from([127, 0, 0, 1])) };
    let parsed = ip.parse::<IpAddr>().map_err(|_| ExplainError::Ip(ip.clone()))?;
    Ok(parsed.to_canonical())
}

/// Writes the head that a caller of this request sends.
fn head_of(asked: &ExplainRequest) -> Result<Vec<u8>, ExplainError> {
    let refused = || ExplainError::Url(asked.url.clone());
    let (host, target) = match asked.url.strip_prefix("http://") {
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            (Some(&rest[..end]).filter(|host| !host.is_empty()).ok_or_else(refused)?, &rest[end..])
        }
        None if asked.url.starts_with('/') || asked.url == "*" => ("", asked.url.as_str()),
        None => return Err(refused()),
    };
    // A fragment stays with the caller (RFC 9110 §4.2.5).
    let target = target.split('#').next().unwrap_or_default();
    let slash = if target.starts_with(['/', '*']) { "" } else { "/" };
    let has_host = asked.headers.iter().any(|field| field.name.eq_ignore_ascii_case("host"));
    let mut head = format!("{} {slash}{target} HTTP/1.1\r\n", token("method", &asked.method)?);
    one_line("url", &asked.url)?;
    // As curl does it: a Host among the fields stands in for the URL's.
    if !has_host {
        head.push_str(&format!("Host: {host}\r\n"));
    }
    for field in &asked.headers {
        let (name, value) = (token("headers", &field.name)?, one_line("headers", &field.value)?);
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    if head.len() > HEAD_BYTES_MAX { Err(ExplainError::TooLarge) } else { Ok(head.into_bytes()) }
}

fn token<'a>(part: &'static str, text: &'a str) -> Result<&'a str, ExplainError> {
    let found = || ExplainError::Token { part, found: text.to_owned() };
    if is_token(text) { Ok(text) } else { Err(found()) }
}

fn one_line<'a>(part: &'static str, text: &'a str) -> Result<&'a str, ExplainError> {
    if text.contains(['\r', '\n']) { Err(ExplainError::LineBreak { part }) } else { Ok(text) }
}

#[cfg(test)]
mod tests;
