//! What is compiled from which state, and what is compiled again.

use std::collections::BTreeMap;

use halftone_core::{
    compile::Allocations,
    policy::{Label, Variant},
    table::{InstanceTable, RuleTable},
};
use halftone_link::read_sealed;

use super::*;
use crate::store::Counters;

fn instance(port: u16, weight: i64) -> Instance {
    let metadata = BTreeMap::from([("weight".to_owned(), Label::Int(weight))]);
    Instance { service: "app".to_owned(), addr: format!("127.0.0.1:{port}"), metadata }
}

fn snapshot(change: u64, revision: u64, instances: &[Instance]) -> Snapshot {
    Snapshot {
        counters: Counters { change, revision },
        instances: instances.to_vec(),
        serving: instances.to_vec(),
        bundles: Ok(Vec::new()),
        allocations: Allocations::new(),
    }
}

fn bundle(tenant: &str, address: &str) -> (Arc<Bundle>, String) {
    let mut bundle = implicit_bundle(&[], Some(address));
    tenant.clone_into(&mut bundle.metadata.tenant);
    bundle.routes[0].hostnames = vec![format!("{tenant}.example")];
    let digest = digest(&bundle);
    (Arc::new(bundle), digest)
}

fn compile(snapshot: Snapshot, last: Option<&Tables>) -> Result<Tables, PublishError> {
    let upstream = Address::parse("app.internal:80").expect("an address");
    let source = Source::choose(snapshot, Some(&upstream))?;
    source.compile(last, &|address| match address {
        Address::Name(..) => vec![AddressRow::V4([10, 0, 0, 1], 80)],
        _ => vec![AddressRow::V4([127, 0, 0, 1], 1)],
    })
}

fn instances_of(tables: &Tables) -> Vec<(String, usize)> {
    let bytes = read_sealed(&tables.instances.file).expect("sealed");
    let archive = Archive::<InstanceTable>::open(bytes).expect("verified");
    let sets = archive.table().sets.iter();
    sets.map(|set| (set.key.to_string(), set.instances.len())).collect()
}

#[test]
fn tables_are_made_again_only_when_their_body_changes() {
    let first = compile(snapshot(1, 1, &[instance(1, 1)]), None).expect("compiled");
    let heavier = compile(snapshot(2, 1, &[instance(1, 2)]), Some(&first)).expect("compiled");
    assert!(Arc::ptr_eq(&first.rules, &heavier.rules));
    assert!(!Arc::ptr_eq(&first.instances, &heavier.instances));
    assert_eq!((heavier.rules.revision, heavier.instances.revision), (1, 2));
    let same = compile(snapshot(3, 1, &[instance(1, 2)]), Some(&heavier)).expect("compiled");
    assert!(same.is(&heavier));
    let none = compile(snapshot(4, 2, &[]), Some(&same)).expect("compiled");
    assert!(!Arc::ptr_eq(&none.rules, &same.rules));
    assert_eq!((none.rules.revision, none.instances.revision), (2, 4));
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
    assert_eq!(tables.rules.digest, expected);
}

#[test]
fn several_tenants_share_the_tables() {
    let mut stored = snapshot(1, 2, &[]);
    stored.bundles = Ok(vec![bundle("shop", "127.0.0.1:5"), bundle("blog", "127.0.0.1:6")]);
    let tables = compile(stored, None).expect("compiled");
    let archive = read_sealed(&tables.rules.file).expect("sealed");
    let archive = Archive::<RuleTable>::open(archive).expect("verified");
    assert_eq!(archive.revision(), 2);
    assert_eq!(archive.table().hosts.len(), 2);
    assert!(tables.rules.digest.starts_with("xxh3:"), "{}", tables.rules.digest);
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
    let names = Source::choose(stored, None).expect("chosen").names();
    let expected = [("one.internal".to_owned(), 81), ("two.internal".to_owned(), 82)];
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn a_state_that_cannot_be_compiled_leaves_the_last_tables() {
    let tables = compile(snapshot(1, 1, &[instance(1, 1)]), None).expect("compiled");
    let mut publication = Publication::default();
    publication.take(1, Ok(tables.clone()));
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
        publication.take(change, compile(state, Some(&tables)));
        assert_eq!(publication.change, Some(change));
        assert!(publication.tables.as_ref().is_some_and(|kept| kept.is(&tables)));
        let problem = publication.problem.clone().expect("a problem");
        assert!(problem.contains(said), "{problem}");
    }
    publication.take(4, Ok(tables));
    assert_eq!(publication.problem, None);
}
