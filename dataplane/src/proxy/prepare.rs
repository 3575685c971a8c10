//! From bytes to a decision: head, attributes, route.
//!
//! Owns the synchronous part of a request: everything that borrows the receive buffer happens here,
//! between two awaits, and leaves plain values behind. Invariant: no allocation in the steady state;
//! the forwarded head goes to a pooled buffer.

use std::{net::IpAddr, ops::Range, rc::Rc, time::Instant};

use halftone_core::{
    http::{
        ChunkError, Forwarding, Framing, HeadError, HeaderSlots, Mask, PathScratch, RequestHead,
        empty_slots, encode_request, ip_text, normalise, parse_request,
    },
    route::{
        Decision, HostScratch, Remember, RequestView, UnitId, Witness, baggage, host_name,
        reserved, route_told, trace::Trace, user,
    },
    signal::{
        signature::{Signatures as _, Use},
        trust::Trusted,
    },
    table::epoch::Pinned,
};
use smallvec::SmallVec;

use super::{
    Bounds,
    added::{self, Added},
    error::Kind,
};
use crate::{
    conn::{body::Body, http1::Downstream},
    engine::Engine,
    fingerprint,
    signing::Verifier,
    tables::Tables,
    tags::Key,
    telemetry::{
        faults::{Faults, FaultsTold},
        values::Values,
    },
    worker::Worker,
};

/// An address as text.
type IpText = SmallVec<[u8; 48]>;

/// A request whose head was read and decided.
#[derive(Debug)]
pub struct Request {
    /// Both tables, from head to log line.
    pub tables: Option<Rc<Pinned<Option<Tables>>>>,
    /// What was decided; nothing when no route matched.
    pub decision: Option<Decision>,
    /// The variant row that serves it: the decided one, unless that has no instance.
    pub serving: Option<u32>,
    /// Who has to be known before it can be decided; not waited for more than once.
    pub wanted: Vec<Key>,
    /// Why it cannot be sent anywhere.
    pub refusal: Option<Kind>,
    /// The length of the head in the receive buffer.
    pub head_bytes: usize,
    /// Bytes of the body that were taken from the receive buffer behind the head.
    pub body_bytes: usize,
    /// The head to be forwarded, and behind it the body so far.
    pub forwarded: Vec<u8>,
    /// The rest of the body.
    pub body: Body,
    /// What it is held to.
    pub bounds: Bounds,
    /// Whether the method is HEAD.
    pub is_head: bool,
    /// Whether sending it twice does no more than sending it once (RFC 9110 §9.2.2).
    pub is_idempotent: bool,
    /// Whether the caller speaks HTTP/1.1.
    pub http11: bool,
    /// Whether the connection lives on after the answer.
    pub keep_alive: bool,
    /// Whether the caller waits for 100 Continue.
    pub expect_continue: bool,
    /// Whether the caller asks to change the protocol.
    pub upgrade: bool,
    /// The method in the receive buffer.
    pub method: Range<usize>,
    /// The host in the receive buffer.
    pub host: Range<usize>,
    /// The target in the receive buffer.
    pub target: Range<usize>,
    /// When the head was whole.
    pub started: Instant,
    /// The random number it was decided with.
    pub random: u32,
    /// The unit it was given, if it needed one.
    pub fresh_unit: UnitId,
    /// `http` or `https`, as its caller spoke.
    pub scheme: &'static str,
    /// The time it was decided at, in seconds since 1970.
    pub decided_unix_s: u64,
    /// The values that the decision read, where the log has them ([`crate::telemetry::values`]).
    pub values: Option<Vec<u8>>,
    /// The status that was answered.
    pub status: u16,
    /// Bytes of the answer, head and all.
    pub bytes_sent: u64,
    /// When a tunnel began, which lasts longer than its request took.
    pub tunnelled: Option<Instant>,
    /// The label of the error, if there was one.
    pub error: Option<&'static str>,
    /// The instance it was sent to.
    pub instance: Option<usize>,
    /// Fields that are added to its answer.
    pub added: Option<Added>,
    /// What it asks of us, and of no service: then nothing is decided.
    pub own: Option<Box<fingerprint::Asked>>,
    client_ip: Option<IpText>,
}

impl Request {
    /// Returns the caller's address as text.
    pub fn client_ip<'a, E: Engine>(&'a self, downstream: &'a Downstream<E>) -> &'a str {
        let forwarded =
            self.client_ip.as_ref().map(|text| std::str::from_utf8(text).unwrap_or_default());
        forwarded.unwrap_or_else(|| downstream.peer.text())
    }
}

