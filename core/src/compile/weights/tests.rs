//! Splits of bundles, moved by bundles and by people.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{compile::compile_rules, limits::BUCKETS, policy::validate, table::archive::Archive};

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn bundle(targets: Value, default: Value) -> Bundle {
    let addresses = json!({ "addresses": ["127.0.0.1:1"] });
    let bundle = json!({ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "upstreams": { "u": { "variants": { "stable": addresses, "canary": addresses, "other": addresses } } },
        "routes": [{ "name": "r", "rules": [{ "release": "v2" }] }],
        "releases": { "v2": { "upstream": "u", "targets": targets, "default": default } } });
    let bundle = serde_json::from_value(bundle).expect("the shape is right");
    assert_eq!(validate(&bundle), []);
    bundle
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn target(id: &str, split: Value) -> Value {
    json!({ "id": id, "match": { "headers": [{ "name": id, "value": "1" }] }, "split": split })
}

fn percent(text: &str) -> Percent {
    Percent::parse(text).expect("a percentage")
}

/// Moves weights where they are stored; returns the splits that moved.
fn set_weight(
    bundle: &Bundle,
    all: &mut Allocations,
    release: &str,
    targets: &[String],
    weight: Percent,
) -> Result<Vec<SplitKey>, WeightError> {
    let moved = super::set_weight(bundle, |key| all.get(key), release, targets, weight)?;
    let keys = moved.keys().cloned().collect();
    all.extend(moved);
    Ok(keys)
}

fn weights(allocations: &Allocations) -> Vec<(String, u32, u32)> {
    let weight = |(key, allocation): (&SplitKey, &crate::rollout::allocation::Allocation)| {
        (key.split.clone(), allocation.weight_ppm("canary"), allocation.weight_ppm("other"))
    };
    allocations.iter().map(weight).filter(|(_, canary, other)| canary + other > 0).collect()
}

#[test]
fn people_move_scheduled_splits_only() {
    let scheduled = || json!("scheduled");
    let targets = json!([target("a", scheduled()), target("b", json!({ "other": "7%" })),
        { "id": "c", "match": { "method": "GET" }, "variant": "canary" }]);
    let bundle = bundle(targets, json!({ "split": "scheduled" }));
    let mut all = Allocations::new();
    allocate(&bundle, &mut all).expect("fits");
    let row = |split: &str, canary, other| (split.to_owned(), canary, other);
    assert_eq!(weights(&all), [row("b", 0, 70_000)], "applying starts nothing");
    let moved = set_weight(&bundle, &mut all, "v2", &[], percent("1%")).expect("moves");
    assert_eq!(moved.iter().map(|key| key.split.as_str()).collect::<Vec<_>>(), ["a", "default"]);
    set_weight(&bundle, &mut all, "v2", &["default".to_owned()], percent("5%")).expect("moves");
    let expected = [row("a", 10_000, 0), row("b", 0, 70_000), row("default", 50_000, 0)];
    assert_eq!(weights(&all), expected);
    allocate(&bundle, &mut all).expect("fits");
    assert_eq!(weights(&all), expected, "applying again moves nothing");
    for (release, target, expected) in [
        ("v3", "a", "tenant \"t\" has no release \"v3\""),
        ("v2", "z", "has no target \"z\"; it has [\"a\", \"default\"]"),
        ("v2", "b", "is not `split: scheduled`"),
        ("v2", "c", "is not `split: scheduled`"),
    ] {
        let targets = ["a".to_owned(), target.to_owned()];
        let error = set_weight(&bundle, &mut all, release, &targets, percent("50%"));
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(weights(&all), expected, "what is refused changes nothing");
}

#[test]
fn a_variant_that_is_gone_gives_its_buckets_back() {
    let mut all = Allocations::new();
    let mut bundle = bundle(json!([]), json!({ "split": "scheduled" }));
    allocate(&bundle, &mut all).expect("fits");
    set_weight(&bundle, &mut all, "v2", &[], percent("10%")).expect("moves");
    let upstream = bundle.upstreams.get_mut("u").expect("there");
    upstream.variants.remove("canary");
    let release = bundle.releases.get_mut("v2").expect("there");
    std::sync::Arc::make_mut(release).canary = "other".to_owned();
    allocate(&bundle, &mut all).expect("fits");
    assert_eq!(weights(&all), []);
    compile_rules(&[&bundle], &all).expect("every variant is there");
    let static_bundle = json!({ "split": { "other": "1%" } });
    let error = set_weight(
        &super::tests::bundle(json!([]), static_bundle),
        &mut all,
        "v2",
        &[],
        percent("1%"),
    );
    assert!(matches!(error, Err(WeightError::NothingScheduled { .. })));
}

#[test]
fn a_weight_is_about_what_the_canary_is_now() {
    let mut all = Allocations::new();
    let mut bundle = bundle(json!([]), json!({ "split": "scheduled" }));
    set_weight(&bundle, &mut all, "v2", &[], percent("60%")).expect("moves");
    let mut stranded = all.clone();
    let release = bundle.releases.get_mut("v2").expect("there");
    std::sync::Arc::make_mut(release).canary = "other".to_owned();
    allocate(&bundle, &mut all).expect("fits");
    assert_eq!(weights(&all), [], "the old canary's users are stable's again");
    for (weight, ppm) in [("60%", 600_000), ("20%", 200_000), ("0%", 0)] {
        // Also from ranges that were stored before there was this rule.
        for all in [&mut all, &mut stranded] {
            set_weight(&bundle, all, "v2", &[], percent(weight)).expect("moves");
            let expected: &[_] = &[("default".to_owned(), 0, ppm)];
            assert_eq!(weights(all), if ppm > 0 { expected } else { &[] });
        }
    }
}

#[test]
fn a_split_that_left_its_bundle_starts_from_nothing() {
    let scheduled = || json!({ "split": "scheduled" });
    let whole = bundle(json!([target("a", json!("scheduled"))]), scheduled());
    let mut foreign = whole.clone();
    foreign.metadata.tenant = "other".to_owned();
    let mut all = Allocations::new();
    for bundle in [&whole, &foreign] {
        allocate(bundle, &mut all).expect("fits");
        set_weight(bundle, &mut all, "v2", &[], percent("60%")).expect("moves");
    }
    let row = |split: &str, canary| (split.to_owned(), canary, 0);
    let theirs = [row("a", 600_000), row("default", 600_000)];
    let mut without = whole.clone();
    without.releases.clear();
    let no_split = bundle(json!([]), json!({ "variant": "stable" }));
    for gone in [&without, &no_split] {
        allocate(gone, &mut all).expect("fits");
        assert_eq!(weights(&all), theirs, "another tenant keeps its own");
        assert_eq!(all.len(), 2, "nothing is kept of what is not there");
        allocate(&whole, &mut all).expect("fits");
        assert_eq!(weights(&all), theirs, "applying starts nothing");
        set_weight(&whole, &mut all, "v2", &[], percent("60%")).expect("moves");
    }
    // A split that is written for a while is the same split.
    let written = bundle(json!([target("a", json!({ "canary": "60%" }))]), scheduled());
    let before = all.clone();
    for bundle in [&written, &whole] {
        allocate(bundle, &mut all).expect("fits");
        assert_eq!(all, before, "no user is thrown out");
    }
}

/// The buckets of a variant in one split of a compiled table.
fn cohort(bundle: &Bundle, all: &Allocations, at: usize, variant: &str) -> BTreeSet<u32> {
    use crate::table::ArchivedChoiceRow;
    let table = Archive::build(&compile_rules(&[bundle], all).expect("compiles"), 1).expect("good");
    let table = table.table();
    let release = &table.releases[0];
    let choice = release.targets.get(at).map_or(&release.default, |target| &target.choices[0]);
    let ArchivedChoiceRow::Split(ranges) = choice else { return BTreeSet::new() };
    let held = ranges
        .iter()
        .filter(|range| table.variants[range.variant.to_native() as usize].name == variant);
    // A thousandth of the line is enough: weights below are multiples of it.
    held.flat_map(|range| (range.start.to_native()..range.end.to_native()).step_by(1000)).collect()
}

/// One revision: weights of canary and other, in thousandths, written for a target and for default
/// or left to the schedule; then a weight that a person sets, if anything is scheduled.
type Revision = (Option<(u32, u32)>, Option<(u32, u32)>, u32);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn invariants_m_and_s_hold_through_the_compiler(
        revisions in prop::collection::vec(
            (prop::option::of((0u32..500, 0u32..500)), prop::option::of((0u32..500, 0u32..500)), 0u32..600), 1..12),
    ) {
        let mut all = Allocations::new();
        let split = |weights: Option<(u32, u32)>| match weights {
            None => json!("scheduled"),
            Some((canary, other)) => {
                let text = |thousandths: u32| format!("{}.{}%", thousandths / 10, thousandths % 10);
                json!({ "canary": text(canary), "other": text(other) })
            }
        };
        let mut before: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); 4];
        for (of_target, of_default, moved) in revisions as Vec<Revision> {
            let bundle = bundle(json!([target("a", split(of_target))]), json!({ "split": split(of_default) }));
            let saved = all.clone();
            if allocate(&bundle, &mut all).is_err() {
                prop_assert_eq!(&all, &saved);
                continue;
            }
            let saved = all.clone();
            let weight = Percent::from_ppm(moved * 1000).expect("in range");
            if set_weight(&bundle, &mut all, "v2", &[], weight).is_err() {
                prop_assert_eq!(&all, &saved);
            }
            for (index, (at, variant)) in
                [(0, "canary"), (0, "other"), (1, "canary"), (1, "other")].into_iter().enumerate()
            {
                let now = cohort(&bundle, &all, at, variant);
                let written = if at == 0 { of_target } else { of_default };
                if let Some((canary, other)) = written {
                    let wanted = if variant == "canary" { canary } else { other };
                    prop_assert_eq!(now.len(), wanted as usize, "S");
                }
                if now.len() >= before[index].len() {
                    prop_assert!(before[index].is_subset(&now), "M of {} in {}", variant, at);
                }
                prop_assert!(now.iter().all(|bucket| *bucket < BUCKETS));
                before[index] = now;
            }
        }
    }
}

