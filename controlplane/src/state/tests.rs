//! Changes one after the other, refused ones, and those that could not be stored.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use halftone_core::{
    compile::{Allocations, SplitKey},
    limits::NAME_BYTES_MAX,
    policy::{Bundle, GROUP, Instance, Judged, Label, Percent, Split, canonical_text, digest},
    rollout::allocation::Allocation,
};

use super::*;
use crate::{
    source::{Format, read_bundle},
    state::instances::Registered,
    store::{Stored, StoredBundle, StoredRevision, Text},
};

/// A store that keeps nothing, and fails on demand.
#[derive(Default)]
struct Forgetful {
    fails: Arc<AtomicBool>,
    stored: Mutex<Option<Stored>>,
}

impl Store for Forgetful {
    fn load(&self) -> Result<Stored, StoreError> {
        Ok(self.stored.lock().expect("not poisoned").take().unwrap_or_default())
    }

    fn write(&self, _: Counters, _: &[Numbered]) -> Result<(), StoreError> {
        let fails = self.fails.load(Ordering::Relaxed);
        if fails { Err(StoreError::Locked { path: "test".into() }) } else { Ok(()) }
    }

    fn counters(&self, _: Duration) -> Result<Counters, StoreError> {
        unreachable!("no write of this store is unknown")
    }

    fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn text(&self, _: &crate::store::RevisionKey) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}

fn state() -> State {
    State::load(Box::new(Forgetful::default()), Instant::now()).expect("loaded")
}

fn instance(service: &str, addr: &str, group: &str) -> Instance {
    let metadata = [(GROUP.to_owned(), Label::Text(group.to_owned()))].into();
    Instance { service: service.to_owned(), addr: addr.to_owned(), metadata }
}

fn register(state: &State, instance: Instance) -> Result<Registered, StateError> {
    state.register(instance, None, Instant::now())
}

fn asked() -> Asked {
    Asked { at_ms: 0, ..Asked::now(Origin::Rest) }
}

fn put(state: &State, bundle: Bundle) -> Result<PutBundle, StateError> {
    state.put_bundle(Judged::of_good(bundle), &asked())
}

fn bundle(tenant: &str, host: &str, canary: &str) -> Bundle {
    let text = format!(
        r#"{{ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": {{ "tenant": "{tenant}" }},
        "upstreams": {{ "web": {{ "variants": {{ "stable": {{ "addresses": ["127.0.0.1:1"] }},
                                                 "canary": {{ "addresses": ["127.0.0.1:2"] }} }} }} }},
        "routes": [{{ "name": "web", "hostnames": ["{host}"], "rules": [{{ "release": "r" }}] }}],
        "releases": {{ "r": {{ "upstream": "web", "default": {{ "split": {{ "canary": "{canary}" }} }} }} }} }}"#
    );
    read(&text)
}

fn read(text: &str) -> Bundle {
    let (judged, _) = read_bundle(text.as_bytes(), Format::Json, &|_| None).expect("good");
    (**judged.bundle()).clone()
}

fn counters(state: &State) -> (u64, u64) {
    let counters = state.snapshot().counters;
    (counters.change, counters.revision)
}

