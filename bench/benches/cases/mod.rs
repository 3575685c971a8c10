//! What the benches run: the parts of the decision path that are pure.
//!
//! Owns the inputs: one head, one policy of a thousand routes, its tables. Each case is one call of the
//! path with ready inputs, so that criterion's time and valgrind's count are of the same thing.

use std::{cell::RefCell, hint::black_box};

use bumpalo::Bump;
use halftone_core::{
    compile::{Allocations, allocate, compile_rules},
    http::{HeadLimits, PathScratch, empty_slots, normalise, parse_request},
    policy::{Bundle, validate},
    route::{HostScratch, RequestView, host_name, route, user},
    table::{RuleTable, archive::Archive},
    telemetry::moves::{Counter, user_hash},
};
use serde_json::{Value, json};

mod decisions;
pub(crate) mod dimensions;

/// Routes of the policy, each with a host of its own.
const ROUTES: usize = 1000;
const HEAD: &[u8] = b"GET /user/7/orders?page=2 HTTP/1.1\r\nHost: api-500.example.com\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\n\
Accept-Encoding: gzip, deflate\r\nX-User-Id: user-42\r\nX-Request-Id: 0123456789abcdef\r\n\r\n";

/// All inputs.
pub(crate) struct Inputs {
    bundle: Bundle,
    allocations: Allocations,
    table: RuleTable,
    archive: Archive<RuleTable>,
    decisions: decisions::Tables,
    pub(crate) knowing: dimensions::Knowing,
    counter: RefCell<Counter>,
}

impl Inputs {
    /// Makes them.
    pub(crate) fn new() -> Self {
        let bundle: Bundle = serde_json::from_value(bundle()).expect("the shape is right");
        assert_eq!(validate(&bundle), []);
        let mut allocations = Allocations::default();
        allocate(&bundle, &mut allocations).expect("weights fit");
        let table = compile_rules(&[&bundle], &allocations).expect("it compiles");
        let archive = Archive::build(&table, 1).expect("it verifies");
        let (decisions, counter) = (decisions::Tables::default(), RefCell::default());
        let knowing = dimensions::Knowing::default();
        Self { bundle, allocations, table, archive, decisions, knowing, counter }
    }
}

