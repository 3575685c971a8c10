//! Decisions alone: a parsed request, and tables of several sizes and kinds.
//!
//! Owns the policies. Each table is made when its case runs for the first time.

use std::{cell::OnceCell, hint::black_box, sync::Arc};

use bumpalo::Bump;
use halftone_core::{
    compile::{Allocations, allocate, compile_rules},
    http::Header,
    policy::{Bundle, validate},
    route::{Decision, RequestView, route},
    signal::{
        device::{Client, Device, DeviceReader, Unremembered, cache::Devices},
        geo::{Database, Databases, GeoReader, NoGeo},
    },
    table::{RuleTable, archive::Archive, epoch::EpochCell},
};
use halftone_dataplane::geo::Regions;
use halftone_mmdb::shared::{BUILT_UNIX_S, PLACES, city};
use serde_json::{Map, Value, json};

/// Routes of one host in the policies of many.
const ROUTES_PER_HOST: usize = 10;

/// What an Android says it is.
pub(crate) const PHONE: &str = "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";

/// A browser that no case asks for.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64)";

/// Tables, by what is asked of them.
#[derive(Default)]
pub(crate) struct Tables {
    few: OnceCell<Archive<RuleTable>>,
    many: OnceCell<Archive<RuleTable>>,
    one_host: OnceCell<Archive<RuleTable>>,
    expression: OnceCell<Archive<RuleTable>>,
    nested: OnceCell<Archive<RuleTable>>,
    region: OnceCell<(Archive<RuleTable>, Regions)>,
    device: OnceCell<(Archive<RuleTable>, Devices)>,
}

impl Tables {
    /// Ten routes of one host.
    pub(crate) fn few(&self) -> &Archive<RuleTable> {
        self.few.get_or_init(|| hosts(1))
    }

    /// A hundred thousand routes of ten thousand hosts.
    pub(crate) fn many(&self) -> &Archive<RuleTable> {
        self.many.get_or_init(|| hosts(10_000))
    }

    /// A hundred thousand routes of one host.
    pub(crate) fn one_host(&self) -> &Archive<RuleTable> {
        self.one_host.get_or_init(|| {
            let rule = |number: usize| {
                json!({ "matches": [{ "path": { "type": "PathPrefix", "value": format!("/part-{number}/user") } }], "release": "v2" })
            };
            let rules: Vec<Value> = (0..100_000).map(rule).collect();
            compiled(json!([{ "name": "r", "hostnames": ["api-0.example.com"], "rules": rules }]), json!([]))
        })
    }

    /// An expression over three attributes.
    pub(crate) fn expression(&self) -> &Archive<RuleTable> {
        self.expression.get_or_init(|| {
            let when = "age > 18 && city in ['北京','上海'] && device.os == 'ios'";
            let target = json!({ "id": "e", "when": when, "split": { "canary": "20%" } });
            compiled(routes_of(0), json!([target]))
        })
    }

    /// An expression over a tag's stand-in and a city, and the databases of a worker.
    pub(crate) fn region(&self) -> &(Archive<RuleTable>, Regions) {
        self.region.get_or_init(|| {
            let when = "age > 18 && place in ['北京','上海']";
            let target = json!({ "id": "e", "when": when, "split": { "canary": "20%" } });
            let database = Database::open(city(BUILT_UNIX_S).finish()).expect("a sound database");
            let databases = Databases::default().with(Arc::new(database));
            (
                compiled(routes_of(0), json!([target])),
                Regions::new(Arc::new(EpochCell::new(databases))),
            )
        })
    }

    /// A table of thirty cities by device and level.
    pub(crate) fn nested(&self) -> &Archive<RuleTable> {
        self.nested.get_or_init(|| {
            let levels = json!({ "vip": { "weight": "20%" }, "*": { "weight": "5%" } });
            let devices =
                json!({ "ios": levels, "android": levels, "*": { "*": { "weight": "1%" } } });
            let mut cities: Map<String, Value> =
                (0..30).map(|at| (format!("城市{at}"), devices.clone())).collect();
            cities.insert("上海".to_owned(), devices);
            let nested = json!(["geo.city", "device.os", "user.level"]);
            compiled(routes_of(0), json!([{ "id": "n", "nested": nested, "table": cities }]))
        })
    }
}

/// Decides by the device, which is remembered after the first time.
#[inline(never)]
pub(crate) fn decide_by_device(tables: &Tables, path: &str) {
    let (table, devices) = tables.device.get_or_init(|| {
        let when = "kind == 'phone' && system in ['android','harmonyos']";
        let target = json!({ "id": "d", "when": when, "split": { "canary": "20%" } });
        (compiled(routes_of(0), json!([target])), Devices::new(1))
    });
    decide_for(table, "api-0.example.com", path, PHONE, &devices.reader());
}

/// Recognises a client that nobody has met.
#[inline(never)]
pub(crate) fn recognise() {
    let client = Client::new([PHONE.as_bytes(), b"", b"?1", b"\"Android\"", b"", b""]);
    assert!(black_box(Device::recognise(black_box(&client))).is_some());
}

