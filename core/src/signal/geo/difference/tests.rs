//! Databases compared.

use halftone_mmdb::{Value, Writer};

use super::*;

fn database(networks: &[(&str, u32)]) -> Database {
    let writer = networks.iter().fold(Writer::new("Test-ASN", 1), |writer, (network, number)| {
        let name = Value::Array(vec![Value::from("x"), Value::Double(0.5)]);
        let record = [("autonomous_system_number", Value::U32(*number)), ("names", name)];
        writer.network(network, Value::map(record))
    });
    Database::open(writer.finish()).expect("sound")
}

#[test]
fn networks_are_counted_by_what_became_of_them() {
    let old = database(&[("10.0.0.0/8", 1), ("192.0.2.0/24", 2), ("2001:db8::/32", 3)]);
    for (networks, expected) in [
        (&[("10.0.0.0/8", 1), ("192.0.2.0/24", 2), ("2001:db8::/32", 3)][..], (0, 0, 0, 3)),
        (&[("10.0.0.0/8", 7), ("192.0.2.0/24", 2), ("2001:db8::/32", 3)], (0, 0, 1, 2)),
        (&[("192.0.2.0/24", 2), ("2001:db8::/32", 3)], (0, 1, 0, 2)),
        (
            &[("9.0.0.0/8", 1), ("10.0.0.0/8", 1), ("192.0.2.0/24", 2), ("2001:db8::/32", 3)],
            (1, 0, 0, 3),
        ),
        (
            &[("10.0.0.0/9", 1), ("10.128.0.0/9", 1), ("192.0.2.0/24", 2), ("2001:db8::/32", 3)],
            (2, 1, 0, 2),
        ),
        (&[("203.0.113.0/24", 9)], (1, 3, 0, 0)),
    ] {
        let found = difference(Some(&old), &database(networks));
        let counts = (found.added, found.removed, found.changed, found.same);
        assert_eq!(counts, expected, "{networks:?}");
        assert!(!found.is_partial);
    }
    let first = difference(None, &old);
    assert_eq!(first.to_string(), "3 networks added, 0 removed, 0 changed, 0 as before");
}

#[test]
fn the_work_is_bounded() {
    let networks: Vec<(String, u32)> = (0..50).map(|at| (format!("10.0.{at}.0/24"), at)).collect();
    let networks: Vec<(&str, u32)> =
        networks.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    let database = database(&networks);
    let found = difference_within(Some(&database), &database, 20);
    assert_eq!((found.same, found.is_partial), (20, true));
    assert!(found.to_string().starts_with("at least 0 networks added"), "{found}");
    let found = difference_within(Some(&database), &database, 50);
    assert_eq!((found.same, found.is_partial), (50, false));
}
