//! Copies kept, replaced and damaged.

use halftone_core::{signal::lists::ListReader as _, table::fingerprint_of_id};

use super::*;

fn list(name: &str, ids: &[&str]) -> Archive<IdList> {
    let mut prints: Vec<u64> = ids.iter().map(|id| fingerprint_of_id(7, id)).collect();
    prints.sort_unstable();
    let (tenant, name) = ("shop".to_owned(), name.to_owned());
    Archive::build(&IdList { tenant, name, key: 7, prints }, 3).expect("a good list")
}

#[test]
fn the_newest_of_each_list_is_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = ListKeeper::open(folder.path()).expect("a folder");
    assert_eq!(keeper.load().iter().count(), 0);
    for kept in [list("staff", &["u7"]), list("beta", &["u8"]), list("staff", &["u9"])] {
        keeper.keep(&kept).expect("written");
    }
    fs::write(folder.path().join("last-good/list-1.new"), "half").expect("written");
    let keeper = ListKeeper::open(folder.path()).expect("a folder");
    let lists = keeper.load();
    assert_eq!((lists.iter().count(), keeper.files("new").len()), (2, 0));
    for (list, id, expected) in
        [("staff", "u7", Some(false)), ("staff", "u9", Some(true)), ("beta", "u8", Some(true))]
    {
        assert_eq!(lists.contains("shop", list, id), expected, "{list} {id}");
    }
    let beta = ListName { tenant: "shop".to_owned(), list: "beta".to_owned() };
    keeper.keep_only(&[beta]).expect("removed");
    assert_eq!(keeper.load().contains("shop", "staff", "u9"), None);
    assert_eq!(keeper.load().contains("shop", "beta", "u8"), Some(true));
}

#[test]
fn what_was_damaged_is_not_served_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = ListKeeper::open(folder.path()).expect("a folder");
    let (staff, beta) = (list("staff", &["u7"]), list("beta", &["u8"]));
    keeper.keep(&staff).expect("written");
    let path = keeper.path(&ListState::of(&staff).name);
    let mut flipped = staff.bytes().to_vec();
    *flipped.last_mut().expect("bytes") ^= 1;
    for damaged in [&staff.bytes()[..40], &flipped, b"", beta.bytes()] {
        fs::write(&path, damaged).expect("written");
        assert_eq!(keeper.load().iter().count(), 0);
        assert!(path.exists());
    }
    fs::write(&path, staff.bytes()).expect("written");
    assert_eq!(keeper.load().iter().count(), 1);
}
