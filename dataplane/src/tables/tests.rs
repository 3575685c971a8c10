//! The join, and weights.

use halftone_core::table::{AddressRow, InstanceRow, InstanceSet, TimeoutsRow, VariantRow};

use super::*;

fn set(key: &str, weights: &[u32]) -> InstanceSet {
    let mut weight_end = 0;
    let rows = weights.iter().enumerate().map(|(at, weight)| {
        weight_end += weight;
        let port = u16::try_from(at).expect("small") + 1;
        InstanceRow {
            name: format!("{at}"),
            addresses: vec![AddressRow::V4([127, 0, 0, 1], port)],
            weight_end,
        }
    });
    InstanceSet { key: key.to_owned(), instances: rows.collect() }
}

fn tables(variants: &[&str], sets: Vec<InstanceSet>) -> Tables {
    let variant = |key: &&str| VariantRow {
        name: "v".to_owned(),
        key: (*key).to_owned(),
        timeouts: TimeoutsRow::UNSAID,
    };
    let rules =
        RuleTable { variants: variants.iter().map(variant).collect(), ..RuleTable::default() };
    let rules = Archive::build(&rules, 1).expect("valid");
    let instances = Archive::build(&InstanceTable { sets }, 1).expect("valid");
    Tables::join(
        Arc::new(Loaded { epoch: 1, archive: rules }),
        Arc::new(Loaded { epoch: 1, archive: instances }),
    )
}

#[test]
fn variants_find_their_instances_by_key() {
    let tables = tables(
        &["t/u/b", "t/u/x", "t/u/a"],
        vec![set("t/u/a", &[1, 1]), set("t/u/b", &[1]), set("t/u/c", &[])],
    );
    let count = |variant| tables.instance_set(variant).map(|set| set.instances.len());
    assert_eq!([count(0), count(1), count(2), count(3)], [Some(1), None, Some(2), None]);
}

#[test]
fn weights_are_kept_exactly_over_a_whole_turn() {
    let tables = tables(&["k"], vec![set("k", &[1, 30, 69])]);
    let set = tables.instance_set(0).expect("instances");
    let mut hits = [0; 3];
    for step in 0..10_000u32 {
        let (at, _) = choose(set, step.wrapping_mul(0x9E37_79B9)).expect("one");
        hits[at] += 1;
    }
    for (hits, weight) in hits.iter().zip([1, 30, 69]) {
        assert!((hits - weight * 100i32).abs() <= 5, "{hits} for weight {weight}");
    }
}
