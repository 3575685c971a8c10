//! The decision of the compiled table is the evaluator's, on generated pairs.

use std::collections::BTreeMap;

use bumpalo::Bump;
use halftone_core::{
    compile::{Allocations, allocate, compile_rules},
    http::{Header, PathScratch, normalise},
    policy::{Bundle, validate},
    route::{HostScratch, RequestView, TagReader, host_name, route},
    signal::device::Unremembered,
    table::{RuleTable, archive::Archive},
};
use serde_json::Value;

use crate::{
    evaluator::{Answer, Request, decide},
    generator::Seeded,
};

/// Requests per bundle.
const REQUESTS: u64 = 50;

#[test]
fn the_compiled_decision_is_the_written_one() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let entropy = || std::process::id().into();
    let seed = number("POLICY_SEED").unwrap_or_else(entropy);
    let pairs = number("POLICY_PAIRS").unwrap_or(25_000);
    println!("POLICY_SEED={seed} POLICY_PAIRS={pairs}");
    let mut seeded = Seeded(seed);
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..pairs.div_ceil(REQUESTS) {
        let bundle = seeded.bundle();
        let table = compiled(&bundle);
        for _ in 0..REQUESTS {
            let request = seeded.request();
            let (expected, found) = (decide(&bundle, &request), served(&table, &request));
            assert_eq!(found, expected, "POLICY_SEED={seed}\n{request:#?}\n{bundle:#}");
            let reason = expected.map_or("refused", |found| found.map_or("no route", |a| a.reason));
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
    }
    println!("{reasons:?}");
    // A generator that never meets a rule would agree about nothing.
    for reason in [
        "refused",
        "no route",
        "STATIC",
        "DISABLED",
        "OVERRIDE",
        "TARGETING_MATCH",
        "DEFAULT",
        "SPLIT",
    ] {
        let share = reasons.get(reason).copied().unwrap_or_default();
        assert!(pairs < 10_000 || share * 200 > pairs, "{reason} came up {share} times in {pairs}");
    }
}

fn compiled(bundle: &Value) -> Archive<RuleTable> {
    let bundle: Bundle = serde_json::from_value(bundle.clone()).expect("the shape is right");
    assert_eq!(validate(&bundle), [], "{bundle:#?}");
    let mut allocations = Allocations::new();
    allocate(&bundle, &mut allocations).expect("weights fit");
    let rules = compile_rules(&[&bundle], &allocations).expect("compiles");
    Archive::build(&rules, 1).expect("verifies")
}

/// What the request says is known of users.
#[derive(Debug)]
struct Known<'r>(&'r BTreeMap<String, BTreeMap<String, String>>);

impl TagReader for Known<'_> {
    fn tag(&self, tenant: &str, id: &str, name: &str) -> Option<&str> {
        assert_eq!(tenant, "t");
        Some(self.0.get(id)?.get(name)?.as_str())
    }
}

/// Decides as a worker does, and names what the rows are.
fn served(table: &Archive<RuleTable>, request: &Request) -> Option<Option<Answer>> {
    let headers: Vec<Header<'_>> = request
        .headers
        .iter()
        .map(|(name, value)| Header { name, value: value.as_bytes() })
        .collect();
    let (mut host, mut path) = (HostScratch::new(), PathScratch::new());
    let arena = Bump::new();
    let view = RequestView {
        method: &request.method,
        scheme: "http",
        protocol: "HTTP/1.1",
        host: host_name(&request.host, &mut host),
        path: normalise(request.path.as_bytes(), &mut path)?,
        query: request.query.as_bytes(),
        headers: &headers,
        client_ip: &request.client_ip,
        trusted: request.trusted,
        tags: &Known(&request.tags),
        devices: &Unremembered::default(),
        arena: &arena,
    };
    let table = table.rules();
    let Some(decision) = route(table, &view, 0, request.now_unix_s) else { return Some(None) };
    let key = table.variants[decision.variant as usize].key.as_str();
    let mut parts = key.split('/').skip(1).map(str::to_owned);
    let target = decision.target.zip(decision.release).map(|(target, release)| {
        let target = &table.releases[release as usize].targets[target as usize];
        let cell = target.nested.as_ref().zip(decision.cell);
        let cell = cell.map(|(nested, cell)| format!("/{}", nested.cells[cell as usize]));
        format!("{}{}", target.id, cell.unwrap_or_default())
    });
    Some(Some(Answer {
        route: table.routes[decision.route as usize].name.as_str().to_owned(),
        upstream: parts.next().unwrap_or_default(),
        variant: parts.next().unwrap_or_default(),
        reason: decision.reason.as_str(),
        target,
        bucket: decision.bucket,
    }))
}