#[test]
fn cells_have_ranges_of_their_own() {
    let table = |cells: Value| json!([{ "id": "m", "nested": ["client.ip", "client.ip"], "table": { "a": cells, "x/y": { "*": { "split": "scheduled" } } } }]);
    let start = bundle(
        table(json!({ "b": { "weight": "5%" }, "*": { "weight": "1%" } })),
        json!({ "split": "scheduled" }),
    );
    let mut all = Allocations::new();
    allocate(&start, &mut all).expect("fits");
    let row = |split: &str, canary, other| (split.to_owned(), canary, other);
    assert_eq!(weights(&all), [row("m/a/*", 10_000, 0), row("m/a/b", 50_000, 0)]);
    let moved =
        set_weight(&start, &mut all, "v2", &["m/x~1y/*".to_owned()], percent("2%")).expect("moves");
    assert_eq!(moved.iter().map(|key| key.split.as_str()).collect::<Vec<_>>(), ["m/x~1y/*"]);
    for wrong in ["m", "m/a/b", "m/a"] {
        set_weight(&start, &mut all, "v2", &[wrong.to_owned()], percent("2%")).expect_err(wrong);
    }
    // A cell that grows keeps whom it has; one that leaves loses its ranges.
    let next = bundle(
        table(json!({ "b": { "split": { "canary": "7%", "other": "1%" } } })),
        json!({ "split": "scheduled" }),
    );
    allocate(&next, &mut all).expect("fits");
    assert_eq!(weights(&all), [row("m/a/b", 70_000, 10_000), row("m/x~1y/*", 20_000, 0)]);
    let rules = compile_rules(&[&next], &all).expect("compiles");
    assert_eq!(
        crate::compile::allocations_of(&rules)[&split_key("t", "v2", "m/a/b")],
        all[&split_key("t", "v2", "m/a/b")]
    );
    Archive::build(&rules, 1).expect("verifies");
}