#[test]
fn only_changes_of_rules_get_a_revision() {
    let state = state();
    assert_eq!(counters(&state), (0, 1));
    let first = instance("a", "127.0.0.1:1", "canary");
    assert!(!register(&state, first.clone()).expect("registered").replaced);
    assert_eq!(counters(&state), (1, 2), "a new service");
    assert!(register(&state, first).expect("registered").replaced);
    assert_eq!(counters(&state), (1, 2), "nothing new");
    register(&state, instance("a", "127.0.0.1:2", "canary")).expect("registered");
    assert_eq!(counters(&state), (2, 2), "a second instance");
    let first = put(&state, bundle("shop", "shop.example", "1%")).expect("stored");
    assert_eq!((first.change, first.revision, counters(&state)), (3, 3, (3, 3)));
    register(&state, instance("b", "127.0.0.1:1", "blue")).expect("registered");
    assert_eq!(counters(&state), (4, 3), "the implicit bundle is not in use");
    let again = put(&state, bundle("shop", "shop.example", "1%")).expect("stored");
    assert_eq!((again.revision, again.digest), (first.revision, first.digest));
    assert_eq!(state.deregister("b@127.0.0.1:1").expect("removed"), Some(5));
    assert_eq!(state.deregister("b@127.0.0.1:1").expect("nothing"), None);
    assert_eq!(state.delete_bundle("shop", &asked()).expect("removed"), Some(6));
    assert_eq!(state.delete_bundle("shop", &asked()).expect("nothing"), None);
    assert_eq!(counters(&state), (6, 4));
}

#[test]
fn a_move_takes_the_ranges_along_or_changes_nothing() {
    let fails = Arc::new(AtomicBool::new(false));
    let store = Forgetful { fails: Arc::clone(&fails), stored: Mutex::default() };
    let state = State::load(Box::new(store), Instant::now()).expect("loaded");
    let ranges = |tenant: &str| {
        let allocations = state.snapshot().ranges.all();
        let own = allocations.into_iter().filter(|(key, _)| key.tenant == tenant);
        own.map(|(key, ranges)| (key.release, key.split, ranges)).collect::<Vec<_>>()
    };
    let scheduled = |tenant: &str, host: &str| {
        let mut bundle = bundle(tenant, host, "1%");
        let default =
            bundle.releases.get_mut("r").map(|release| &mut Arc::make_mut(release).default);
        default.expect("there").split = Some(Split::Named("scheduled".to_owned()));
        bundle
    };
    put(&state, scheduled("blog", "blog.example")).expect("stored");
    let weight = Percent::parse("5%").expect("a weight");
    state.set_weight("blog", "r", &[], weight).expect("moved");
    put(&state, bundle("news", "news.example", "1%")).expect("stored");
    let (before, number) = (ranges("blog"), counters(&state));
    let moved =
        |host: &str| state.move_bundle(Judged::of_good(scheduled("blog2", host)), "blog", &asked());
    moved("news.example").expect_err("the host is another tenant's");
    fails.store(true, Ordering::Relaxed);
    moved("blog.example").expect_err("the disk is full");
    fails.store(false, Ordering::Relaxed);
    assert_eq!((ranges("blog"), counters(&state)), (before.clone(), number));
    let put = moved("blog.example").expect("moved");
    assert_eq!((put.change, put.revision), (number.0 + 1, number.1 + 1));
    assert_eq!((ranges("blog"), ranges("blog2")), (Vec::new(), before));
    assert!(state.bundle("blog").is_none() && state.bundle("blog2").is_some());
    assert_eq!(state.revisions("blog").last().map(|last| last.digest.clone()), Some(None));
}

#[test]
fn a_host_name_stays_with_who_has_it() {
    let state = state();
    put(&state, bundle("old", "one.example", "1%")).expect("stored");
    put(&state, bundle("new", "two.example", "1%")).expect("stored");
    for (tenant, host, owner) in [("old", "two.example", "new"), ("new", "one.example", "old")] {
        let refused = put(&state, bundle(tenant, host, "1%")).expect_err("refused");
        let text = refused.to_string();
        let asked = format!("tenant {tenant:?} belongs to tenant {owner:?}");
        assert!(text.contains(&asked), "{text}");
    }
    let tenants: Vec<String> = state
        .snapshot()
        .bundles
        .expect("readable")
        .iter()
        .map(|(bundle, _)| bundle.metadata.tenant.clone())
        .collect();
    assert_eq!(tenants, ["old", "new"], "oldest first, whoever was replaced last");
}

