//! The decision by dimensions: a tag, a region and a device that a worker knows, and a nested table by the three.
//!
//! Owns the rules, and what the worker knows. Inside a case is one whole [`route`]: finding host and route, the release's
//! stages, the bucket and its range; and making the readers that serve one decision, as a worker does. Outside of it are
//! the head, the normal form of host and path, and whatever happens once: everybody is known, and nothing is asked for.
//!
//! [`by_all`] and [`by_none`] are the same request to two routes; what they differ by is what dimensions cost.
//! [`by_expressions`] and [`by_falsehoods`] meet [`EXPRESSIONS`] targets in turn, none of which takes the request, the ones
//! by an expression and the others by `false`: what they differ by is what evaluating expressions costs whose attributes
//! are at hand, since a decision reads an attribute once.

use std::{
    cell::{OnceCell, RefCell},
    hint::black_box,
    sync::Arc,
};

use bumpalo::Bump;
use halftone_core::{
    http::Header,
    route::{NoTags, RequestView, TagReader, route},
    signal::{
        device::cache::Devices,
        geo::{Database, Databases},
        tags::Tags,
    },
    table::{RuleTable, TagFilter, archive::Archive, epoch::EpochCell},
};
use halftone_dataplane::{
    geo::Regions,
    tags::{Key, Lookups, News, Outcome},
};
use halftone_mmdb::shared::{BUILT_UNIX_S, PLACES, city};
use serde_json::{Map, Value, json};

use super::decisions::{PHONE, archived};

/// Whose rules, tags and users these are.
const TENANT: &str = "bench";
/// Who asks.
const USER: &str = "user-42";
/// Users that have tags beside.
const USERS: u32 = 10_000;
/// Cities of the nested table beside the one that is asked from.
const CITIES: usize = 30;

/// The expression that the mark is set for, as people write it.
const WHEN: &str = "age > 18 && city in ['北京','上海']";

/// A worker that knows everybody, and its rules.
#[derive(Default)]
pub(crate) struct Knowing(OnceCell<Known>);

struct Known {
    rules: Archive<RuleTable>,
    tags: Lookups,
    regions: Regions,
    devices: Devices,
    arena: RefCell<Bump>,
}

impl Knowing {
    fn known(&self) -> &Known {
        self.0.get_or_init(|| {
            let database = Database::open(city(BUILT_UNIX_S).finish()).expect("a sound database");
            let databases = Databases::default().with(Arc::new(database));
            Known {
                rules: archived(bundle()),
                tags: tags(),
                regions: Regions::new(Arc::new(EpochCell::new(databases))),
                devices: Devices::new(1),
                arena: RefCell::default(),
            }
        })
    }
}

/// Decides by tag, region and device, in a cell of a nested table.
#[inline(never)]
pub(crate) fn by_all(knowing: &Knowing) {
    let known = knowing.known();
    decide(known, b"/all/7", &known.tags.reader());
}

/// Decides the same request where the release asks for nothing but its bucket.
#[inline(never)]
pub(crate) fn by_none(knowing: &Knowing) {
    let known = knowing.known();
    decide(known, b"/none/7", &known.tags.reader());
}

/// Targets that no request is in.
pub(crate) const EXPRESSIONS: u32 = 100;

/// Decides a request that none of the targets takes: their expressions do not hold.
#[inline(never)]
pub(crate) fn by_expressions(knowing: &Knowing) {
    decide(knowing.known(), b"/expressions/7", &NoTags);
}

/// Decides a request that none of the targets takes, since nobody is in them.
#[inline(never)]
pub(crate) fn by_falsehoods(knowing: &Knowing) {
    decide(knowing.known(), b"/falsehoods/7", &NoTags);
}