/// When a request is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// For the first time: when somebody has to be asked for, it is left undecided.
    First,
    /// With what is known by now.
    Last,
}

/// Parses and decides the request at the front of the receive buffer; nothing when its head is not
/// whole yet.
///
/// # Errors
/// [`HeadError`] when the bytes are no acceptable request.
pub(super) fn prepare<E: Engine>(
    worker: &Worker<E>,
    downstream: &Downstream<E>,
    turn: Turn,
) -> Result<Option<Request>, HeadError> {
    let received = &downstream.received[downstream.consumed..];
    let mut slots: HeaderSlots<'_> = empty_slots();
    let Some(head) = parse_request(received, &mut slots, &worker.head_limits)? else {
        return Ok(None);
    };
    let span = |part: &str| span_of(&downstream.received, part.as_bytes());
    let mut request = Request {
        tables: None,
        decision: None,
        serving: None,
        wanted: Vec::new(),
        refusal: None,
        head_bytes: head.received.len(),
        body_bytes: 0,
        forwarded: worker.buffers.head(),
        body: Body::Ended,
        bounds: Bounds::new(&worker.limits, &worker.wheel),
        is_head: head.method == "HEAD",
        is_idempotent: matches!(
            head.method,
            "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "TRACE"
        ),
        http11: head.http11,
        keep_alive: head.keep_alive && !worker.is_draining(),
        expect_continue: head.expect_continue && head.framing != Framing::Empty,
        upgrade: head.upgrade.is_some(),
        method: span(head.method),
        host: span(head.host),
        target: span(head.target),
        started: worker.engine.now(),
        random: worker.random(),
        fresh_unit: worker.signing.unit(),
        scheme: head.scheme(downstream.peer.trusted),
        decided_unix_s: worker.unix_s(),
        values: None,
        status: 0,
        bytes_sent: 0,
        tunnelled: None,
        error: None,
        instance: None,
        added: None,
        own: None,
        client_ip: None,
    };
    request.own = fingerprint::asked(worker, downstream, &head);
    if request.own.is_none() {
        decide(worker, downstream, &head, &mut request, turn);
    }
    request.body = Body::new(head.framing).at_most(request.bounds.body_bytes).without_trailers();
    if matches!(head.framing, Framing::Length(bytes) if bytes > request.bounds.body_bytes) {
        request.refusal = request.refusal.or(Some(Kind::RequestBody(ChunkError::TooLarge)));
    }
    Ok(Some(request))
}

