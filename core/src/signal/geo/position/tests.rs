//! Geohashes against published ones, distances against known ones.

use proptest::prelude::*;

use super::*;

fn letters(position: (f64, f64)) -> String {
    String::from_utf8(geohash(position).to_vec()).expect("letters")
}

/// Of geohash.org, of Wikipedia ("Geohash"), of Redis' documentation (GEOHASH) and of Elasticsearch's (geohash grid).
#[test]
fn published_geohashes() {
    for (position, expected) in [
        ((57.64911, 10.40744), "u4pruydqqvj"),
        ((42.605, -5.603), "ezs42"),
        ((38.115556, 13.361389), "sqc8b49rny0"),
        ((37.502669, 15.087269), "sqdtr74hyu0"),
        ((48.858, 2.294), "u09tun"),
        ((31.2222, 121.4581), "wtw3"),
        ((0.0, 0.0), "s0000000000"),
        ((-90.0, -180.0), "000000000000"),
        ((90.0, 180.0), "zzzzzzzzzzzz"),
    ] {
        let found = letters(position);
        // Redis pads the last letter.
        let length = expected.len().min(10);
        assert_eq!(found[..length], expected[..length], "{position:?} is in {found}");
    }
}

#[test]
fn known_distances() {
    for (a, b, km) in [
        ((38.115556, 13.361389), (37.502669, 15.087269), 166.3),
        ((39.9042, 116.4074), (31.2222, 121.4581), 1068.0),
        ((51.5007, 0.1246), (40.6892, 74.0445), 5574.8),
        ((0.0, 0.0), (0.0, 180.0), 20_015.1),
        ((90.0, 0.0), (-90.0, 77.0), 20_015.1),
        ((0.0, 179.5), (0.0, -179.5), 111.2),
        ((7.0, 7.0), (7.0, 7.0), 0.0),
    ] {
        let found = distance_km(a, b);
        assert!((found - km).abs() <= km * 0.002, "{a:?} {b:?} are {found} km apart");
    }
}

proptest! {
    #[test]
    fn a_geohash_is_the_cell_of_its_position(latitude in -90.0f64..=90.0, longitude in -180.0f64..=180.0) {
        let found = letters((latitude, longitude));
        // Decoded by another way: bits in turn, as weights of halves.
        let bits: Vec<bool> = found
            .bytes()
            .flat_map(|letter| {
                let value = LETTERS.iter().position(|known| *known == letter).expect("a letter");
                (0..5).rev().map(move |bit| value >> bit & 1 == 1)
            })
            .collect();
        let side = |first: usize, width: f64| {
            let mut weight = width;
            let turns = bits.iter().skip(first).step_by(2);
            let low = turns.fold(-width / 2.0, |low, bit| {
                weight /= 2.0;
                if *bit { low + weight } else { low }
            });
            (low, low + weight)
        };
        let (east, north) = (side(0, 360.0), side(1, 180.0));
        prop_assert!(east.0 <= longitude && longitude <= east.1, "{east:?}");
        prop_assert!(north.0 <= latitude && latitude <= north.1, "{north:?}");
    }

    #[test]
    fn distances_are_those_of_a_sphere(
        a in (-90.0f64..=90.0, -180.0f64..=180.0),
        b in (-90.0f64..=90.0, -180.0f64..=180.0),
        c in (-90.0f64..=90.0, -180.0f64..=180.0),
    ) {
        let found = distance_km(a, b);
        prop_assert!((0.0..=FURTHEST_KM).contains(&found));
        prop_assert!((found - distance_km(b, a)).abs() < 1e-6);
        prop_assert!(distance_km(a, c) <= found + distance_km(b, c) + 1e-6);
        // By the angle between vectors, which is as good where it is not tiny.
        let vector = |(latitude, longitude): (f64, f64)| {
            let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
            [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
        };
        let (p, q) = (vector(a), vector(b));
        let cosine: f64 = p.iter().zip(q).map(|(p, q)| p * q).sum();
        let other = 6_371.008_8 * cosine.clamp(-1.0, 1.0).acos();
        prop_assert!((found - other).abs() < 1.0, "{found} and {other}");
    }
}
