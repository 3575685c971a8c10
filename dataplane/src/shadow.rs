//! Shadows: a candidate's rules decided beside the served ones, on the requests that come, and nothing done about it.
//!
//! Owns what a worker counts while somebody waits for it. Decides by [`route`], as [`crate::proxy`] does, once more and
//! later: when a request is done, its head still lies where it was received, and its caller has the answer.
//!
//! Invariants:
//! - while there is none, a request costs one branch;
//! - nothing of a request changes: no counter, no log line, no cookie, no turn, no random number is taken, nobody is
//!   asked for, no budget of callers is spent; what a candidate would have to ask for is counted as not decided;
//! - both decisions have the same request, random number and time;
//! - counts are bounded ([`Counter`]), and a shadow ends by itself.

use std::{
    cell::{Cell, RefCell},
    fmt,
    sync::Arc,
};

use halftone_core::{
    http::{PathScratch, empty_slots, normalise, parse_request},
    limits::{BUCKETS, SHADOW_KEPT_MS, TICK_MS},
    route::{Decision, HostScratch, RequestView, host_name, route, user},
    table::{RuleTable, Rules, archive::Archive},
    telemetry::moves::{Counter, Move, Rule, Sample, Tally, UserKey, rows, user_hash},
};

use crate::{
    conn::http1::Downstream, engine::Engine, proxy::Request, tables::Tables, worker::Worker,
};

/// Rules that are decided beside the served ones.
#[derive(Debug)]
pub struct Candidate {
    /// The rules.
    pub rules: Archive<RuleTable>,
    /// The share of requests, parts per million.
    pub sample_ppm: u32,
    /// For how long, in ticks.
    pub ticks: u64,
    /// What hashes of users are keyed by.
    pub key: UserKey,
}

/// What a worker decides besides, if anything.
#[derive(Default)]
pub struct Shadows {
    is_on: Cell<bool>,
    current: RefCell<Option<Box<Shadow>>>,
}

/// A candidate and what was counted.
struct Shadow {
    candidate: Arc<Candidate>,
    counter: Counter,
    /// The epoch of the served rules that the counter's rows belong to.
    epoch: u64,
    /// The tick after which nothing is decided any more.
    until: u64,
    random: u64,
}

impl fmt::Debug for Shadows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadows").field("is_on", &self.is_on).finish_non_exhaustive()
    }
}

impl Shadows {
    /// Begins with a candidate at tick `now`, or ends with what there is.
    pub fn set(&self, candidate: Option<Arc<Candidate>>, now: u64) {
        let shadow = candidate.map(|candidate| {
            let (until, random) = (now + candidate.ticks, candidate.key[0] | 1);
            let counter = Counter::default();
            Box::new(Shadow { candidate, counter, epoch: 0, until, random })
        });
        self.is_on.set(shadow.is_some());
        *self.current.borrow_mut() = shadow;
    }

    /// Returns whether a request is to be looked at.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Moves on to tick `now`: what is over is kept for a while, and then forgotten.
    pub fn turn(&self, now: u64) {
        let mut current = self.current.borrow_mut();
        let Some(shadow) = &*current else { return };
        self.is_on.set(now < shadow.until);
        if now >= shadow.until + SHADOW_KEPT_MS / TICK_MS {
            *current = None;
        }
    }

    /// Returns whether it goes on and what was counted; nothing when there is none.
    #[must_use]
    pub fn tally(&self) -> Option<(bool, Tally)> {
        let current = self.current.borrow();
        current.as_ref().map(|shadow| (self.is_on.get(), shadow.counter.tally.clone()))
    }
}

/// Decides a request that is done by the candidate, too, and counts whether it would move.
pub(crate) fn look<E: Engine>(worker: &Worker<E>, downstream: &Downstream<E>, request: &Request) {
    let mut current = worker.shadows.current.borrow_mut();
    // Without tables nothing was decided, and there is nothing to compare with.
    let served = request.tables.as_ref().and_then(|pinned| Tables::newest(pinned));
    let (Some(shadow), Some(served)) = (current.as_deref_mut(), served) else { return };
    if !shadow.takes() {
        return;
    }
    let received = &downstream.received[downstream.consumed..];
    let mut slots = empty_slots();
    let (mut path_scratch, mut host_scratch) = (PathScratch::new(), HostScratch::new());
    let Ok(Some(head)) = parse_request(received, &mut slots, &worker.head_limits) else { return };
    let Some(path) = normalise(head.path.as_bytes(), &mut path_scratch) else { return };
    let mut arena = worker.arena.borrow_mut();
    arena.reset();
    let client_ip = request.client_ip(downstream);
    let (peek, devices) = (worker.tags.peek(), worker.devices.uncounted());
    let geo = worker.regions.uncounted(client_ip);
    let verifier = worker.signing.verifier(request.decided_unix_s);
    let claims = worker.tokens.shadow(head.headers, request.decided_unix_s);
    let view = RequestView {
        method: head.method,
        scheme: request.scheme,
        protocol: if head.http11 { "HTTP/1.1" } else { "HTTP/1.0" },
        host: host_name(head.host, &mut host_scratch),
        path,
        query: head.query.as_bytes(),
        headers: head.headers,
        client_ip,
        trusted: downstream.peer.trusted,
        tags: &peek,
        devices: &devices,
        geo: &geo,
        lists: &worker.lists,
        claims: &claims,
        signatures: &verifier,
        fresh_unit: request.fresh_unit,
        witness: None,
        arena: &arena,
    };
    let candidate = Arc::clone(&shadow.candidate);
    let rules = candidate.rules.rules();
    let decided = route(rules, &view, request.random, request.decided_unix_s);
    if peek.has_missed() || claims.was_busy() {
        shadow.counter.tally.undecided += 1;
        return;
    }
    let (live, would) = (request.decision.as_ref(), decided.as_ref());
    let unit = would.and_then(|decision| user(rules, decision, &view));
    let unit = unit.or_else(|| live.and_then(|decision| user(served.rules(), decision, &view)));
    let unit = unit.map(|unit| user_hash(candidate.key, unit));
    shadow.counter.count(unit);
    if key(served.rules(), live) == key(rules, would) {
        return;
    }
    let epoch = served.epochs().0;
    if epoch != shadow.epoch {
        shadow.epoch = epoch;
        shadow.counter.forget_rows();
    }
    let names = || Move {
        from: live.map(|decision| Rule::of(served.rules().table, decision)),
        to: would.map(|decision| Rule::of(rules.table, decision)),
    };
    let sample = || Sample::of(view.method, view.host, view.path, view.query, unit);
    shadow.counter.moved(Some((rows(live), rows(would))), unit, names, sample);
}

/// Returns what instances are known by.
fn key<'t>(table: Rules<'t>, decision: Option<&Decision>) -> Option<&'t str> {
    Some(&table.table.variants[decision?.variant as usize].key)
}

impl Shadow {
    /// Returns whether this request is among the sample (xorshift64*, Vigna 2016; of its own, not the worker's).
    fn takes(&mut self) -> bool {
        if self.candidate.sample_ppm >= BUCKETS {
            return true;
        }
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let number = self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        (number * u64::from(BUCKETS)) >> 32 < u64::from(self.candidate.sample_ppm)
    }
}

#[cfg(test)]
mod tests;
