//! What is kept, which numbers it has, and what a damaged file does.

use halftone_core::{
    signal::lists::{IdLists, ListReader as _},
    table::fingerprint_of_id,
};
use halftone_link::read_sealed;

use super::*;

fn name(list: &str) -> ListName {
    ListName { tenant: "shop".to_owned(), list: list.to_owned() }
}

fn load(store: &ListStore, list: &str, ids: &[&str]) -> ListState {
    let name = name(list);
    let key = store.key(&name);
    let prints = ids.iter().map(|id| fingerprint_of_id(key, id)).collect();
    store.replace(name, key, prints).expect("written")
}

/// Asks what a gateway would be given.
fn is_member(store: &ListStore, list: &str, id: &str) -> Option<bool> {
    let mut lists = IdLists::default();
    for held in store.newest().borrow().values() {
        let bytes = read_sealed(&*held.file).expect("sealed");
        lists = lists.with(Arc::new(Archive::open(bytes).expect("good")));
    }
    lists.contains("shop", list, id)
}

#[test]
fn what_is_written_is_there_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = ListStore::open(directory.path()).expect("opened");
    assert_eq!(is_member(&store, "staff", "u7"), None);
    let first = load(&store, "staff", &["u8", "u7", "u8"]);
    assert_eq!((first.revision, first.ids), (1, 2));
    assert_eq!(load(&store, "staff", &["u7", "u8"]), first, "what says nothing new has no number");
    load(&store, "beta", &[]);
    let second = load(&store, "staff", &["u8", "u9"]);
    assert_eq!((second.revision, second.ids), (2, 2));
    let version = store.newest().borrow()[&name("staff")].version();
    fs::write(directory.path().join("lists/1.new"), "half").expect("written");
    drop(store);

    let store = ListStore::open(directory.path()).expect("opened");
    assert!(!directory.path().join("lists/1.new").exists());
    assert_eq!(store.find(&name("staff")), Some(second));
    assert_eq!(store.newest().borrow()[&name("staff")].version(), version);
    for (list, id, expected) in [
        ("staff", "u7", Some(false)),
        ("staff", "u8", Some(true)),
        ("staff", "u9", Some(true)),
        ("beta", "u8", Some(false)),
    ] {
        assert_eq!(is_member(&store, list, id), expected, "{list} {id}");
    }
    assert_eq!(store.of_tenant("shop").len(), 2);
    assert_eq!(store.of_tenant("blog"), []);
    assert!(store.delete(&name("staff")).expect("removed"));
    assert!(!store.delete(&name("staff")).expect("looked"));
    drop(store);
    let store = ListStore::open(directory.path()).expect("opened");
    assert_eq!(is_member(&store, "staff", "u9"), None);
}

#[test]
fn a_list_that_comes_back_is_another_version() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = ListStore::open(directory.path()).expect("opened");
    load(&store, "staff", &["u7"]);
    let before = store.newest().borrow()[&name("staff")].version();
    store.delete(&name("staff")).expect("removed");
    assert_eq!(load(&store, "staff", &["u7"]).revision, 1);
    assert_ne!(store.newest().borrow()[&name("staff")].version(), before);
}

#[test]
fn a_damaged_file_is_told_and_not_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = ListStore::open(directory.path()).expect("opened");
    load(&store, "staff", &["u7", "u8"]);
    drop(store);
    let folder = directory.path().join(FOLDER);
    let entry = fs::read_dir(&folder).expect("a folder").next().expect("a file");
    let path = entry.expect("an entry").path();
    let good = fs::read(&path).expect("read");
    let mut flipped = good.clone();
    *flipped.last_mut().expect("bytes") ^= 1;
    let longer = [good.as_slice(), b"1"].concat();
    let renamed = String::from_utf8_lossy(&good).replace("staff", "stuff").into_bytes();
    let other = [b"{\"form\":2}\n".as_slice(), &good].concat();
    for damaged in [&good[..good.len() - 8], &flipped, &longer, &renamed, &other, b"", b"{}"] {
        fs::write(&path, damaged).expect("written");
        let refused = ListStore::open(directory.path());
        assert!(matches!(refused, Err(ListStoreError::Damaged { .. })), "{refused:?}");
    }
    fs::write(&path, &good).expect("written");
    assert_eq!(
        is_member(&ListStore::open(directory.path()).expect("opened"), "staff", "u7"),
        Some(true)
    );
}