#[test]
fn weights_move_the_stored_ranges() {
    let state = state();
    let ranges = |state: &State| {
        let allocations = state.snapshot().ranges.all();
        let ranges: Vec<u32> = allocations
            .values()
            .flat_map(|split| split.ranges().into_iter().map(|(range, _)| range.end))
            .collect();
        ranges
    };
    for (weight, ends) in [("1%", 10_000), ("5%", 50_000), ("2%", 20_000)] {
        put(&state, bundle("shop", "shop.example", weight)).expect("stored");
        assert_eq!(ranges(&state), [ends]);
    }
    state.delete_bundle("shop", &asked()).expect("removed");
    assert!(ranges(&state).is_empty());
}

#[test]
fn a_split_that_left_its_bundle_leaves_no_ranges() {
    let state = state();
    let mut scheduled = bundle("shop", "shop.example", "1%");
    let release = scheduled.releases.get_mut("r").expect("there");
    Arc::make_mut(release).default.split = Some(Split::Named("scheduled".to_owned()));
    let mut without = scheduled.clone();
    without.releases.clear();
    without.routes.clear();
    put(&state, scheduled.clone()).expect("stored");
    let weight = Percent::parse("60%").expect("a percentage");
    state.set_weight("shop", "r", &[], weight).expect("moved");
    put(&state, without).expect("stored");
    assert_eq!(state.snapshot().ranges.all().len(), 0);
    put(&state, scheduled).expect("stored");
    let started = state.snapshot().ranges.all().values().any(|split| !split.ranges().is_empty());
    assert!(!started, "applying starts nothing");
}

#[test]
fn ranges_that_an_earlier_build_left_behind_are_not_loaded() {
    let key = |split: &str| SplitKey {
        tenant: "shop".to_owned(),
        release: "r".to_owned(),
        split: split.to_owned(),
    };
    let mut ranges = Allocation::default();
    ranges.apply(&[("canary".to_owned(), 10_000)].into()).expect("fits");
    let bundle = bundle("shop", "shop.example", "1%");
    let stored = StoredBundle {
        tenant: "shop".to_owned(),
        since: 1,
        revision: 2,
        digest: digest(&bundle),
        text: Text::Whole(serde_json::to_string(&bundle).expect("JSON")),
    };
    let allocations = ["default", "left"].map(|split| (key(split), ranges.clone())).into();
    let stored = Stored { bundles: vec![stored], allocations, ..Stored::default() };
    let store = Forgetful { stored: Mutex::new(Some(stored)), ..Forgetful::default() };
    let state = State::load(Box::new(store), Instant::now()).expect("loaded");
    assert_eq!(state.snapshot().ranges.all(), Allocations::from([(key("default"), ranges)]));
}

#[test]
fn nothing_is_shown_that_was_not_stored() {
    let store = Forgetful::default();
    let fails = Arc::clone(&store.fails);
    let state = State::load(Box::new(store), Instant::now()).expect("loaded");
    register(&state, instance("a", "127.0.0.1:1", "canary")).expect("registered");
    put(&state, bundle("shop", "shop.example", "1%")).expect("stored");
    let before = format!("{:?}", state.snapshot());
    fails.store(true, Ordering::Relaxed);
    register(&state, instance("a", "127.0.0.1:2", "canary")).expect_err("failed");
    state.deregister("a@127.0.0.1:1").expect_err("failed");
    put(&state, bundle("shop", "shop.example", "2%")).expect_err("failed");
    state.delete_bundle("shop", &asked()).expect_err("failed");
    assert_eq!(format!("{:?}", state.snapshot()), before);
    fails.store(false, Ordering::Relaxed);
    state.deregister("a@127.0.0.1:1").expect("removed");
}

