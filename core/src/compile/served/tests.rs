//! Tables taken apart and put together again.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    compile::{allocate, compile_rules, set_weight},
    policy::{Bundle, validate},
};

fn bundle(tenant: &str, host: &str, weights: [u32; 2]) -> Bundle {
    let variant = json!({ "addresses": ["127.0.0.1:1"] });
    let [a, b] = weights.map(|percent| format!("{percent}%"));
    let bundle = json!({ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": tenant },
        "attributes": { "user.id": { "type": "string", "from": [{ "cookie": tenant }] } },
        "upstreams": { "u": { "variants": { "stable": variant, "a": variant, "b": variant, "canary": variant } } },
        "routes": [
            { "name": tenant, "hostnames": [host, format!("*.{host}")], "rules": [{ "release": "r" }] },
            { "name": "plain", "hostnames": [format!("plain.{host}")], "rules": [{ "upstream": "u" }] },
        ],
        "releases": { "r": { "upstream": "u", "unit": ["user.id"], "overrides": [{ "header": format!("x-{tenant}") }],
            "targets": [{ "id": "later", "match": { "method": "PUT" }, "split": "scheduled" }],
            "default": { "split": { "a": a, "b": b } } } } });
    let bundle: Bundle = serde_json::from_value(bundle).expect("the shape is right");
    assert_eq!(validate(&bundle), []);
    bundle
}

fn allocated(bundles: &[&Bundle]) -> Allocations {
    let mut allocations = Allocations::new();
    for bundle in bundles {
        allocate(bundle, &mut allocations).expect("weights fit");
    }
    allocations
}

/// Names what rows refer to, host by host, so that tables of another order compare equal.
fn told(table: &RuleTable) -> Vec<String> {
    let any = [HostRow { name: String::new(), routes: table.any_host }];
    let hosts = table.hosts.iter().chain(&table.wildcards).chain(&any);
    let mut told: Vec<String> = Vec::new();
    let name =
        |variant: u32| table.variants.get(variant as usize).map_or("-", |row| row.key.as_str());
    for host in hosts {
        for route in &table.routes[host.routes.start as usize..host.routes.end as usize] {
            let release = table.releases.get(route.release as usize).map(|release| {
                let choice = |choice: &ChoiceRow| match choice {
                    ChoiceRow::Variant(variant) => name(*variant).to_owned(),
                    ChoiceRow::Split(ranges) => {
                        let range = |r: &crate::table::RangeRow| {
                            format!("{}-{}:{}", r.start, r.end, name(r.variant))
                        };
                        ranges.iter().map(range).collect::<Vec<_>>().join(",")
                    }
                };
                let units: Vec<_> =
                    release.units.iter().map(|unit| &table.attributes[*unit as usize]).collect();
                let targets: Vec<_> =
                    release.targets.iter().flat_map(|target| &target.choices).map(choice).collect();
                format!(
                    "{} {} {units:?} {targets:?} {}",
                    release.tenant,
                    name(release.variants.start),
                    choice(&release.default)
                )
            });
            told.push(format!("{} {} {} {release:?}", host.name, route.name, name(route.variant)));
        }
    }
    told.extend(table.tenants.iter().map(|tenant| {
        let mut reserved = tenant.reserved.clone();
        reserved.sort();
        format!("{}: {}", tenant.name, reserved.join(","))
    }));
    told.sort();
    told
}

#[test]
fn a_tenant_is_replaced_and_the_others_stay() {
    let (old, new) = (bundle("shop", "a.example", [1, 2]), bundle("shop", "c.example", [10, 20]));
    let other = bundle("other", "b.example", [5, 0]);
    let before = compile_rules(&[&old, &other], &allocated(&[&old, &other])).expect("compiles");
    let own = compile_rules(&[&new], &allocated(&[&new])).expect("compiles");
    let replaced = replace_tenant(&before, "shop", own.clone()).expect("no dispute");
    let expected = compile_rules(&[&other, &new], &allocated(&[&other, &new])).expect("compiles");
    assert_eq!(told(&replaced), told(&expected));
    let again = replace_tenant(&replaced, "shop", own).expect("no dispute");
    assert_eq!(told(&again), told(&expected));
    crate::table::archive::Archive::build(&again, 1).expect("it can be served");
}

#[test]
fn a_host_name_of_another_tenant_is_refused() {
    let (other, greedy) =
        (bundle("other", "b.example", [5, 0]), bundle("shop", "b.example", [0, 0]));
    let before = compile_rules(&[&other], &allocated(&[&other])).expect("compiles");
    let own = compile_rules(&[&greedy], &allocated(&[&greedy])).expect("compiles");
    let error = replace_tenant(&before, "shop", own).expect_err("disputed").to_string();
    assert!(error.contains("b.example") && error.contains("\"other\""), "{error}");
}

