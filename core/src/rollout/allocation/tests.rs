//! The worked example of POLICY and the two invariants.

use proptest::prelude::*;

use super::*;

fn weights(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
    pairs.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

fn check(allocation: &mut Allocation, change: &[(&str, u32)], expected: &[(u32, u32, &str)]) {
    allocation.apply(&weights(change)).expect("weights fit");
    let ranges: Vec<_> = allocation
        .ranges()
        .into_iter()
        .map(|(range, name)| (range.start, range.end, name))
        .collect();
    assert_eq!(ranges, expected, "after {change:?}");
}

#[test]
fn worked_example_of_policy() {
    let mut a = Allocation::default();
    check(&mut a, &[("canary", 10_000)], &[(0, 10_000, "canary")]);
    check(&mut a, &[("canary", 50_000)], &[(0, 50_000, "canary")]);
    check(
        &mut a,
        &[("canary", 50_000), ("other", 50_000)],
        &[(0, 50_000, "canary"), (50_000, 100_000, "other")],
    );
    check(
        &mut a,
        &[("canary", 100_000), ("other", 50_000)],
        &[(0, 50_000, "canary"), (50_000, 100_000, "other"), (100_000, 150_000, "canary")],
    );
    check(
        &mut a,
        &[("canary", 70_000), ("other", 50_000)],
        &[(0, 50_000, "canary"), (50_000, 100_000, "other"), (100_000, 120_000, "canary")],
    );
    check(&mut a, &[], &[]);
}

#[test]
fn too_much_is_refused_and_changes_nothing() {
    let mut a = Allocation::default();
    a.apply(&weights(&[("a", 10)])).expect("fits");
    let before = a.clone();
    let refused = a.apply(&weights(&[("a", 600_000), ("b", 600_000)])).expect_err("refused");
    assert_eq!(refused, AllocationError::OverCommitted { total_ppm: 1_200_000 });
    assert_eq!(refused.to_string(), "weights add up to 120%; at most 100%");
    assert_eq!(a, before);
}

#[test]
fn corrupt_ranges_are_refused() {
    for text in [
        r#"{"a":[{"start":5,"end":5}]}"#,
        r#"{"a":[{"start":0,"end":10}],"b":[{"start":9,"end":20}]}"#,
        r#"{"a":[{"start":0,"end":1000001}]}"#,
    ] {
        let mut a: Allocation = serde_json::from_str(text).expect("well-formed");
        assert!(matches!(a.apply(&weights(&[])), Err(AllocationError::Corrupt { .. })), "{text}");
    }
}

fn holds(allocation: &Allocation, name: &str, range: Range) -> bool {
    allocation
        .ranges()
        .iter()
        .filter(|(held, variant)| {
            *variant == name && held.start < range.end && held.end > range.start
        })
        .map(|(held, _)| held.end.min(range.end) - held.start.max(range.start))
        .sum::<u32>()
        == range.len()
}

proptest! {
    #[test]
    fn invariants_m_and_s(steps in prop::collection::vec(prop::collection::vec(0u32..260_000, 4), 1..40)) {
        let names = ["a", "b", "c", "d"];
        let mut allocation = Allocation::default();
        for step in steps {
            let before = allocation.clone();
            let change: Vec<_> = names.iter().copied().zip(step).filter(|(_, w)| *w > 9_000).collect();
            if allocation.apply(&weights(&change)).is_err() {
                prop_assert_eq!(&allocation, &before);
                continue;
            }
            prop_assert!(allocation.check().is_ok());
            for name in names {
                let wanted = change.iter().find(|(n, _)| *n == name).map_or(0, |(_, w)| *w);
                prop_assert_eq!(allocation.weight_ppm(name), wanted, "S for {}", name);
                if wanted >= before.weight_ppm(name) {
                    for (range, _) in before.ranges().into_iter().filter(|(_, n)| *n == name) {
                        prop_assert!(holds(&allocation, name, range), "M for {} {:?}", name, range);
                    }
                }
            }
        }
    }
}