#[test]
fn a_lease_is_renewed_without_a_write_and_ends_in_one() {
    let (store, now) = (Forgetful::default(), Instant::now());
    let fails = Arc::clone(&store.fails);
    let state = State::load(Box::new(store), now).expect("loaded");
    let ttl = "10s".parse().ok();
    let at = |seconds: u64| now + std::time::Duration::from_secs(seconds);
    for port in 1..=3 {
        let one = instance("a", &format!("127.0.0.1:{port}"), "canary");
        state.register(one, ttl, now).expect("registered");
    }
    register(&state, instance("b", "127.0.0.1:1", "canary")).expect("registered");
    fails.store(true, Ordering::Relaxed);
    assert!(state.heartbeat("a@127.0.0.1:1", at(5)));
    assert!(state.heartbeat("b@127.0.0.1:1", at(5)), "it stays anyway");
    assert!(!state.heartbeat("c@127.0.0.1:1", at(5)));
    let again = instance("a", "127.0.0.1:2", "canary");
    assert!(state.register(again, ttl, at(5)).expect("nothing to write").replaced);
    assert_eq!(counters(&state), (4, 3));
    state.expire(at(11)).expect_err("it cannot be written");
    assert!(state.heartbeat("a@127.0.0.1:3", at(11)), "so it is still there");
    fails.store(false, Ordering::Relaxed);
    assert_eq!(state.expire(at(15)).expect("written"), ["a@127.0.0.1:1", "a@127.0.0.1:2"]);
    assert!(!state.heartbeat("a@127.0.0.1:1", at(15)), "it has to register again");
    assert_eq!(counters(&state), (5, 3), "one change, and the group is still there");
    assert_eq!(state.expire(at(21)).expect("written"), ["a@127.0.0.1:3"]);
    assert_eq!(counters(&state), (6, 4));
    assert_eq!(state.instances(None, at(99)).len(), 1);
}

#[test]
fn draining_takes_an_instance_out_of_service_and_leaves_the_rules() {
    let state = state();
    register(&state, instance("a", "127.0.0.1:1", "canary")).expect("registered");
    let serving = |state: &State| {
        state.snapshot().registry.records().filter(|record| !record.draining).count()
    };
    for (draining, count) in [(true, 0), (true, 0), (false, 1)] {
        let (record, _) =
            state.drain("a@127.0.0.1:1", draining).expect("stored").expect("registered");
        assert_eq!((record.draining, serving(&state)), (draining, count));
    }
    state.drain("a@127.0.0.1:1", true).expect("stored").expect("registered");
    register(&state, instance("a", "127.0.0.1:1", "canary")).expect("registered");
    assert_eq!((serving(&state), state.snapshot().registry.len()), (0, 1), "still drained");
    assert_eq!(counters(&state), (4, 2));
    assert!(state.drain("nobody", true).expect("nothing").is_none());
}

#[test]
fn a_tenant_with_an_owner_is_changed_by_its_owner_only() {
    let state = state();
    put(&state, bundle("shop", "shop.example", "1%")).expect("stored");
    let owner = PathBuf::from("shop.yaml");
    state.set_owners([("shop".to_owned(), owner.clone())].into());
    let judged = Judged::of_good(bundle("shop", "shop.example", "2%"));
    let from = |origin| Asked { origin, ..asked() };
    for origin in [Origin::Rest, Origin::Rollback(2), Origin::File("other.yaml".into())] {
        let asked = from(origin);
        for refused in [
            state.put_bundle(judged.clone(), &asked).map(|_| ()),
            state.check_bundle(&judged, &asked).map(|_| ()),
            state.delete_bundle("shop", &asked).map(|_| ()),
        ] {
            let refused = refused.expect_err("refused");
            assert!(matches!(refused, StateError::Owned { .. }), "{refused}");
            assert!(refused.to_string().contains("shop.yaml"), "{refused}");
        }
    }
    state.put_bundle(judged, &from(Origin::File(owner))).expect("stored");
    state.set_owners(BTreeMap::new());
    put(&state, bundle("shop", "shop.example", "3%")).expect("stored");
    let sources: Vec<_> = state.revisions("shop").into_iter().map(|one| one.source).collect();
    assert_eq!(sources, ["rest", "file:shop.yaml", "rest"]);
}

