//! Numbers and rows as they are read.

use halftone_core::telemetry::Latency;

use super::*;

#[test]
fn numbers_are_short() {
    let check = |found: String, expected: &str| assert_eq!(found, expected);
    check(share(1, 5), "20.0 %");
    check(share(2, 3), "66.7 %");
    check(share(0, 0), "-");
    check(share(u64::MAX, u64::MAX), "100.0 %");
    check(duration(999), "999 µs");
    check(duration(1_540), "1.5 ms");
    check(duration(12_000_000), "12.0 s");
}

#[test]
fn a_row_for_each_variant_that_had_requests() {
    let latency_us = Latency { p50: 400, p99: 1_200, ..Latency::default() };
    let stable = Variant { requests: 4, by_class: [0, 0, 3, 0, 0, 1], latency_us };
    let variants_counted = BTreeMap::from([
        ("shop/cart/canary".to_owned(), Variant::default()),
        ("shop/cart/stable".to_owned(), stable),
    ]);
    let table = variants(&variants_counted);
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    let [head, row] = rows.as_slice() else { panic!("two rows expected:\n{table}") };
    assert_eq!(head[0], "variant");
    assert_eq!(row[..8], ["shop/cart/stable", "4", "100.0", "%", "3", "0", "0", "1"], "{table}");
    assert_eq!(variants(&BTreeMap::new()), "no requests yet\n");
}

#[test]
fn a_gateway_that_is_away_says_why() {
    let away = Gateway { error: Some("refused".to_owned()), ..Gateway::default() };
    assert!(gateway(&away, 0).contains("away      refused"));
}

#[test]
fn a_gateway_names_its_keys_or_says_that_they_are_missing() {
    let keys = vec!["k2".to_owned(), "k1".to_owned()];
    let told = gateway(&Gateway { keys, ..Gateway::default() }, 0);
    assert!(told.contains("  keys      k2 signs, k1\n"), "{told}");
    let told = gateway(&Gateway { keys_missing: true, ..Gateway::default() }, 0);
    assert!(told.contains("  keys      none, and the rules need one"), "{told}");
    assert!(!gateway(&Gateway::default(), 0).contains("keys"));
}

#[test]
fn a_release_is_a_row_per_split_and_variant() {
    let shown = serde_json::json!({ "splits": [
        { "split": "qa", "variant": "canary", "exposures": { "canary": 7, "stable": 1 } },
        { "split": "matrix/上海/*", "scheduled": true, "exposures": { "stable": 1234 },
          "weights": { "canary": "0.5%", "stable": "99.5%" } },
        { "split": "default", "variant": "stable", "exposures": {} },
    ] });
    let expected = "\
split        variant  weight  requests
qa           canary      all         7
qa           stable                  1
matrix/上海/*  canary     0.5%         0
matrix/上海/*  stable    99.5%      1234
default      stable      all         0
";
    assert_eq!(splits(&shown), expected);
    let mut disabled = shown.clone();
    disabled["disabled"] = true.into();
    assert!(splits(&disabled).starts_with("disabled: everyone goes to stable"), "{disabled}");
}
