//! What is compiled from which state, and what is compiled again.

use std::collections::BTreeMap;

use halftone_core::{
    compile::{SplitKey, allocate, allocations_of, set_weight},
    policy::{Label, Percent, Variant},
    table::{InstanceTable, RuleTable, Table, archive::Archive},
};
use halftone_link::read_sealed;

use super::*;
use crate::{
    ranges::Ranges,
    registry::{Record, Registry},
    store::Counters,
};

const SCHEDULED: &str = r#"{ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
    "upstreams": { "web": { "variants": { "stable": { "addresses": ["127.0.0.1:1"] },
                                          "canary": { "addresses": ["127.0.0.1:2"] } } } },
    "routes": [{ "name": "web", "rules": [{ "release": "v2" }] }],
    "releases": { "v2": { "upstream": "web", "default": { "split": "scheduled" } } } }"#;

fn instance(port: u16, weight: i64) -> Instance {
    let metadata = BTreeMap::from([("weight".to_owned(), Label::Int(weight))]);
    Instance { service: "app".to_owned(), addr: format!("127.0.0.1:{port}"), metadata }
}

/// Returns a registry as it is after some changes.
fn registry(changes: u64, instances: &[Instance]) -> Registry {
    let record =
        |instance: &Instance| Record { instance: instance.clone(), ttl: None, draining: false };
    let mut registry = Registry::new(Vec::new());
    for at in 0..changes {
        let port = u16::try_from(at).expect("few");
        registry.insert(record(&instance(port, 1)));
        registry.remove(&instance(port, 1).id());
    }
    instances.iter().for_each(|instance| registry.insert(record(instance)));
    registry
}

fn snapshot(change: u64, revision: u64, instances: &[Instance]) -> Snapshot {
    Snapshot {
        counters: Counters { change, revision },
        registry: Arc::new(registry(change, instances)),
        bundles: Ok(Vec::new()),
        ranges: Ranges::default(),
        rules: None,
    }
}

fn bundle(tenant: &str, address: &str) -> (Arc<Bundle>, String) {
    let mut bundle = implicit_bundle(&[], Some(address));
    tenant.clone_into(&mut bundle.metadata.tenant);
    Arc::make_mut(&mut bundle.routes[0]).hostnames = vec![format!("{tenant}.example")];
    let digest = digest(&bundle);
    (Arc::new(bundle), digest)
}

fn compile(snapshot: Snapshot, last: Option<&Compiled>) -> Result<Compiled, PublishError> {
    let upstream = Address::parse("app.internal:80").expect("an address");
    let source = Source::choose(snapshot, 0, Some(&upstream))?;
    source.compile(last, &|address| match address {
        Address::Name(..) => vec![AddressRow::V4([10, 0, 0, 1], 80)],
        _ => vec![AddressRow::V4([127, 0, 0, 1], 1)],
    })
}

fn archive<T: Table>(table: &ReadyTable) -> Archive<T> {
    let whole = table.whole().expect("servable");
    Archive::open(read_sealed(&whole.file).expect("sealed")).expect("verified")
}

fn instances_of(compiled: &Compiled) -> Vec<(String, usize)> {
    let archive = archive::<InstanceTable>(&compiled.tables.instances);
    let sets = archive.table().sets.iter();
    sets.map(|set| (set.key.to_string(), set.instances.len())).collect()
}

#[test]
fn tables_are_made_again_only_when_their_body_changes() {
    let first = compile(snapshot(1, 1, &[instance(1, 1)]), None).expect("compiled");
    let heavier = compile(snapshot(2, 1, &[instance(1, 2)]), Some(&first)).expect("compiled");
    let (one, two) = (&first.tables, &heavier.tables);
    assert!(Arc::ptr_eq(&one.rules, &two.rules));
    assert!(!Arc::ptr_eq(&one.instances, &two.instances));
    assert_eq!((two.rules.revision, two.instances.revision), (1, 2));
    let same = compile(snapshot(3, 1, &[instance(1, 2)]), Some(&heavier)).expect("compiled");
    assert!(same.tables.is(two));
    let none = compile(snapshot(4, 2, &[]), Some(&same)).expect("compiled").tables;
    assert!(!Arc::ptr_eq(&none.rules, &same.tables.rules));
    assert_eq!((none.rules.revision, none.instances.revision), (2, 4));
}

