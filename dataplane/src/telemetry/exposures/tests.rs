//! Combinations met by decisions on compiled tables.

use std::sync::Arc;

use halftone_core::{
    compile::{Allocations, allocate, compile_instances, compile_rules},
    policy::Bundle,
    route::Remember,
    table::archive::Archive,
};
use serde_json::{Value, json};

use super::*;
use crate::tables::Loaded;

/// Tables of a bundle with these targets, as a gateway numbered them.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn tables(targets: Value, epoch: u64) -> Tables {
    let address = json!({ "addresses": ["127.0.0.1:1"] });
    let bundle: Bundle = serde_json::from_value(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "attributes": { "city": { "type": "string", "from": [{ "header": "x-city" }] } },
        "upstreams": { "u": { "variants": { "stable": address, "canary": address } } },
        "routes": [{ "name": "all", "rules": [{ "release": "r" }] }],
        "releases": { "r": { "upstream": "u", "targets": targets, "default": { "split": "scheduled" } } },
    }))
    .expect("the shape is right");
    let mut allocations = Allocations::new();
    allocate(&bundle, &mut allocations).expect("weights fit");
    let rules = compile_rules(&[&bundle], &allocations).expect("compiles");
    let instances = compile_instances(&[&bundle], &[], &|_| Vec::new());
    Tables::join(
        Arc::new(Loaded { epoch, archive: Archive::build(&rules, 1).expect("verifies") }),
        Arc::new(Loaded { epoch, archive: Archive::build(&instances, 1).expect("verifies") }),
    )
}

fn decision(reason: Reason, target: Option<u32>, cell: Option<u32>) -> Decision {
    let remember = Remember::default();
    Decision {
        route: 0,
        release: Some(0),
        variant: 0,
        reason,
        target,
        cell,
        bucket: None,
        remember,
        chain: None,
    }
}

fn matrix() -> Value {
    json!({ "id": "matrix", "nested": ["city"], "table": { "上海": { "weight": "20%" }, "*": { "weight": "5%" } } })
}

#[test]
fn combinations_keep_their_counts_when_tables_change() {
    let qa = json!({ "id": "qa", "when": "true", "variant": "canary" });
    let first = tables(json!([qa, matrix()]), 1);
    let second = tables(json!([matrix()]), 2);
    let mut exposures = Exposures::default();
    let row = |tables: &Tables, name: &str| {
        let variants = &tables.rules().table.variants;
        let at =
            variants.iter().position(|variant| variant.name.as_str() == name).expect("a variant");
        u32::try_from(at).expect("few")
    };
    let (stable, canary) = (row(&first, "stable"), row(&first, "canary"));
    let cell = |tables: &Tables, target: usize, name: &str| {
        let nested = tables.rules().table.releases[0].targets[target].nested.as_ref();
        let at = nested.expect("cells").cells.iter().position(|cell| cell.as_str() == name);
        Some(u32::try_from(at.expect("a cell")).expect("few"))
    };
    let met = Reason::TargetingMatch;
    exposures.record(&first, &decision(met, Some(0), None), canary);
    for _ in 0..3 {
        let shanghai = cell(&first, 1, "上海");
        exposures.record(&first, &decision(met, Some(1), shanghai), canary);
    }
    exposures.record(&second, &decision(met, Some(0), cell(&second, 0, "上海")), canary);
    exposures.record(&second, &decision(met, Some(0), cell(&second, 0, "*")), stable);
    // A straggler of the older table is told by its names, and not by its rows.
    exposures.record(&first, &decision(met, Some(0), None), canary);
    exposures.record(&second, &decision(Reason::Split, None, None), stable);
    for word in [Reason::Override, Reason::Cached, Reason::Disabled, Reason::Static] {
        exposures.record(&second, &decision(word, None, None), canary);
    }
    let mut sum = Sum::default();
    sum.add(exposures.snapshot());
    sum.add(exposures.snapshot());
    let expected = [
        ("t/r/default", "stable", 2),
        ("t/r/matrix/*", "stable", 2),
        ("t/r/matrix/上海", "canary", 8),
        ("t/r/qa", "canary", 4),
    ];
    let found = sum.splits.iter().flat_map(|(split, variants)| {
        variants.iter().map(move |(variant, count)| (split.as_str(), variant.as_str(), *count))
    });
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(sum.others, 0);
}

#[test]
fn names_have_bounded_room() {
    let mut sum = Sum::default();
    let long = "x".repeat(EXPOSURE_BYTES_MAX / 2);
    let counts = (0..3).map(|at| (format!("v\0{at}{long}"), 5)).collect();
    sum.add(Copied { counts, others: 1 });
    assert_eq!((sum.splits.len(), sum.others), (1, 11));
}