/// A case: its name, and how it runs once.
pub(crate) type Case = (&'static str, fn(&Inputs));

/// The path of the last route of a host.
const LAST: &str = "/part-9/user/7";

/// Every case.
pub(crate) static CASES: [Case; 18] = [
    ("routes-10", |inputs| decisions::decide(inputs.decisions.few(), "api-0.example.com", LAST)),
    ("routes-100k", |inputs| {
        decisions::decide(inputs.decisions.many(), "api-5000.example.com", LAST)
    }),
    ("one-host-100k", |inputs| {
        decisions::decide(inputs.decisions.one_host(), "api-0.example.com", "/part-99999/user/7");
    }),
    ("expression", |inputs| {
        decisions::decide(inputs.decisions.expression(), "api-0.example.com", LAST);
    }),
    ("nested", |inputs| decisions::decide(inputs.decisions.nested(), "api-0.example.com", LAST)),
    ("region", |inputs| decisions::decide_by_region(inputs.decisions.region(), LAST)),
    ("device", |inputs| decisions::decide_by_device(&inputs.decisions, LAST)),
    ("dimensions", |inputs| dimensions::by_all(&inputs.knowing)),
    ("dimensions-none", |inputs| dimensions::by_none(&inputs.knowing)),
    ("expressions-100", |inputs| dimensions::by_expressions(&inputs.knowing)),
    ("falsehoods-100", |inputs| dimensions::by_falsehoods(&inputs.knowing)),
    ("device-new", |_| decisions::recognise()),
    ("parse", parse),
    ("route", decide),
    ("shadow", shadow),
    ("compile", compile),
    ("archive", archive),
    ("verify", verify),
];

/// Parses a request head and decides its framing.
#[inline(never)]
fn parse(_: &Inputs) {
    let mut slots = empty_slots();
    let head = parse_request(black_box(HEAD), &mut slots, &HeadLimits::default());
    assert!(black_box(head).is_ok_and(|head| head.is_some()));
}

/// Decides a parsed request among a thousand routes, to a variant of a split.
#[inline(never)]
fn decide(inputs: &Inputs) {
    with_view(|view| {
        let decision = route(inputs.archive.rules(), view, 0, 0);
        assert!(black_box(decision).is_some_and(|decision| decision.bucket.is_some()));
    });
}

/// Does what a request that is done costs while everything is shadowed: it is parsed and decided again, and its user
/// counted.
#[inline(never)]
fn shadow(inputs: &Inputs) {
    with_view(|view| {
        let rules = inputs.archive.rules();
        let decision = route(rules, view, 0, 0);
        let unit = decision.as_ref().and_then(|decision| user(rules, decision, view));
        inputs.counter.borrow_mut().count(unit.map(|unit| user_hash([1, 2], unit)));
        assert!(black_box(decision).is_some());
    });
}

/// Parses the head, and has its request read.
#[inline(always)]
fn with_view(read: impl FnOnce(&RequestView<'_>)) {
    let mut slots = empty_slots();
    let head = parse_request(black_box(HEAD), &mut slots, &HeadLimits::default());
    let head = head.ok().flatten().expect("a good head");
    let (mut host, mut path) = (HostScratch::new(), PathScratch::new());
    let arena = Bump::new();
    let view = RequestView {
        method: head.method,
        scheme: "http",
        protocol: "HTTP/1.1",
        host: host_name(head.host, &mut host),
        path: normalise(head.path.as_bytes(), &mut path).expect("a good path"),
        query: head.query.as_bytes(),
        headers: head.headers,
        client_ip: "192.0.2.1",
        trusted: true,
        tags: &halftone_core::route::NoTags,
        witness: None,
        geo: &halftone_core::signal::geo::NoGeo,
        lists: &halftone_core::signal::lists::NoLists,
        signatures: &halftone_core::signal::signature::NoKeys,
        fresh_unit: halftone_core::route::UnitId::default(),
        devices: &halftone_core::signal::device::Unremembered::default(),
        claims: &halftone_core::signal::jwt::NoClaims,
        arena: &arena,
    };
    read(&view);
}

/// Compiles the policy to a table.
#[inline(never)]
fn compile(inputs: &Inputs) {
    let table = compile_rules(&[black_box(&inputs.bundle)], &inputs.allocations);
    assert!(black_box(table).is_ok());
}

/// Archives the table and opens what was made, as a sender does.
#[inline(never)]
fn archive(inputs: &Inputs) {
    assert!(black_box(Archive::build(black_box(&inputs.table), 1)).is_ok());
}

/// Opens an archive that came from somewhere: checksum, structure, meaning.
#[inline(never)]
fn verify(inputs: &Inputs) {
    assert!(black_box(Archive::<RuleTable>::copy_from(black_box(inputs.archive.bytes()))).is_ok());
}

fn bundle() -> Value {
    let route = |number: usize| {
        json!({ "name": format!("route-{number}"), "hostnames": [format!("api-{number}.example.com")], "rules": [
            { "matches": [{ "path": { "type": "PathPrefix", "value": "/user" } }], "release": "user-v2" },
            { "matches": [{ "path": { "type": "Exact", "value": "/healthz" } }], "upstream": "user-api" } ] })
    };
    let qa = json!({ "id": "qa", "variant": "canary",
        "match": { "headers": [{ "name": "x-qa", "type": "Exact", "value": "1" }] } });
    json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "bench" },
        "attributes": { "user.id": { "type": "string", "from": [{ "header": "x-user-id", "trusted": true }] } },
        "upstreams": { "user-api": { "variants": {
            "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } } },
        "routes": (0..ROUTES).map(route).collect::<Vec<_>>(),
        "releases": { "user-v2": { "upstream": "user-api", "unit": ["user.id", "client.ip"],
            "targets": [qa], "default": { "split": { "canary": "20%" } } } },
    })
}
