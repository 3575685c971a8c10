//! What is kept, which numbers it has, and what the filters say of it.

use halftone_core::table::archive::Archive;

use super::*;
use crate::store::database::faults::Faults;

fn row(id: &str, level: &str) -> Row {
    let tags = Some(level).filter(|level| !level.is_empty());
    (id.to_owned(), tags.map(|level| ("level".to_owned(), level.to_owned())).into_iter().collect())
}

#[test]
fn what_is_written_is_there_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = TagStore::open(directory.path()).expect("opened");
    assert_eq!(store.summary("shop").expect("read"), Summary::default());
    assert_eq!(store.find("shop", "u7").expect("read"), None);
    let written = store.write("shop", &[row("u7", "vip"), row("u8", "new")]).expect("written");
    assert_eq!(written, Summary { revision: 1, ids: 2 });
    let again = store.write("shop", &[row("u7", "vip")]).expect("written");
    assert_eq!(again, written, "what says nothing new has no number");
    let other = store.write("blog", &[row("u7", "new")]).expect("written");
    assert_eq!(other, Summary { revision: 1, ids: 1 });
    let changed = store.write("shop", &[row("u7", "old"), row("u8", ""), row("u9", "")]);
    assert_eq!(changed.expect("written"), Summary { revision: 2, ids: 1 });
    drop(store);

    let store = TagStore::open(directory.path()).expect("opened");
    assert_eq!(store.summary("shop").expect("read"), Summary { revision: 2, ids: 1 });
    let found = |tenant, id| store.find(tenant, id).expect("read");
    assert_eq!(found("shop", "u7"), Some(row("", "old").1));
    assert_eq!(found("shop", "u8"), None);
    assert_eq!(found("blog", "u7"), Some(row("", "new").1), "tenants have their own");
}

#[test]
fn the_last_row_of_an_id_counts() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = TagStore::open(directory.path()).expect("opened");
    let rows = [row("u7", "a"), row("u7", ""), row("u7", "b"), row("u8", "a"), row("u8", "")];
    assert_eq!(store.write("shop", &rows).expect("written"), Summary { revision: 1, ids: 1 });
    assert_eq!(store.find("shop", "u7").expect("read"), Some(row("", "b").1));
}

#[test]
fn everyone_with_tags_is_in_the_filter() {
    let directory = tempfile::tempdir().expect("a directory");
    let passing = |store: &TagStore, prefix: &str, ids: usize| {
        let archive = Archive::build(&store.filter("shop"), 1).expect("a good table");
        (0..ids).filter(|at| archive.table().may_have(&format!("{prefix}{at}"))).count()
    };
    let store = TagStore::open(directory.path()).expect("opened");
    assert_eq!(passing(&store, "u", 1_000), 0, "nobody has tags");
    let words = |store: &TagStore| store.filter("shop").words.len();
    let mut rooms = Vec::new();
    for portion in 0..8 {
        let ids = portion * 500..(portion + 1) * 500;
        let rows: Vec<Row> = ids.map(|at| row(&format!("u{at}"), "vip")).collect();
        store.write("shop", &rows).expect("written");
        store.write("shop-b", &[row(&format!("b{portion}"), "vip")]).expect("written");
        rooms.push(words(&store));
    }
    assert!(rooms.is_sorted() && rooms[0] < rooms[7], "it grows: {rooms:?}");
    assert_eq!(passing(&store, "u", 4_000), 4_000);
    let others = passing(&store, "x", 10_000);
    assert!(others <= 100, "{others} of 10000 others pass");
    drop(store);

    let store = TagStore::open(directory.path()).expect("opened");
    assert_eq!(passing(&store, "u", 4_000), 4_000, "after a restart");
}

/// A write that failed is looked for: whoever has tags on the disk is in the filter, and the revision is told.
#[test]
fn a_write_that_failed_is_what_the_disk_says() {
    for (fault, is_kept) in [("sync", Some(true)), ("write", Some(false)), ("gone", None)] {
        let directory = tempfile::tempdir().expect("a directory");
        let faults = Arc::new(Faults::default());
        let file = DatabaseFile::on_a_bad_disk(directory.path().join(FILE), &faults);
        let store = TagStore::of(file).expect("opened");
        store.write("shop", &[row("u1", "vip")]).expect("written");
        let disk = match fault {
            "sync" => &faults.sync_once,
            "write" => &faults.write_once,
            _ => &faults.from_sync_on,
        };
        disk.store(true, Ordering::Relaxed);
        let written = store.write("shop", &[row("u2", "vip")]);
        let is_unknown = matches!(&written, Err(TagStoreError::Store(error)) if error.is_unknown());
        assert_eq!((written.is_ok(), is_unknown), (is_kept == Some(true), is_kept.is_none()));
        assert!(is_kept == Some(true) || store.health().problem().is_some(), "{fault}");
        faults.end();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while let Err(error) = store.probe() {
            assert!(std::time::Instant::now() < deadline, "{error}");
            std::thread::yield_now();
        }
        let found = store.find("shop", "u2").expect("read").is_some();
        assert_eq!(found, is_kept.unwrap_or(true), "{fault}");
        let archive = Archive::build(&store.filter("shop"), 1).expect("a good table");
        assert!(!found || archive.table().may_have("u2"), "{fault}: it is in the filter");
        let summary = store.summary("shop").expect("read");
        assert_eq!(store.revisions().borrow()["shop"], summary.revision, "{fault}");
        assert_eq!(summary, Summary { revision: 1 + u64::from(found), ids: 1 + u64::from(found) });
    }
}
