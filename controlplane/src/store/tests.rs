//! What is kept, what is refused, and in which words.

use std::{collections::BTreeMap, fs};

use halftone_core::policy::{Instance, Label, implicit_bundle};

use super::*;

fn instance(port: u16) -> Record {
    let metadata = BTreeMap::from([("weight".to_owned(), Label::Int(i64::from(port)))]);
    let instance =
        Instance { service: "a".to_owned(), addr: format!("127.0.0.1:{port}"), metadata };
    Record { instance, ttl: "30s".parse().ok(), draining: port == 2 }
}

fn bundle(tenant: &str) -> StoredBundle {
    StoredBundle {
        tenant: tenant.to_owned(),
        since: 3,
        revision: 7,
        digest: "sha256:00".to_owned(),
        text: Text::Whole("{}".to_owned()),
    }
}

fn allocations(tenant: &str) -> SplitAllocations {
    let key = SplitKey {
        tenant: tenant.to_owned(),
        release: "r".to_owned(),
        split: "default".to_owned(),
    };
    let mut allocation = Allocation::default();
    allocation.apply(&BTreeMap::from([("canary".to_owned(), 10_000)])).expect("fits");
    vec![(key, allocation)]
}

fn revision(tenant: &str, revision: u64, digest: Option<&str>) -> StoredRevision {
    StoredRevision {
        tenant: tenant.to_owned(),
        revision,
        digest: digest.map(str::to_owned),
        bytes: 2,
        at_ms: 1_700_000_000_000,
        source: "rest".to_owned(),
    }
}

#[test]
fn a_new_store_is_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let stored = Embedded::open(&directory.path().join("deep/data")).expect("opened");
    let stored = stored.load().expect("loaded");
    assert_eq!(stored.counters, Counters { change: 0, revision: 1 });
    assert!(stored.instances.is_empty() && stored.bundles.is_empty());
}

#[test]
fn every_change_survives_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let (kept, gone, moved) = (bundle("kept"), bundle("gone"), bundle("moved"));
    let (kept_ranges, gone_ranges) = (allocations("kept"), allocations("gone"));
    let moved_ranges = allocations("moved");
    let history = [
        revision("kept", 7, Some("sha256:00")),
        revision("gone", 8, Some("sha256:00")),
        revision("gone", 9, None),
        revision("moved", 9, None),
    ];
    let written = |stored: &StoredBundle, allocations: &SplitAllocations, at: usize| {
        let stored = Arc::new(stored.clone());
        let judged = Judged::of_good(implicit_bundle(&[], None));
        // Others' are not its to write.
        let ranges = allocations.iter().cloned().chain(self::allocations("another"));
        let ranges = Ranges::new(Arc::new(ranges.collect()));
        let (revision, pruned) = (history[at].clone(), Vec::new());
        let (gone, moved, rules) = (None, None, None);
        BundleChange { stored, judged, ranges, moved, rules, revision, gone, pruned }
    };
    let put = |change: BundleChange| Change::PutBundle(Box::new(change));
    let changes = [
        Change::PutInstance(instance(1)),
        Change::PutInstance(instance(2)),
        Change::DeleteInstances(vec!["a@127.0.0.1:1".to_owned(), "never there".to_owned()]),
        put(written(&kept, &kept_ranges, 0)),
        put(written(&gone, &gone_ranges, 1)),
        Change::DeleteBundle(history[2].clone(), Vec::new()),
        put(written(&moved, &moved_ranges, 0)),
        put(BundleChange {
            gone: Some(history[3].clone()),
            pruned: vec![("gone".to_owned(), 8)],
            ..written(&kept, &kept_ranges, 0)
        }),
    ];
    let numbers = (1..).map(|at| Counters { change: at, revision: 2 * at });
    let changes: Vec<Numbered> = numbers.zip(changes).collect();
    // Alone and in groups; opened and closed for each.
    for group in [&changes[..1], &changes[1..3], &changes[3..6], &changes[6..]] {
        let store = Embedded::open(directory.path()).expect("opened");
        store.write(group[group.len() - 1].0, group).expect("written");
    }
    let store = Embedded::open(directory.path()).expect("opened");
    let stored = store.load().expect("loaded");
    assert_eq!(stored.counters, Counters { change: 8, revision: 16 });
    assert_eq!(stored.instances, [instance(2)]);
    assert_eq!(stored.bundles, [bundle("kept")]);
    assert_eq!(stored.allocations, allocations("kept"));
    assert_eq!(stored.revisions, [2, 0, 3].map(|at| history[at].clone()));
    let texts = history.each_ref().map(|one| store.text(&one.key()).expect("readable"));
    assert_eq!(texts, [Some("{}".to_owned()), None, None, None]);
}

