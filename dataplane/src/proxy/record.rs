//! What is kept of a finished request: its counts and its line in the log.
//!
//! Owns which numbers and names a line has. Does not format it: [`crate::telemetry::log`] does. Invariant: nothing here waits
//! or, once a combination was met, allocates.

use std::time::Instant;

use halftone_core::{route::Decision, table::NONE};

use super::Request;
use crate::{
    conn::http1::Downstream,
    engine::Engine,
    tables::Tables,
    telemetry::log::{Decided, Line, Names, Read, Rows},
    worker::Worker,
};

/// Counts the request and writes its line.
pub(super) fn record<E: Engine>(worker: &Worker<E>, downstream: &Downstream<E>, request: &Request) {
    let now = worker.engine.now();
    let duration = now.saturating_duration_since(request.started);
    let tables = request.tables.as_ref().and_then(|pinned| Tables::newest(pinned));
    {
        let mut counters = worker.counters.borrow_mut();
        let decided = request.decision.map(|decision| decision.variant);
        // A variant that could not serve is not credited with the answer of the one that did.
        if let (Some(tables), Some(variant)) = (tables, request.serving.or(decided)) {
            let until = |end: Instant| end.saturating_duration_since(request.started);
            let took = request.tunnelled.map_or(duration, until);
            let latency_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            counters.record(tables, variant, request.status, latency_us);
        }
        if let Some(label) = request.error {
            counters.record_error(label);
        }
    }
    let Some(log) = &worker.log else { return };
    let mut line = Line {
        client_ip: request.client_ip(downstream),
        method: &downstream.received[request.method.clone()],
        host: &downstream.received[request.host.clone()],
        target: &downstream.received[request.target.clone()],
        status: request.status,
        bytes_sent: request.bytes_sent,
        duration,
        worker: worker.id,
        error: request.error,
        ..Line::default()
    };
    line.read = request.values.as_deref().map(|values| Read {
        protocol: if request.http11 { "HTTP/1.1" } else { "HTTP/1.0" },
        scheme: request.scheme,
        trusted: downstream.peer.trusted,
        values,
    });
    line.epochs = tables.map_or((0, 0), Tables::epochs);
    let Some((tables, decision)) = tables.zip(request.decision.as_ref()) else {
        log.write(now, &line, None);
        return;
    };
    line.bucket = decision.bucket;
    let names = || names(request, tables, decision);
    let rows = rows(request, decision);
    log.write(now, &line, Some(&Decided { epochs: line.epochs, rows, names: &names }));
}

/// Returns the rows of all that [`names`] names.
fn rows(request: &Request, decision: &Decision) -> Rows {
    let instance = request.instance.and_then(|at| u32::try_from(at).ok());
    [
        decision.route,
        decision.release.unwrap_or(NONE),
        decision.target.unwrap_or(NONE),
        decision.cell.unwrap_or(NONE),
        decision.variant,
        request.serving.unwrap_or(decision.variant),
        instance.unwrap_or(NONE),
        decision.reason as u32,
    ]
}

/// Returns the names of what was decided.
fn names<'a>(request: &Request, tables: &'a Tables, decision: &Decision) -> Names<'a> {
    let rules = tables.rules().table;
    let serving = request.serving.unwrap_or(decision.variant);
    let route = &rules.routes[decision.route as usize];
    let mut names = Names {
        route: &route.name,
        tenant: &rules.tenants[route.tenant.to_native() as usize].name,
        variant: &rules.variants[serving as usize].name,
        reason: decision.reason.as_str(),
        ..Names::default()
    };
    if serving != decision.variant {
        names.fallback_from = &rules.variants[decision.variant as usize].name;
    }
    if let Some(release) = decision.release {
        let release = &rules.releases[release as usize];
        names.release = &release.name;
        let target = decision.target.and_then(|at| release.targets.get(at as usize));
        names.target_id = target.map_or("", |target| &target.id);
        let nested = target.and_then(|target| target.nested.as_ref());
        let cell = nested.zip(decision.cell).and_then(|(nested, at)| nested.cells.get(at as usize));
        names.cell = cell.map_or("", |cell| cell);
    }
    let instance = request.instance.and_then(|at| tables.instance_set(serving)?.instances.get(at));
    names.upstream = instance.map_or("", |instance| &instance.name);
    names
}