#[inline(always)]
fn decide(known: &Known, path: &[u8], tags: &dyn TagReader) {
    let field = |name, value: &'static str| Header { name, value: value.as_bytes() };
    let headers = [
        field("Host", "api.example.com"),
        field("User-Agent", PHONE),
        field("Accept", "application/json"),
        field("Accept-Encoding", "gzip, deflate"),
        field("X-Age", "30"),
        field("X-City", "广州"),
        field("X-User-Id", USER),
        field("X-Request-Id", "0123456789abcdef"),
    ];
    let client_ip = PLACES[0].address;
    let mut arena = known.arena.borrow_mut();
    arena.reset();
    let view = RequestView {
        method: "GET",
        scheme: "http",
        protocol: "HTTP/1.1",
        host: b"api.example.com",
        path,
        query: b"page=2",
        headers: &headers,
        client_ip,
        trusted: true,
        tags,
        witness: None,
        geo: &known.regions.reader(client_ip),
        lists: &halftone_core::signal::lists::NoLists,
        claims: &halftone_core::signal::jwt::NoClaims,
        signatures: &halftone_core::signal::signature::NoKeys,
        fresh_unit: halftone_core::route::UnitId::default(),
        devices: &known.devices.reader(),
        arena: &arena,
    };
    let decision = route(black_box(&known.rules).rules(), black_box(&view), 0, 0);
    assert!(black_box(decision).is_some_and(|decision| decision.bucket.is_some()));
}

/// Returns what a worker knows that was told everybody's tags.
fn tags() -> Lookups {
    let mut filter = TagFilter::with_room(TENANT, u64::from(USERS) + 1);
    let ids = || (0..USERS).map(|user| format!("user-{user}"));
    ids().for_each(|id| filter.insert(&id));
    let lookups = Lookups::new(0, None);
    let filter = Archive::build(&filter, 1).expect("it verifies");
    lookups.take(News::Filter(Arc::new(filter)));
    let told = |id: String| {
        let tags = [("age", "30"), ("level", "vip"), ("plan", "yearly"), ("since", "2021-03")];
        let tags: Tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let key = Key { tenant: TENANT.into(), id: id.into() };
        (key, Outcome::Answered { revision: 1, tags: Some(tags) })
    };
    lookups.take(News::Told(ids().map(told).collect()));
    lookups
}

fn bundle() -> Value {
    let header = |kind: &str, name: &str| json!({ "type": kind, "from": [{ "header": name, "trusted": true }] });
    let mut age = header("int", "x-age");
    age["alias"] = json!("age");
    let mut city = header("string", "x-city");
    city["alias"] = json!("city");
    let route = |name: &str| json!({ "matches": [{ "path": { "type": "PathPrefix", "value": format!("/{name}") } }], "release": name });
    let rules = ["all", "none", "expressions", "falsehoods"].map(route);
    let release = |targets: Vec<Value>| json!({ "upstream": "u", "unit": ["user.id"], "targets": targets, "default": { "split": { "canary": "20%" } } });
    let targets = |when: &str| {
        let target = |number: u32| json!({ "id": format!("t{number}"), "when": when, "split": { "canary": "5%" } });
        release((0..EXPRESSIONS).map(target).collect())
    };
    let levels = json!({ "vip": { "weight": "20%" }, "*": { "weight": "5%" } });
    let devices = json!({ "ios": levels, "android": levels, "*": { "*": { "weight": "1%" } } });
    let mut cities: Map<String, Value> =
        (0..CITIES).map(|at| (format!("城市{at}"), devices.clone())).collect();
    cities.insert(PLACES[0].city[1].to_owned(), devices);
    let nested =
        json!({ "id": "n", "nested": ["geo.city", "device.os", "user.level"], "table": cities });
    json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": TENANT },
        "attributes": {
            "user.id": header("string", "x-user-id"), "header.age": age, "header.city": city,
            "user.level": { "type": "string", "from": [{ "tags": "level" }] },
            "geo.city": { "type": "string", "from": [{ "geoip": "city", "lang": "zh-CN" }] },
            "device.os": { "type": "string", "from": [{ "device": "os" }] },
        },
        "upstreams": { "u": { "variants": {
            "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } } },
        "routes": [{ "name": "r", "hostnames": ["api.example.com"], "rules": rules }],
        "releases": {
            "all": release(vec![nested]), "none": release(vec![]),
            "expressions": targets(WHEN), "falsehoods": targets("false"),
        },
    })
}