/// Decides; the request is known to be taken by a split.
#[inline(never)]
pub(crate) fn decide(table: &Archive<RuleTable>, host: &str, path: &str) {
    decide_for(table, host, path, AGENT, &Unremembered::default());
}

/// Decides for an address that a worker remembers: the first run of a case has looked it up.
#[inline(never)]
pub(crate) fn decide_by_region((table, regions): &(Archive<RuleTable>, Regions), path: &str) {
    let address = PLACES[0].address;
    let asked = Asked { agent: AGENT, client_ip: address, geo: &regions.reader(address) };
    decide_asked(table, "api-0.example.com", path, &asked, &Unremembered::default());
}

fn decide_for(
    table: &Archive<RuleTable>,
    host: &str,
    path: &str,
    agent: &str,
    devices: &dyn DeviceReader,
) {
    let asked = Asked { agent, client_ip: "192.0.2.1", geo: &NoGeo };
    decide_asked(table, host, path, &asked, devices);
}

/// Who asks.
struct Asked<'a> {
    agent: &'a str,
    client_ip: &'a str,
    geo: &'a dyn GeoReader,
}

fn decide_asked(
    table: &Archive<RuleTable>,
    host: &str,
    path: &str,
    &Asked { agent, client_ip, geo }: &Asked<'_>,
    devices: &dyn DeviceReader,
) {
    let field = |name, value: &'static str| Header { name, value: value.as_bytes() };
    let headers = [
        field("Host", "api-5000.example.com"),
        Header { name: "User-Agent", value: agent.as_bytes() },
        field("Accept", "application/json"),
        field("X-Age", "30"),
        field("X-City", "上海"),
        field("X-Os", "ios"),
        field("X-Level", "vip"),
        field("X-User-Id", "user-42"),
        field("X-Request-Id", "0123456789abcdef"),
    ];
    let arena = Bump::new();
    let view = RequestView {
        method: "GET",
        scheme: "http",
        protocol: "HTTP/1.1",
        host: host.as_bytes(),
        path: path.as_bytes(),
        query: b"page=2",
        headers: &headers,
        client_ip,
        trusted: true,
        tags: &halftone_core::route::NoTags,
        witness: None,
        geo,
        lists: &halftone_core::signal::lists::NoLists,
        signatures: &halftone_core::signal::signature::NoKeys,
        fresh_unit: halftone_core::route::UnitId::default(),
        devices,
        claims: &halftone_core::signal::jwt::NoClaims,
        arena: &arena,
    };
    let decision: Option<Decision> = route(black_box(table).rules(), black_box(&view), 0, 0);
    assert!(black_box(decision).is_some_and(|decision| decision.bucket.is_some()));
}

fn hosts(count: usize) -> Archive<RuleTable> {
    compiled(
        (0..count)
            .flat_map(|host| routes_of(host).as_array().cloned().unwrap_or_default())
            .collect(),
        json!([]),
    )
}

/// The routes of one host.
fn routes_of(host: usize) -> Value {
    let rule = |number: usize| {
        let path = format!("/part-{number}/user");
        json!({ "matches": [{ "path": { "type": "PathPrefix", "value": path } }], "release": "v2" })
    };
    let rules: Vec<Value> = (0..ROUTES_PER_HOST).map(rule).collect();
    json!([{ "name": format!("r{host}"), "hostnames": [format!("api-{host}.example.com")], "rules": rules }])
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the values in place")]
fn compiled(routes: Value, targets: Value) -> Archive<RuleTable> {
    let header = |kind: &str, name: &str| json!({ "type": kind, "from": [{ "header": name, "trusted": true }] });
    let mut attributes = json!({
        "user.id": header("string", "x-user-id"), "user.age": header("int", "x-age"), "geo.city": header("string", "x-city"),
        "device.os": header("string", "x-os"), "user.level": header("string", "x-level"),
        "system": { "type": "string", "from": [{ "device": "os" }] }, "kind": { "type": "string", "from": [{ "device": "class" }] },
    });
    attributes["geo.place"] = json!({ "type": "string", "alias": "place", "from": [{ "geoip": "city", "lang": "zh-CN" }] });
    attributes["user.age"]["alias"] = json!("age");
    attributes["geo.city"]["alias"] = json!("city");
    archived(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "bench" }, "attributes": attributes,
        "upstreams": { "u": { "variants": {
            "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } } },
        "routes": routes,
        "releases": { "v2": { "upstream": "u", "unit": ["user.id"], "targets": targets, "default": { "split": { "canary": "20%" } } } },
    }))
}

/// Compiles a bundle and archives it.
pub(crate) fn archived(bundle: Value) -> Archive<RuleTable> {
    let bundle: Bundle = serde_json::from_value(bundle).expect("the shape is right");
    assert_eq!(validate(&bundle), []);
    let mut allocations = Allocations::default();
    allocate(&bundle, &mut allocations).expect("weights fit");
    Archive::build(&compile_rules(&[&bundle], &allocations).expect("it compiles"), 1)
        .expect("it verifies")
}
