//! Regions, from the list that the tests' database is made of: searched from its start, without any database.
//!
//! Owns a geohash by counting cells and a distance by the angle between two arrows from the centre of the earth: other
//! ways than those that are judged.

use halftone_mmdb::shared::{PLACES, Place};

fn place(address: &str) -> Option<&'static Place> {
    let address = address.parse().ok()?;
    PLACES.iter().find(|place| super::matches::is_in(address, place.network))
}

/// A field of an address, in a language.
pub(super) fn field(address: &str, field: &str, lang: Option<&str>) -> Option<String> {
    let chinese = lang == Some("zh-CN");
    let provider =
        |network: &str| super::matches::is_in(address.parse().expect("an address"), network);
    if field == "asn" {
        address.parse::<std::net::IpAddr>().ok()?;
        return match (provider("198.51.100.0/24"), provider("203.0.113.0/24")) {
            (true, _) => Some("4134".to_owned()),
            (_, true) => Some("64500".to_owned()),
            _ => None,
        };
    }
    let place = place(address)?;
    let name = match (field, chinese) {
        ("city", chinese) => place.city[usize::from(chinese)],
        ("province", chinese) => place.province[usize::from(chinese)],
        ("country", _) => place.country[2],
        ("latitude", _) => return Some(format!("{}", place.position.0)),
        _ => return None,
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// Where an address is.
pub(super) fn position(address: &str) -> Option<(f64, f64)> {
    place(address).map(|place| place.position)
}

/// Twelve letters: sixty bits, those of the column and of the row in turn.
pub(super) fn geohash((latitude, longitude): (f64, f64)) -> String {
    let cells = f64::from(1u32 << 30);
    let count = |at: f64, width: f64| {
        let cell = ((at + width / 2.0) / width * cells).floor().min(cells - 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number below 2^30"
        )]
        let cell = cell as u64;
        format!("{cell:030b}")
    };
    let (columns, rows) = (count(longitude, 360.0), count(latitude, 180.0));
    let bits: String = columns.chars().zip(rows.chars()).flat_map(|(x, y)| [x, y]).collect();
    let letters = "0123456789bcdefghjkmnpqrstuvwxyz";
    let letter = |at: usize| usize::from_str_radix(&bits[at..at + 5], 2).expect("five bits");
    (0..60).step_by(5).map(|at| char::from(letters.as_bytes()[letter(at)])).collect()
}

/// How far two places are apart, kilometres.
pub(super) fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let arrow = |(latitude, longitude): (f64, f64)| {
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    };
    let (a, b) = (arrow(a), arrow(b));
    let along: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let across = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let across = across.iter().map(|part| part * part).sum::<f64>().sqrt();
    across.atan2(along) * 6_371.008_8
}
