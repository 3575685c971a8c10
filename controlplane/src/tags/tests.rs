//! What is kept, and which numbers it has.

use super::*;

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
