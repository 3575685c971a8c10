//! Exact while it can be, near the truth beyond, and the same however it is put together.

use proptest::prelude::*;

use super::*;

/// Spreads numbers as a keyed hash does (splitmix64, Vigna 2015).
fn hash(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn of(numbers: impl IntoIterator<Item = u64>) -> Users {
    let mut users = Users::default();
    numbers.into_iter().for_each(|number| users.insert(hash(number)));
    users
}

#[test]
fn a_few_are_counted_exactly_and_many_nearly() {
    let most = USERS_EXACT_MAX as u64;
    for (number, exact) in [(0, true), (1, true), (most, true), (most + 1, false), (200_000, false)]
    {
        let count = of((0..number).chain(0..number)).count();
        assert_eq!(count.exact, exact, "{number}");
        let off = count.count.abs_diff(number);
        assert!(off == 0 || (!exact && off * 100 <= number * 12), "{number}: {count:?}");
    }
}

#[test]
fn what_a_peer_makes_up_does_no_harm() {
    let told = r#"{"hashes":[9,3,3],"more":true}"#;
    let mut users = Users::default();
    users.merge(&serde_json::from_str(told).expect("the form"));
    assert_eq!(users.hashes, [3, 9]);
    assert!(!users.count().exact);
    users.merge(&Users { hashes: vec![], more: true });
    assert_eq!(Users { hashes: vec![], more: true }.count().count, 0);
    assert_eq!(Users { hashes: vec![0], more: true }.count(), UserCount { count: 1, exact: false });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn parts_make_the_whole(numbers in prop::collection::vec(0..3_000u64, 0..4_000), cut in 0..4_000usize) {
        let (a, b) = numbers.split_at(cut.min(numbers.len()));
        let mut merged = of(a.iter().copied());
        merged.merge(&of(b.iter().copied()));
        prop_assert_eq!(merged, of(numbers.iter().copied()));
    }
}
