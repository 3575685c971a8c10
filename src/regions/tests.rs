//! Words about databases.

use halftone_core::signal::geo::GeoKind;

use super::*;

#[test]
fn an_old_database_is_called_so() {
    let state = GeoState {
        kind: GeoKind::City,
        database_type: "GeoLite2-City".to_owned(),
        built_unix_s: 1_000_000,
        bytes: 1,
        digest: "d".to_owned(),
    };
    for (age_s, expected) in [
        (0, "city, GeoLite2-City, 0 days old"),
        (24 * 3600, "city, GeoLite2-City, 1 day old"),
        (30 * 24 * 3600, "city, GeoLite2-City, 30 days old"),
        (31 * 24 * 3600, "city, GeoLite2-City, 31 days old: OLD, renew it"),
    ] {
        assert_eq!(database(&state, 1_000_000 + age_s), expected);
    }
    let region = Region {
        source: "city.mmdb".to_owned(),
        database: Some(state.clone()),
        difference: Some(Difference { added: 3, removed: 2, changed: 1, ..Difference::default() }),
        error: Some("cut short".to_owned()),
    };
    let told = "regions from city.mmdb\n  city, GeoLite2-City, 0 days old\n  \
                3 networks added, 2 removed, 1 changed, 0 as before\n  not used: cut short\n";
    assert_eq!(source(&region, 1_000_000), told);
    assert_eq!(database(&state, 5), "city, GeoLite2-City, 0 days old", "from the future");
}