proptest! {
    /// Whatever was grown and shrunk comes back from the table, order and all.
    #[test]
    fn ranges_come_back(steps in prop::collection::vec((0u32..50, 0u32..50, 0u32..100), 1..12)) {
        let mut allocations = Allocations::new();
        for (a, b, later) in steps {
            let bundle = bundle("shop", "a.example", [a, b]);
            allocate(&bundle, &mut allocations).expect("weights fit");
            let weight = crate::policy::Percent::parse(&format!("{later}%")).expect("a percentage");
            let moved = set_weight(&bundle, |key| allocations.get(key), "r", &[], weight);
            allocations.extend(moved.expect("it is scheduled"));
            let table = compile_rules(&[&bundle], &allocations).expect("compiles");
            prop_assert_eq!(&allocations_of(&table), &allocations);
        }
    }
}

/// A row that refers to a row moves with it.
#[test]
fn a_tag_is_looked_up_by_the_id_of_its_own_tenant() {
    let tagged = |tenant: &str| {
        let mut bundle = serde_json::to_value(bundle(tenant, &format!("{tenant}.example"), [1, 1]))
            .expect("JSON");
        // Before the id, in the order of names.
        bundle["attributes"]["user.age"] = json!({ "type": "int", "from": [{ "tags": "age" }] });
        bundle["releases"]["r"]["unit"] = json!(["user.age"]);
        let bundle: Bundle = serde_json::from_value(bundle).expect("the shape is right");
        assert_eq!(validate(&bundle), []);
        bundle
    };
    let (a, b) = (tagged("a"), tagged("b"));
    let allocations = allocated(&[&a, &b]);
    let served = compile_rules(&[&a, &b], &allocations).expect("compiles");
    let own = compile_rules(&[&a], &allocated(&[&a])).expect("compiles");
    let merged = replace_tenant(&served, "a", own).expect("fits");
    for table in [served, merged] {
        let mut seen = Vec::new();
        for release in &table.releases {
            let unit = &table.attributes[release.units[0] as usize];
            let PartRow::Tag { id, name } = &unit.sources[0].part else { panic!("{unit:?}") };
            let id = &table.attributes[*id as usize];
            assert_eq!(
                (unit.name.as_str(), name.as_str(), id.name.as_str()),
                ("user.age", "age", "user.id")
            );
            assert_eq!(id.sources[0].part, PartRow::Cookie(release.tenant.clone()));
            seen.push(release.tenant.as_str());
        }
        seen.sort_unstable();
        assert_eq!(seen, ["a", "b"]);
    }
}

/// So do the attributes that say where a caller is, wherever a position is asked for.
#[test]
fn a_position_is_said_by_the_attributes_of_its_own_tenant() {
    let placed = |tenant: &str| {
        let mut bundle = serde_json::to_value(bundle(tenant, &format!("{tenant}.example"), [1, 1]))
            .expect("JSON");
        let side = json!({ "type": "double", "from": [{ "header": format!("x-{tenant}-at") }] });
        for (name, value) in [("geo.lat", &side), ("geo.lon", &side)] {
            bundle["attributes"][name] = value.clone();
        }
        bundle["attributes"]["a.cell"] = json!({ "type": "string", "from": [{ "geohash": 5 }] });
        bundle["releases"]["r"]["targets"] = json!([
            { "id": "near", "when": "geo.within(1, 2, 3) && geohash != ''", "variant": "canary" },
            { "id": "grid", "nested": ["a.cell"], "table": { "wtw3e": { "variant": "canary" } } },
        ]);
        let bundle: Bundle = serde_json::from_value(bundle).expect("the shape is right");
        assert_eq!(validate(&bundle), []);
        bundle
    };
    let (a, b) = (placed("a"), placed("b"));
    let served = compile_rules(&[&a, &b], &allocated(&[&a, &b])).expect("compiles");
    let own = compile_rules(&[&a], &allocated(&[&a])).expect("compiles");
    let merged = replace_tenant(&served, "a", own).expect("fits");
    for table in [served, merged] {
        assert_eq!(table.releases.len(), 2);
        for release in &table.releases {
            let ConditionRow::Expression(when) = &release.targets[0].conditions[0] else {
                panic!("{release:?}");
            };
            let mut positions: Vec<PositionRow> = when
                .nodes
                .iter()
                .filter_map(|node| match node {
                    NodeRow::Within(circle) => Some(circle.position),
                    NodeRow::Part(PartRow::Geohash { position, .. }) => Some(*position),
                    _ => None,
                })
                .collect();
            let nested = release.targets[1].nested.as_ref().expect("a nested table");
            let cell = &table.attributes[nested.attributes[0] as usize];
            let PartRow::Geohash { position, .. } = cell.sources[0].part else {
                panic!("{cell:?}")
            };
            positions.push(position);
            assert_eq!(positions.len(), 3);
            for PositionRow { latitude, longitude } in positions {
                for (row, name) in [(latitude, "geo.lat"), (longitude, "geo.lon")] {
                    let side = &table.attributes[row as usize];
                    let from = PartRow::Header(format!("x-{}-at", release.tenant));
                    assert_eq!((side.name.as_str(), &side.sources[0].part), (name, &from));
                }
            }
        }
        crate::table::archive::Archive::build(&table, 1).expect("verifies");
    }
}