#[test]
fn what_could_never_be_published_is_refused_at_the_door() {
    let state = state();
    let long = format!("{}:65535", "n".repeat(NAME_BYTES_MAX));
    let refused = register(&state, instance("a", &long, "canary")).expect_err("refused");
    assert!(matches!(refused, StateError::Unpublishable(_)), "{refused}");
    let mut salted = bundle("shop", "shop.example", "1%");
    let release = salted.releases.get_mut("r").expect("there");
    Arc::make_mut(release).salt = Some("s".repeat(NAME_BYTES_MAX + 1));
    let refused = put(&state, salted).expect_err("refused");
    assert!(matches!(refused, StateError::Unpublishable(_)), "{refused}");
    assert_eq!(counters(&state), (0, 1));
}

#[test]
fn a_bundle_stored_in_an_earlier_canonical_form_stays_and_is_named_anew() {
    let bundle = bundle("shop", "shop.example", "1%");
    // As builds wrote it before defaults were written out: no salt, no onNoHealthy.
    let text = serde_json::to_value(&bundle).expect("a bundle").to_string();
    assert!(!text.contains("salt") && canonical_text(&bundle).contains("salt"), "{text}");
    let (tenant, written) = ("shop".to_owned(), "sha256:00".to_owned());
    let history = StoredRevision {
        tenant: tenant.clone(),
        revision: 2,
        digest: Some(written.clone()),
        bytes: text.len() as u64,
        at_ms: 0,
        source: "rest".to_owned(),
    };
    let stored = StoredBundle {
        tenant,
        since: 1,
        revision: 2,
        digest: written.clone(),
        text: Text::Whole(text),
    };
    let counters = Counters { change: 1, revision: 2 };
    let (bundles, revisions) = (vec![stored], vec![history]);
    let stored = Stored { counters, bundles, revisions, ..Stored::default() };
    let store = Forgetful { stored: Mutex::new(Some(stored)), ..Forgetful::default() };
    let state = State::load(Box::new(store), Instant::now()).expect("loaded");
    let shown = state.bundle("shop").expect("there");
    assert_eq!((shown.revision, &shown.digest), (2, &digest(&bundle)));
    assert_eq!(shown.text.whole(), canonical_text(&bundle));
    assert_eq!(state.snapshot().bundles.expect("readable").len(), 1);
    assert_eq!(state.revisions("shop")[0].digest, Some(written));
    // The same again is no change, under whichever name it has now.
    let again = put(&state, bundle.clone()).expect("taken");
    assert_eq!(
        (again.revision, again.digest, state.snapshot().counters),
        (2, digest(&bundle), counters)
    );
}

#[test]
fn a_stored_bundle_of_another_build_is_a_problem_until_it_is_replaced() {
    for text in ["{\"future\":1}", "{", "null"] {
        let stored = StoredBundle {
            tenant: "shop".to_owned(),
            since: 1,
            revision: 2,
            digest: "sha256:00".to_owned(),
            text: Text::Whole(text.to_owned()),
        };
        let counters = Counters { change: 1, revision: 2 };
        let stored = Stored { counters, bundles: vec![stored], ..Stored::default() };
        let store = Forgetful { stored: Mutex::new(Some(stored)), ..Forgetful::default() };
        let state = State::load(Box::new(store), Instant::now()).expect("loaded all the same");
        let problem = state.snapshot().bundles.expect_err("a problem");
        assert!(problem.contains("\"shop\""), "{problem}");
        put(&state, bundle("blog", "blog.example", "1%")).expect("others go on");
        put(&state, bundle("shop", "shop.example", "1%")).expect("stored");
        assert_eq!(state.snapshot().bundles.expect("readable").len(), 2);
    }
}