#[test]
fn moved_ranges_are_kept_until_their_bundle_changes() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Embedded::open(directory.path()).expect("opened");
    let write = |change: Change| {
        let counters = Counters::default();
        store.write(counters, &[(counters, change)]).expect("written");
    };
    let ranges = |weight: u32| {
        let mut allocation = Allocation::default();
        allocation.apply(&BTreeMap::from([("canary".to_owned(), weight)])).expect("fits");
        allocation
    };
    let put = |tenant: &str| {
        let stored = Arc::new(bundle(tenant));
        let judged = Judged::of_good(implicit_bundle(&[], None));
        let ranges = Ranges::new(Arc::new(allocations(tenant).into_iter().collect()));
        let (revision, pruned) = (revision(tenant, 7, Some("sha256:00")), Vec::new());
        Change::PutBundle(Box::new(BundleChange {
            stored,
            judged,
            ranges,
            moved: None,
            rules: None,
            revision,
            gone: None,
            pruned,
        }))
    };
    // The second name sorts right behind the first one's splits.
    for tenant in ["shop", "shop-2", "shop0"] {
        write(put(tenant));
        let split = allocations(tenant)[0].0.clone();
        write(Change::MoveRanges(vec![(split.clone(), ranges(20_000))]));
        write(Change::MoveRanges(vec![(split, ranges(30_000))]));
    }
    let found = || -> Vec<(String, u32)> {
        let stored = store.load().expect("loaded").allocations;
        let all: BTreeMap<SplitKey, Allocation> = stored.into_iter().collect();
        let weight =
            |(key, ranges): (SplitKey, Allocation)| (key.tenant, ranges.weight_ppm("canary"));
        all.into_iter().map(weight).collect()
    };
    let row = |tenant: &str, weight| (tenant.to_owned(), weight);
    assert_eq!(found(), [row("shop", 30_000), row("shop-2", 30_000), row("shop0", 30_000)]);
    write(put("shop"));
    assert_eq!(found(), [row("shop", 10_000), row("shop-2", 30_000), row("shop0", 30_000)]);
    write(Change::DeleteBundle(revision("shop0", 8, None), Vec::new()));
    assert_eq!(found(), [row("shop", 10_000), row("shop-2", 30_000)]);
}

#[test]
fn a_store_in_use_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let _store = Embedded::open(directory.path()).expect("opened");
    let refused = Embedded::open(directory.path()).expect_err("refused");
    assert!(matches!(refused, StoreError::Locked { .. }));
    assert!(refused.to_string().contains(&directory.path().display().to_string()), "{refused}");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("control.redb");
    for content in [b"garbage".repeat(1000), vec![0; 100_000]] {
        fs::write(&path, &content).expect("written");
        let refused = Embedded::open(directory.path()).expect_err("refused");
        assert!(matches!(refused, StoreError::Open { .. }), "{refused:?}");
        assert!(refused.to_string().contains("control.redb"), "{refused}");
        assert_eq!(fs::read(&path).expect("readable"), content);
    }
}

#[test]
fn a_damaged_store_opens_as_it_was_or_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("control.redb");
    let store = Embedded::open(directory.path()).expect("opened");
    let change = (Counters::default(), Change::PutInstance(instance(1)));
    store.write(Counters::default(), &[change]).expect("written");
    drop(store);
    let whole = fs::read(&path).expect("readable");
    // Most of a small file is zeros that nothing refers to.
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    for at in used.iter().copied().step_by(used.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, &damaged).expect("written");
        if let Ok(stored) = Embedded::open(directory.path()).and_then(|store| store.load()) {
            assert_eq!(stored.instances, [instance(1)], "byte {at}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file");
    fs::write(&path, "").expect("written");
    let refused = Embedded::open(&path.join("data")).expect_err("refused");
    assert!(matches!(refused, StoreError::Directory { .. }));
}
