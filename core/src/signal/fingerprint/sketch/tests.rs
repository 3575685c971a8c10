//! The properties of likeness, and how near an estimate comes.

use std::collections::BTreeSet;

use proptest::{collection::btree_set, prelude::*};

use super::*;
use crate::signal::{fingerprint::tests::features, keys::Secret};

fn keys(byte: u8) -> KeyRing {
    KeyRing::new(&[Secret { id: "k".to_owned(), bytes: vec![byte; 32] }])
}

fn salt(tenant: &str, period: u64) -> Salt {
    Salt::derive(&keys(7), 0, tenant, period).expect("there is a key")
}

type Words = BTreeSet<u16>;

fn sketch(sets: [&Words; 3], salt: &Salt) -> Sketch {
    let texts = sets.map(|set| set.iter().map(|word| format!("w{word}")).collect::<Vec<_>>());
    Sketch::of(&features(&texts[0], &texts[1], &texts[2]), salt)
}

/// The share of equal words: what a sketch estimates.
fn jaccard(one: &Words, other: &Words) -> f64 {
    let (both, any) = (one.intersection(other).count(), one.union(other).count());
    both as f64 / any as f64
}

#[test]
fn the_weights_are_those_that_were_promised() {
    for (likeness, fused) in [
        ([1_000_000, 0, 0], 200_000),
        ([0, 1_000_000, 0], 300_000),
        ([0, 0, 1_000_000], 500_000),
        ([1_000_000; 3], 1_000_000),
        ([0; 3], 0),
        ([500_000, 500_000, 500_000], 500_000),
        ([u32::MAX; 3], 1_000_000),
        ([1, 1, 1], 1),
    ] {
        assert_eq!(fuse(likeness), fused, "{likeness:?}");
    }
}

#[test]
fn salts_make_strangers_of_equals() {
    let set: Words = (0..40).collect();
    let one = sketch([&set; 3], &salt("shop", 5));
    for other in
        [salt("shop", 6), salt("pay", 5), Salt::derive(&keys(8), 0, "shop", 5).expect("a key")]
    {
        let likeness = one.likeness(&sketch([&set; 3], &other));
        assert!(fuse(likeness) < SAME_PPM / 2, "{likeness:?}");
    }
    assert_eq!(one, sketch([&set; 3], &salt("shop", 5)));
    assert!(Salt::derive(&keys(7), 1, "shop", 5).is_none());
}

#[test]
fn an_absent_feature_is_like_itself_alone() {
    let (none, some): (Words, Words) = (Words::new(), (0..30).collect());
    let salt = salt("shop", 1);
    let (without, with) = (sketch([&some, &none, &none], &salt), sketch([&some; 3], &salt));
    assert_eq!(without.likeness(&without), [1_000_000; 3]);
    let [ua, canvas, webgl] = without.likeness(&with);
    assert_eq!(ua, 1_000_000);
    assert!(canvas < 250_000 && webgl < 250_000, "{canvas} {webgl}");
}

#[test]
fn estimates_are_near() {
    let salt = salt("shop", 1);
    let (mut off, mut count) = (0.0, 0);
    for common in (0..=100).step_by(5) {
        for turn in 0..5u16 {
            let from = turn * 1_000;
            let one: Words = (from..from + 100).collect();
            let other: Words =
                (from..from + common).chain(from + 500..from + 600 - common).collect();
            let told = sketch([&one; 3], &salt).likeness(&sketch([&other; 3], &salt));
            for likeness in told {
                let error = f64::from(likeness) / 1e6 - jaccard(&one, &other);
                assert!(error.abs() < 0.3, "{common} in common: {likeness}");
                off += error;
                count += 1;
            }
        }
    }
    assert!((off / f64::from(count)).abs() < 0.02, "{off} in {count}");
}

proptest! {
    #[test]
    fn likeness_is_symmetric_and_whole_for_equals(
        one in btree_set(0u16..60, 1..40),
        other in btree_set(0u16..60, 1..40),
        period: u64,
    ) {
        let salt = salt("shop", period);
        let (a, b) = (sketch([&one, &other, &one], &salt), sketch([&other, &one, &one], &salt));
        prop_assert_eq!(a.likeness(&b), b.likeness(&a));
        prop_assert_eq!(a.likeness(&b)[2], 1_000_000);
        prop_assert_eq!(fuse(a.likeness(&a)), 1_000_000);
    }

    #[test]
    fn the_fusion_never_falls_when_a_part_rises(
        parts: [u32; 3],
        at in 0usize..3,
        more: u32,
    ) {
        let mut risen = parts;
        risen[at] = risen[at].saturating_add(more);
        prop_assert!(fuse(risen) >= fuse(parts));
        prop_assert!(fuse(parts) <= 1_000_000);
    }
}
