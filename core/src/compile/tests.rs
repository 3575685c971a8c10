//! Implicit bundles, instances by label, disputes between tenants.

use serde_json::json;

use super::*;
use crate::{
    policy::{Address, Instance, Label, Registration, implicit_bundle, validate},
    table::{AddressRow, InstanceSet, archive::Archive},
};

fn instance(service: &str, addr: &str, group: Option<&str>, weight: i64) -> Instance {
    let mut metadata = BTreeMap::from([("weight".to_owned(), Label::Int(weight))]);
    if let Some(group) = group {
        metadata.insert("group".to_owned(), Label::Text(group.to_owned()));
    }
    let registration =
        Registration { service: service.to_owned(), addr: addr.to_owned(), metadata, ttl: None };
    Instance::check(registration).expect("valid")
}

fn resolve(address: &Address) -> Vec<AddressRow> {
    match address {
        Address::Socket(address) if address.is_ipv4() => {
            vec![AddressRow::V4([127, 0, 0, 1], address.port())]
        }
        Address::Name(_, port) => {
            vec![AddressRow::V4([127, 0, 0, 2], *port), AddressRow::V6([1; 16], *port)]
        }
        _ => Vec::new(),
    }
}

fn sets(instances: &[Instance], upstream: Option<&str>) -> BTreeMap<String, Vec<(String, u32)>> {
    let bundle = implicit_bundle(instances, upstream);
    let rules = compile_rules(&[&bundle], &Allocations::default()).expect("compiles");
    Archive::build(&rules, 1).expect("the rules verify");
    let table = compile_instances(&[&bundle], instances, &resolve);
    Archive::build(&table, 1).expect("the instances verify");
    let rows = |set: InstanceSet| {
        set.instances.into_iter().map(|row| (row.name, row.weight_end)).collect()
    };
    table.sets.into_iter().map(|set| (set.key.clone(), rows(set))).collect()
}

fn row(name: &str, weight_end: u32) -> (String, u32) {
    (name.to_owned(), weight_end)
}

#[test]
fn the_upstream_is_stable_until_a_stable_instance_is_there() {
    let canary = instance("user-api", "127.0.0.1:8001", Some("canary"), 30);
    let found = sets(std::slice::from_ref(&canary), Some("localhost:8000"));
    assert_eq!(found["implicit/user-api/canary"], [row("127.0.0.1:8001", 30)]);
    assert_eq!(found["implicit/user-api/stable"], [row("localhost:8000", 1)]);
    let stable = instance("user-api", "127.0.0.1:8002", None, 1);
    let idle = instance("user-api", "127.0.0.1:8003", None, 0);
    let found = sets(&[canary, stable, idle], Some("localhost:8000"));
    assert_eq!(found["implicit/user-api/stable"], [row("127.0.0.1:8002", 1)]);
}

#[test]
fn variants_have_exactly_the_instances_that_carry_their_labels() {
    let instances: Vec<Instance> = (0u16..60)
        .map(|at| {
            let group = [None, Some("stable"), Some("canary")][usize::from(at) % 3];
            let mut one = instance(
                ["a", "b"][usize::from(at) % 2],
                &format!("127.0.0.1:{}", at + 1),
                group,
                1,
            );
            one.metadata.insert("zone".to_owned(), Label::Int(i64::from(at % 5)));
            // A label cannot stand in for what an instance registered under.
            one.metadata.insert("service".to_owned(), Label::Text("c".to_owned()));
            one
        })
        .collect();
    for select in [
        json!({ "service": "a" }),
        json!({ "service": "c" }),
        json!({ "group": "stable" }),
        json!({ "zone": 3 }),
        json!({ "zone": "3", "group": "canary", "service": "b" }),
        json!({ "zone": 3, "none": true }),
    ] {
        let mut bundle = implicit_bundle(&[], None);
        let upstream = bundle.upstreams.values_mut().next().expect("one");
        let variant = upstream.variants.get_mut("stable").expect("stable");
        variant.select = serde_json::from_value(select.clone()).expect("labels");
        let expected: Vec<&str> = instances
            .iter()
            .filter(|one| one.is_selected(&variant.select))
            .map(|one| one.addr.as_str())
            .collect();
        let table = compile_instances(&[&bundle], &instances, &resolve);
        let found: Vec<&str> =
            table.sets[0].instances.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(found, expected, "{select}");
    }
}

#[test]
fn variants_without_instances_are_found() {
    let bundle: Bundle = serde_json::from_value(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "upstreams": { "u": { "variants": {
            "stable": { "select": { "service": "a" } }, "canary": { "select": { "service": "b" } },
            "fixed": { "select": { "service": "b" }, "addresses": ["127.0.0.1:1"] },
            "idle": { "select": { "service": "c" } } } } },
    }))
    .expect("the shape is right");
    let found = unserved(
        &bundle,
        &[instance("a", "127.0.0.1:9", None, 1), instance("c", "127.0.0.1:9", None, 0)],
    );
    assert_eq!(found, [("u", "canary"), ("u", "idle")]);
}

#[test]
fn nothing_registered_leaves_the_upstream_or_nothing() {
    assert_eq!(
        sets(&[], Some("localhost:8000"))["implicit/(upstream)/stable"],
        [row("localhost:8000", 1)]
    );
    assert_eq!(sets(&[], None)["implicit/(upstream)/stable"], []);
}

#[test]
fn release_headers_are_reserved_before_anything_is_registered() {
    for instances in [&[][..], &[instance("a", "127.0.0.1:1", None, 1)]] {
        let bundle = implicit_bundle(instances, Some("localhost:8000"));
        let table = compile_rules(&[&bundle], &Allocations::default()).expect("compiles");
        assert_eq!(table.tenants[0].reserved, ["x-release-group", "x-release-stage"]);
    }
}

#[test]
fn several_services_are_told_apart_by_host_and_path() {
    let instances = [instance("a", "127.0.0.1:1", None, 1), instance("B", "127.0.0.1:2", None, 1)];
    let bundle = implicit_bundle(&instances, None);
    let table = compile_rules(&[&bundle], &Allocations::default()).expect("compiles");
    assert_eq!(table.hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let any = &table.routes[table.any_host.start as usize..table.any_host.end as usize];
    let paths: Vec<_> = any.iter().map(|route| format!("{:?}", route.path)).collect();
    assert_eq!(paths, [r#"Prefix("")"#, r#"Prefix("/B")"#, r#"Prefix("/a")"#]);
}

#[test]
fn a_host_belongs_to_the_oldest_tenant() {
    let bundle = |tenant: &str, hosts: &[&str]| -> Bundle {
        let bundle = json!({ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": tenant },
            "upstreams": { "u": { "variants": { "stable": { "addresses": ["127.0.0.1:1"] } } } },
            "routes": [{ "name": "r", "hostnames": hosts, "rules": [{ "upstream": "u" }] }] });
        let bundle = serde_json::from_value(bundle).expect("the shape is right");
        assert_eq!(validate(&bundle), []);
        bundle
    };
    let (old, new) = (bundle("old", &["a", "b"]), bundle("new", &["c", "b"]));
    let error = compile_rules(&[&old, &new], &Allocations::default()).expect_err("disputed");
    let expected =
        CompileError::Hostname { hostname: "b".into(), tenant: "new".into(), owner: "old".into() };
    assert_eq!(error, expected);
    let everything = (bundle("old", &[]), bundle("new", &[]));
    assert!(compile_rules(&[&everything.0, &everything.1], &Allocations::default()).is_err());
    assert!(compile_rules(&[&old, &bundle("new", &["c"])], &Allocations::default()).is_ok());
}
