//! Who is found, among few, many and unevenly spread fingerprints.

use super::*;
use crate::{
    limits::LIST_IDS_MAX,
    table::archive::{Archive, ArchiveError},
};

const KEY: u64 = 0x9E37_79B9_7F4A_7C15;

fn list(prints: impl IntoIterator<Item = u64>) -> IdList {
    let mut prints: Vec<u64> = prints.into_iter().collect();
    prints.sort_unstable();
    prints.dedup();
    IdList { tenant: "shop".to_owned(), name: "staff".to_owned(), key: KEY, prints }
}

fn of_ids(ids: usize) -> Archive<IdList> {
    let prints = (0..ids).map(|at| fingerprint_of_id(KEY, &format!("u{at}")));
    Archive::build(&list(prints), 1).expect("a good list")
}

#[test]
fn members_are_found_and_others_are_not() {
    for ids in [0, 1, 2, 7, 8, 9, 15, 16, 17, 1_000, 100_000] {
        let archive = of_ids(ids);
        assert!((0..ids).all(|at| archive.has(&format!("u{at}"))), "{ids}");
        let strangers = (0..10_000).filter(|at| archive.has(&format!("x{at}"))).count();
        assert_eq!(strangers, 0, "{ids}");
        assert!(!archive.has(""), "{ids}");
    }
}

#[test]
fn any_spread_is_searched() {
    let edges = [0, 1, 2, u64::MAX - 1, u64::MAX, 1 << 63, (1 << 63) - 1];
    let low: Vec<u64> = (0..5_000).map(|at| at * 3).collect();
    let high: Vec<u64> = (0..5_000).map(|at| u64::MAX - at * 3).collect();
    for prints in [&edges[..], &low, &high, &[]] {
        let archive = Archive::build(&list(prints.iter().copied()), 1).expect("a good list");
        let stored = &archive.table().prints;
        for print in prints.iter().flat_map(|print| [*print, print ^ 1, print.wrapping_add(1)]) {
            let expected = prints.contains(&print);
            assert_eq!(archive.decoded().finds(stored, print), expected, "{print:x}");
        }
    }
}

#[test]
fn another_key_makes_other_fingerprints() {
    let ids: Vec<String> = (0..1_000).map(|at| format!("u{at}")).collect();
    let same = ids.iter().filter(|id| fingerprint_of_id(1, id) == fingerprint_of_id(2, id)).count();
    assert_eq!(same, 0);
}

#[test]
fn what_could_not_be_searched_is_refused() {
    let good = list([1, 2, 3]);
    let wrong = [
        IdList { prints: vec![2, 1, 3], ..good.clone() },
        IdList { prints: vec![1, 1, 2], ..good.clone() },
        IdList { tenant: String::new(), ..good.clone() },
        IdList { name: "a/b".to_owned(), ..good.clone() },
        IdList { name: "a".repeat(1_000), ..good.clone() },
        IdList { prints: (0..=LIST_IDS_MAX as u64).collect(), ..good.clone() },
    ];
    assert!(Archive::build(&good, 7).is_ok_and(|archive| archive.revision() == 7));
    for (at, wrong) in wrong.iter().enumerate() {
        let refused = Archive::build(wrong, 1);
        assert!(matches!(refused, Err(ArchiveError::Meaning(_))), "{at}: {refused:?}");
    }
}
