//! What revisions have in common is kept once, and as long as one of them is.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use halftone_core::policy::{Judged, Route};
use redb::ReadableDatabase as _;

use super::*;
use crate::{
    ranges::Ranges,
    store::{
        BundleChange, Change, Counters, Embedded, Store as _, StoreError, StoredBundle,
        StoredRevision, Text,
        database::{DatabaseFile, faults::Faults},
    },
};

/// A bundle of many routes, the tenth of which has a host name of its own.
fn judged(name: &str) -> Judged {
    let mut bundle = halftone_core::policy::implicit_bundle(&[], Some("127.0.0.1:1"));
    let route = (*bundle.routes[0]).clone();
    let host = |at: usize| if at == 10 { name.to_owned() } else { format!("h{at}.example") };
    let routes = (0..2000).map(|at| {
        Arc::new(Route { name: format!("r{at}"), hostnames: vec![host(at)], ..route.clone() })
    });
    bundle.routes = routes.collect();
    Judged::of_good(bundle)
}

fn put(store: &Embedded, tenant: &str, revision: u64, judged: &Judged, pruned: &[u64]) {
    try_put(store, tenant, revision, judged, pruned).expect("written");
}

fn try_put(
    store: &Embedded,
    tenant: &str,
    revision: u64,
    judged: &Judged,
    pruned: &[u64],
) -> Result<(), StoreError> {
    let (digest, counters) = (judged.digest().to_owned(), Counters { change: revision, revision });
    let stored = StoredBundle {
        tenant: tenant.to_owned(),
        since: 1,
        revision,
        digest: digest.clone(),
        text: Text::Runs(Arc::clone(judged.canonical())),
    };
    let of = StoredRevision {
        tenant: tenant.to_owned(),
        revision,
        digest: Some(digest),
        bytes: judged.canonical().bytes() as u64,
        at_ms: 0,
        source: "rest".to_owned(),
    };
    let change = BundleChange {
        stored: Arc::new(stored),
        judged: judged.clone(),
        ranges: Ranges::default(),
        moved: Some(Vec::new()),
        rules: None,
        revision: of,
        gone: None,
        pruned: pruned.iter().map(|number| (tenant.to_owned(), *number)).collect(),
    };
    let change = Change::PutBundle(Box::new(change));
    store.write(counters, &[(counters, change)])
}

/// Counts the runs in the file.
fn runs(directory: &Path) -> usize {
    let database = redb::Database::open(directory.join("control.redb")).expect("a store");
    let transaction = database.begin_read().expect("readable");
    let table = transaction.open_table(RUNS).expect("there");
    table.iter().expect("readable").count()
}

#[test]
fn revisions_share_what_they_have_in_common() {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = (judged("a.example"), judged("b.example"));
    let store = Embedded::open(directory.path()).expect("opened");
    put(&store, "shop", 2, &first, &[]);
    drop(store);
    let once = runs(directory.path());
    assert!(once > 10, "{once}");
    let store = Embedded::open(directory.path()).expect("opened");
    store.load().expect("loaded");
    put(&store, "shop", 3, &second, &[]);
    put(&store, "shop", 4, &first, &[]);
    let text =
        |store: &Embedded, revision| store.text(&("shop".to_owned(), revision)).expect("readable");
    for (revision, judged) in [(2, &first), (3, &second), (4, &first)] {
        assert_eq!(text(&store, revision), Some(judged.canonical().text()), "{revision}");
    }
    drop(store);
    assert_eq!(runs(directory.path()), once + 1);
    // What the second one had alone goes with it; what the third one took up again stays.
    let store = Embedded::open(directory.path()).expect("opened");
    put(&store, "shop", 5, &first, &[2, 3]);
    assert_eq!((text(&store, 2), text(&store, 3)), (None, None));
    assert_eq!(text(&store, 4), Some(first.canonical().text()));
    let shown = store.load().expect("loaded").bundles.remove(0);
    assert_eq!((shown.revision, shown.text.whole().into_owned()), (5, first.canonical().text()));
    drop(store);
    assert_eq!(runs(directory.path()), once);
}

#[test]
fn tenants_share_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Embedded::open(directory.path()).expect("opened");
    let one = judged("a.example");
    // The second name sorts right behind the first one's revisions.
    put(&store, "shop", 2, &one, &[]);
    put(&store, "shop0", 3, &one, &[]);
    put(&store, "shop", 4, &judged("b.example"), &[2]);
    let text = store.text(&("shop0".to_owned(), 3)).expect("readable");
    assert_eq!(text, Some(one.canonical().text()));
}

#[test]
fn a_list_that_is_none_ends() {
    let good = [&[LITERAL, 1, b','][..], &[RUN; 1 + DIGEST_BYTES]].concat();
    assert_eq!((parts(&good).count(), digests(&good).count()), (2, 1));
    for end in 0..good.len() {
        assert!(parts(&good[..end]).count() < 2, "{end}");
    }
    assert_eq!(parts(&[9, 9, 9]).count(), 0);
}

/// What a write that failed and was kept has pruned is written again when a later revision has it.
#[test]
fn after_a_write_that_failed_no_run_is_taken_to_be_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let faults = Arc::new(Faults::default());
    let file = DatabaseFile::on_a_bad_disk(directory.path().join("control.redb"), &faults);
    let store = Embedded::of(file);
    let (first, second) = (judged("one.example"), judged("two.example"));
    put(&store, "shop", 1, &first, &[]);
    faults.sync_once.store(true, Ordering::Relaxed);
    let failed = try_put(&store, "shop", 2, &second, &[1]).expect_err("the sync failed");
    assert!(failed.is_unknown(), "{failed}");
    let kept = store.counters(std::time::Duration::ZERO).expect("opened again");
    assert_eq!(kept.change, 2, "the disk has it");
    put(&store, "shop", 3, &first, &[2]);
    drop(store);
    let stored = Embedded::open(directory.path()).and_then(|store| store.load()).expect("whole");
    assert_eq!(stored.bundles[0].text.whole(), first.canonical().text());
}