fn decide<E: Engine>(
    worker: &Worker<E>,
    downstream: &Downstream<E>,
    head: &RequestHead<'_, '_>,
    request: &mut Request,
    turn: Turn,
) {
    let peer = &downstream.peer;
    if peer.trusted && !head.forwarded_for.is_empty() {
        request.client_ip = Some(forwarded_client(&worker.trusted, peer.address, head));
    }
    let pinned = worker.tables();
    if let Some(tables) = Tables::newest(&pinned) {
        let rules = tables.rules();
        let (mut path_scratch, mut host_scratch) = (PathScratch::new(), HostScratch::new());
        let Some(path) = normalise(head.path.as_bytes(), &mut path_scratch) else {
            request.refusal = Some(Kind::Path);
            return;
        };
        let mut arena = worker.arena.borrow_mut();
        arena.reset();
        let client_ip = request.client_ip(downstream);
        let (reader, geo) = (worker.tags.reader(), worker.regions.reader(client_ip));
        let (random, now_unix_s) = (request.random, request.decided_unix_s);
        let verifier = worker.signing.verifier(now_unix_s);
        let log = worker.log.as_ref();
        let values = log.and_then(|log| log.values(|| worker.buffers.head()));
        let devices = worker.devices.reader();
        let claims = worker.tokens.reader(head.headers, client_ip, now_unix_s);
        let view = RequestView {
            method: head.method,
            scheme: request.scheme,
            protocol: if head.http11 { "HTTP/1.1" } else { "HTTP/1.0" },
            host: host_name(head.host, &mut host_scratch),
            path,
            query: head.query.as_bytes(),
            headers: head.headers,
            client_ip,
            trusted: peer.trusted,
            tags: &reader,
            geo: &geo,
            lists: &worker.lists,
            signatures: &verifier,
            fresh_unit: request.fresh_unit,
            witness: values.as_ref().map(|values| values as &dyn Witness),
            devices: &devices,
            claims: &claims,
            arena: &arena,
        };
        let mut faults = worker.faults.borrow_mut();
        let (decision, trace) = if is_to_be_told(head, &view, &verifier) {
            let mut told = FaultsTold { faults: Faults(&mut faults), trace: Trace::default() };
            (route_told(rules, &view, random, now_unix_s, &mut told), Some(told.trace))
        } else {
            let mut faults = Faults(&mut faults);
            (route_told(rules, &view, random, now_unix_s, &mut faults), None)
        };
        if let Some(decision) = decision.as_ref().filter(|_| values.is_some()) {
            // Who asks is to be told also where nothing was split.
            let _ = user(rules, decision, &view);
        }
        let (wanted, found) = reader.finish();
        let seen = claims.seen();
        request.values = values.map(Values::finish);
        if turn == Turn::First && !wanted.is_empty() {
            faults.clear();
            request.wanted = wanted;
            return;
        }
        request.decision = decision;
        worker.tags.count(&found);
        worker.signing.count(verifier.finish());
        worker.tokens.count(seen);
        let mut counters = worker.counters.borrow_mut();
        faults.count(&mut counters);
        let untrusted = request.decision.filter(|_| !peer.trusted);
        let stripped = untrusted.map_or_else(Mask::default, |decision| {
            reserved(rules.table, decision.route, head.headers)
        });
        counters.stripped += u64::from(stripped.len());
        request.serving = request.decision.and_then(|decision| tables.serving(&decision));
        let baggage = request.decision.zip(request.serving).and_then(|(decision, serving)| {
            baggage(rules.table, &decision, serving, head.headers, peer.trusted)
        });
        counters.stripped_members += baggage.map_or(0, |baggage| u64::from(baggage.stripped));
        if let Some(decision) = &request.decision {
            counters.record_chain(rules.table, decision);
            if let Some(serving) = request.serving {
                counters.exposures.record(tables, decision, serving);
            }
        }
        if let Some(decision) = &decision {
            request.added =
                added(worker, tables, decision, request.serving, &verifier, trace.as_ref());
        }
        if let Some(decision) = request.decision {
            request.bounds.follow_route(&rules.routes[decision.route as usize], &worker.wheel);
        }
        if let Some(variant) = request.serving {
            request.bounds.follow_variant(&rules.variants[variant as usize]);
        }
        request.refusal = match (request.decision, request.serving) {
            (None, _) => Some(Kind::NoRoute),
            (Some(_), None) => Some(Kind::NoInstance),
            (Some(_), Some(_)) => None,
        };
        let forwarding =
            Forwarding { peer_ip: peer.text(), trusted: peer.trusted, stripped, baggage };
        encode_request(head, forwarding, &mut request.forwarded);
    } else {
        request.refusal = Some(Kind::NoTable);
    }
    request.tables = Some(pinned);
}

/// Returns whether the caller holds a token for this host, and so is told the decision.
fn is_to_be_told(
    head: &RequestHead<'_, '_>,
    view: &RequestView<'_>,
    verifier: &Verifier<'_>,
) -> bool {
    let Some(token) = head.explain_token() else { return false };
    verifier.verify(Use::Explain, token).is_ok_and(|verified| verified.value == view.host)
}

/// Returns what is added to the answer; for most requests nothing.
fn added<E: Engine>(
    worker: &Worker<E>,
    tables: &Tables,
    decision: &Decision,
    serving: Option<u32>,
    verifier: &Verifier<'_>,
    trace: Option<&Trace>,
) -> Option<Added> {
    if decision.remember == Remember::default() && trace.is_none() {
        return None;
    }
    if decision.remember.unit == Some(worker.signing.unit()) {
        worker.signing.spend_unit();
    }
    let mut bytes = worker.buffers.head();
    if let Some(trace) = trace {
        added::tell(tables, decision, serving, trace, worker.id, &mut bytes);
    }
    let told = 0..bytes.len();
    let as_decided = serving == Some(decision.variant);
    added::remember(tables.rules().table, decision, as_decided, verifier.keys(), &mut bytes);
    Some(Added { bytes, told })
}

/// Returns the address of the caller behind a trusted `peer`.
pub(crate) fn forwarded_client(
    trusted: &Trusted,
    peer: IpAddr,
    head: &RequestHead<'_, '_>,
) -> IpText {
    let fields = head.headers.iter().enumerate();
    let values = fields
        .filter(|(index, _)| head.forwarded_for.contains(*index))
        .map(|(_, header)| header.value);
    let mut text = IpText::new();
    let _ = ip_text(trusted.client_ip(peer, values), &mut text);
    text
}

/// Returns where `part` lies in `whole`; nothing of it when it lies elsewhere (a constant).
fn span_of(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if start <= whole.len() && part.len() <= whole.len() - start {
        start..start + part.len()
    } else {
        0..0
    }
}