#[test]
fn ranges_that_move_are_told_apart_and_whole_when_they_are_needed() {
    let mut stored = snapshot(1, 2, &[]);
    let shop: Arc<Bundle> = Arc::new(serde_json::from_str(SCHEDULED).expect("a bundle"));
    let digest = digest(&shop);
    let mut all = BTreeMap::new();
    allocate(&shop, &mut all).expect("fits");
    stored.bundles = Ok(vec![(Arc::clone(&shop), digest.clone())]);
    stored.ranges = Ranges::new(Arc::new(all));
    let mut rules = vec![compile(stored.clone(), None).expect("compiled")];
    for (percent, revision) in [("5%", 3), ("60%", 4), ("10%", 5)] {
        let find = |split: &SplitKey| stored.ranges.find(split);
        let weight = Percent::parse(percent).expect("a percentage");
        let moved = set_weight(&shop, find, "v2", &[], weight).expect("moves");
        let ranges = stored.ranges.clone();
        stored.ranges.put(revision, &moved.into_iter().collect::<Vec<_>>());
        assert!(stored.ranges.has_base_of(&ranges));
        stored.counters = Counters { change: revision, revision };
        let next = compile(stored.clone(), rules.last()).expect("compiled");
        assert!(Arc::ptr_eq(&next.tables.instances, &rules[0].tables.instances));
        rules.push(next);
    }
    let again = compile(stored.clone(), rules.last()).expect("compiled");
    assert!(again.tables.is(&rules[3].tables));
    let (first, newest) = (&rules[0].tables.rules, &rules[3].tables.rules);
    // Whatever a gateway has missed in between, it needs the newest ranges alone.
    for served in &rules[..3] {
        let moved = newest.moved_since(&served.tables.rules).expect("the same bundles");
        let weights: Vec<u32> = moved.iter().map(|one| one.ranges.weight_ppm("canary")).collect();
        assert_eq!(weights, [100_000]);
    }
    assert_eq!(newest.moved_since(newest), Some(Vec::new()));
    assert!(first.moved_since(newest).is_none(), "never back");
    let whole = archive::<RuleTable>(newest);
    assert_eq!((whole.revision(), newest.revision), (5, 5));
    let ranges = allocations_of(&whole.read().expect("readable"));
    assert_eq!(ranges, stored.ranges.all());
    let anew = compile(stored, None).expect("compiled").tables.rules;
    assert_eq!(archive::<RuleTable>(&anew).bytes(), whole.bytes(), "as if compiled anew");
    assert!(anew.moved_since(newest).is_none(), "which cannot be known");
    assert_eq!(newest.whole().expect("servable").digest, digest);
}

#[test]
fn the_implicit_bundle_stands_in_while_none_is_stored() {
    let tables = compile(snapshot(0, 1, &[]), None).expect("compiled");
    assert_eq!(instances_of(&tables), [("implicit/(upstream)/stable".to_owned(), 1)]);
    let mut stored = snapshot(1, 2, &[]);
    stored.bundles = Ok(vec![bundle("shop", "127.0.0.1:5")]);
    let expected = bundle("shop", "127.0.0.1:5").1;
    let tables = compile(stored, Some(&tables)).expect("compiled");
    assert_eq!(instances_of(&tables), [("shop/(upstream)/stable".to_owned(), 1)]);
    assert_eq!(tables.tables.rules.whole().expect("servable").digest, expected);
}

#[test]
fn several_tenants_share_the_tables() {
    let mut stored = snapshot(1, 2, &[]);
    stored.bundles = Ok(vec![bundle("shop", "127.0.0.1:5"), bundle("blog", "127.0.0.1:6")]);
    let rules = compile(stored, None).expect("compiled").tables.rules;
    let archive = archive::<RuleTable>(&rules);
    assert_eq!(archive.revision(), 2);
    assert_eq!(archive.table().hosts.len(), 2);
    let digest = &rules.whole().expect("servable").digest;
    assert!(digest.starts_with("xxh3:"), "{digest}");
}

#[test]
fn names_of_instances_and_of_bundles_are_resolved() {
    let mut named = instance(1, 1);
    named.addr = "one.internal:81".to_owned();
    let mut stored = snapshot(1, 2, &[named, instance(1, 1)]);
    let (bundle, digest) = bundle("shop", "two.internal:82");
    let mut bundle = Arc::unwrap_or_clone(bundle);
    let variants = &mut bundle.upstreams.get_mut("(upstream)").expect("there").variants;
    let addresses = vec!["unix:/run/a".to_owned(), "one.internal:81".to_owned()];
    variants.insert("blue".to_owned(), Variant { addresses, ..Variant::default() });
    stored.bundles = Ok(vec![(Arc::new(bundle), digest)]);
    let names = Source::choose(stored, 0, None).expect("chosen").names();
    let expected = [("one.internal".to_owned(), 81), ("two.internal".to_owned(), 82)];
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn a_state_that_cannot_be_compiled_leaves_the_last_tables() {
    let tables = compile(snapshot(1, 1, &[instance(1, 1)]), None).expect("compiled");
    let mut publication = Publication::default();
    publication.take(1, Ok(tables.tables.clone()));
    let mut disputed = snapshot(2, 2, &[]);
    disputed.bundles = Ok(vec![bundle("shop", "127.0.0.1:5"), {
        let (twin, digest) = bundle("shop", "127.0.0.1:5");
        let mut twin = Arc::unwrap_or_clone(twin);
        "twin".clone_into(&mut twin.metadata.tenant);
        (Arc::new(twin), digest)
    }]);
    let mut unreadable = snapshot(3, 3, &[]);
    unreadable.bundles = Err("the stored bundle of tenant \"shop\" is refused".to_owned());
    for (change, state, said) in [(2, disputed, "shop.example"), (3, unreadable, "\"shop\"")] {
        let made = compile(state, Some(&tables)).map(|compiled| compiled.tables);
        publication.take(change, made);
        assert_eq!(publication.change, Some(change));
        assert!(publication.tables.as_ref().is_some_and(|kept| kept.is(&tables.tables)));
        let problem = publication.problem.clone().expect("a problem");
        assert!(problem.contains(said), "{problem}");
    }
    publication.take(4, Ok(tables.tables));
    assert_eq!(publication.problem, None);
}
