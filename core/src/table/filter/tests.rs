//! What passes, and how much of the rest.

use super::*;
use crate::table::archive::Archive;

fn archived(filter: &TagFilter) -> Archive<TagFilter> {
    Archive::build(filter, 7).expect("a good table")
}

#[test]
fn who_was_added_passes_and_of_the_others_one_in_a_hundred() {
    for ids in [1u64, 1_000, 100_000] {
        let mut filter = TagFilter::with_room("shop", ids);
        (0..ids).for_each(|at| filter.insert(&format!("user-{at}")));
        let archive = archived(&filter);
        let table = archive.table();
        assert!((0..ids).all(|at| table.may_have(&format!("user-{at}"))));
        let others = 100_000;
        let passed = (0..others).filter(|at| table.may_have(&format!("other-{at}"))).count();
        println!("{ids} ids, {} words: {passed} of {others} others pass", filter.words.len());
        assert!(passed * 100 <= others, "{passed} of {others} pass with {ids} ids");
    }
}

#[test]
fn nobody_passes_an_empty_filter() {
    let archive = archived(&TagFilter::with_room("shop", 0));
    assert_eq!((archive.revision(), &*archive.table().tenant), (7, "shop"));
    assert!((0..1_000).all(|at| !archive.table().may_have(&at.to_string())));
}

#[test]
fn what_has_no_blocks_is_refused() {
    for words in [0, 7, 9] {
        let filter = TagFilter { tenant: "shop".to_owned(), words: vec![0; words] };
        assert!(Archive::build(&filter, 0).is_err(), "{words} words");
    }
    let filter = TagFilter { tenant: "x".repeat(300), words: vec![0; 8] };
    assert!(Archive::build(&filter, 0).is_err());
}
