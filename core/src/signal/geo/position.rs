//! Positions on the globe: geohashes and distances.
//!
//! Owns both. A geohash is a cell that a position lies in, named by up to twelve letters, each of which halves it five
//! times (Niemeyer 2008; the letters are those of geohash.org). Distances are along great circles of a sphere (Sinnott
//! 1984, "Virtues of the Haversine"), which is off by 0.5 % at most.
//!
//! Invariants: a prefix of a geohash is the geohash of the larger cell around it; no position on the globe is a fault.

use crate::limits::GEOHASH_PRECISION_MAX;

/// The mean radius of the earth, kilometres (IUGG).
const RADIUS_KM: f64 = 6_371.008_8;
/// The furthest two positions can be apart, kilometres: half of a great circle, rounded up.
pub const FURTHEST_KM: f64 = 20_016.0;
const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// Bits of a letter.
const LETTER_BITS: usize = 5;

/// Returns whether a pair of degrees, north and east, is a position.
#[must_use]
pub fn is_on_globe((latitude, longitude): (f64, f64)) -> bool {
    (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude)
}

/// Returns the geohash of a position, all of its letters.
#[must_use]
pub fn geohash((latitude, longitude): (f64, f64)) -> [u8; GEOHASH_PRECISION_MAX] {
    let (mut north, mut east) = ((-90.0, 90.0), (-180.0, 180.0));
    let mut letters = [0; GEOHASH_PRECISION_MAX];
    let mut is_east = true;
    for letter in &mut letters {
        let mut value = 0;
        for _ in 0..LETTER_BITS {
            let (range, at) = if is_east { (&mut east, longitude) } else { (&mut north, latitude) };
            let middle: f64 = (range.0 + range.1) / 2.0;
            let is_above = at >= middle;
            *(if is_above { &mut range.0 } else { &mut range.1 }) = middle;
            value = value << 1 | usize::from(is_above);
            is_east = !is_east;
        }
        *letter = LETTERS[value];
    }
    letters
}

/// Returns how far two positions are apart, kilometres.
#[must_use]
pub fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let bend = a.0.to_radians().cos() * b.0.to_radians().cos();
    let chord = half(a.0, b.0) + bend * half(a.1, b.1);
    2.0 * RADIUS_KM * chord.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests;
