//! A table whose ranges were replaced is the one that is compiled; what does not fit is refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    compile::{Allocations, allocate, allocations_of, compile_rules, set_weight},
    policy::{Bundle, Percent, validate},
    rollout::allocation::Range,
    table::archive::Archive,
};

fn bundle(tenant: &str) -> Bundle {
    let addresses = json!({ "addresses": ["127.0.0.1:1"] });
    let target = |id: &str, split: serde_json::Value| json!({ "id": id, "match": { "headers": [{ "name": id, "value": "1" }] }, "split": split });
    let targets =
        [target("a", json!("scheduled")), target("b", json!({ "other": "7%", "canary": "5%" }))];
    let release =
        json!({ "upstream": "u", "targets": targets, "default": { "split": "scheduled" } });
    let fixed = json!({ "upstream": "u", "default": { "variant": "stable" } });
    let bundle = json!({ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": tenant },
        "upstreams": { "u": { "variants": { "stable": addresses, "canary": addresses, "other": addresses } } },
        "routes": [{ "name": "r", "hostnames": [format!("{tenant}.example")], "rules": [{ "release": "v2" }] }],
        "releases": { "v2": release, "v3": release, "fixed": fixed } });
    let bundle = serde_json::from_value(bundle).expect("the shape is right");
    assert_eq!(validate(&bundle), []);
    bundle
}

fn started(bundles: &[Bundle]) -> (Allocations, RuleTable) {
    let mut all = Allocations::new();
    bundles.iter().for_each(|bundle| allocate(bundle, &mut all).expect("fits"));
    let table = compile(bundles, &all);
    (all, table)
}

fn compile(bundles: &[Bundle], all: &Allocations) -> RuleTable {
    compile_rules(&bundles.iter().collect::<Vec<_>>(), all).expect("compiles")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn replaced_ranges_make_the_table_that_is_compiled(
        moves in prop::collection::vec((0usize..2, 0usize..2, 0usize..3, 0u32..=100), 1..10),
    ) {
        let bundles = ["one", "two"].map(bundle);
        let (mut all, mut table) = started(&bundles);
        for (tenant, release, target, percent) in moves {
            let targets: &[String] = match target {
                0 => &[],
                1 => &["a".to_owned()],
                _ => &["default".to_owned()],
            };
            let weight = Percent::from_ppm(percent * 10_000).expect("in range");
            let release = ["v2", "v3"][release];
            let stored = |key: &SplitKey| all.get(key);
            let moved = set_weight(&bundles[tenant], stored, release, targets, weight).expect("moves");
            // Through the archive, as a gateway has it.
            let served = Archive::build(&table, 1).expect("good");
            let mut patched = served.read().expect("readable");
            replace_ranges(&mut patched, moved.iter()).expect("the splits are there");
            all.extend(moved);
            table = patched;
            prop_assert_eq!(&table, &compile(&bundles, &all));
            let bytes = |table| Archive::build(table, 2).expect("good").bytes().to_vec();
            prop_assert_eq!(bytes(&table), bytes(&compile(&bundles, &all)));
            prop_assert_eq!(allocations_of(&table), all.clone());
        }
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let bundles = ["one"].map(bundle);
    let (_, table) = started(&bundles);
    let ranges = |variant: &str, ends: &[(u32, u32)]| {
        let ranges = ends.iter().zip(0..).map(|((start, end), place)| {
            (variant.to_owned(), place, Range { start: *start, end: *end })
        });
        Allocation::of_taken(ranges)
    };
    let good = || ranges("canary", &[(0, 10)]);
    for ((tenant, release, split), ranges, told) in [
        (("two", "v2", "default"), good(), "\"v2\""),
        (("one", "v4", "default"), good(), "\"v4\""),
        (("one", "v2", "c"), good(), "releases.v2.c"),
        (("one", "fixed", "default"), good(), "releases.fixed.default"),
        (("one", "v2", "default"), ranges("blue", &[(0, 10)]), "\"blue\""),
        (("one", "v2", "default"), ranges("canary", &[(0, 10), (9, 20)]), "overlap"),
        (("one", "v2", "default"), ranges("canary", &[(0, 1_000_001)]), "leave"),
    ] {
        let key = SplitKey {
            tenant: tenant.to_owned(),
            release: release.to_owned(),
            split: split.to_owned(),
        };
        let refused = replace_ranges(&mut table.clone(), [(&key, &ranges)].into_iter());
        let refused = refused.expect_err("refused").to_string();
        assert!(refused.contains(told), "{refused}");
    }
}
