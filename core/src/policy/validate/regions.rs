//! Attributes that come from regions.
//!
//! Owns what sources with `geoip` and `geohash` may say, and the two attributes that say where a caller is.

use super::Found;
use crate::{
    limits::GEOHASH_PRECISION_MAX,
    policy::{Attribute, AttributeType, Bundle, GEO_LATITUDE, GEO_LONGITUDE, Source, USER_ID},
    signal::geo::GeoField,
};

/// Checks one attribute.
pub(super) fn check(
    found: &mut Found,
    path: &str,
    name: &str,
    attribute: &Attribute,
    bundle: &Bundle,
) {
    for (index, source) in attribute.from.iter().enumerate() {
        let path = format!("{path}.from[{index}]");
        check_source(found, &path, attribute.kind, source);
        if name == USER_ID && source.geohash.is_some() {
            found.add(&format!("{path}.geohash"), "many users share a cell: it names none of them");
        }
    }
    let other = match name {
        GEO_LATITUDE => GEO_LONGITUDE,
        GEO_LONGITUDE => GEO_LATITUDE,
        _ => return,
    };
    if !bundle.attributes.contains_key(other) {
        let message = format!("a position has two sides: declare {other}, too");
        found.undeclared(path, other, &message);
    }
    if attribute.kind != AttributeType::Double {
        found.add(&format!("{path}.type"), "expected double: it is an angle in degrees");
    }
    for (index, source) in attribute.from.iter().enumerate() {
        if source.geoip.is_some() || source.geohash.is_some() {
            let message = "where the address is stands in by itself when a request says nothing";
            found.add(&format!("{path}.from[{index}]"), message);
        }
    }
}

fn check_source(found: &mut Found, path: &str, kind: AttributeType, source: &Source) {
    let wanted = source.geoip.map(|field| (field.as_str(), field.kind()));
    let wanted = wanted.or(source.geohash.map(|_| ("geohash", AttributeType::String)));
    if let Some((field, wanted)) = wanted.filter(|(_, wanted)| *wanted != kind) {
        let (wanted, kind) = (wanted.in_expressions(), kind.in_expressions());
        found.add(path, format!("{field} is of type {wanted}, the attribute is of type {kind}"));
    }
    if source.lang.is_some() {
        let path = format!("{path}.lang");
        match source.geoip {
            None => found.add(&path, "only names that come from geoip have a language"),
            Some(field) if !field.has_languages() => {
                let named = GeoField::ALL.into_iter().filter(|field| field.has_languages());
                let named: Vec<&str> = named.map(GeoField::as_str).collect();
                let message = format!("only {} have a language", named.join(", "));
                found.add(&path, message);
            }
            Some(_) => {}
        }
    }
    if let Some(precision) = source.geohash
        && !(1..=GEOHASH_PRECISION_MAX).contains(&(precision as usize))
    {
        let message = format!("expected 1 to {GEOHASH_PRECISION_MAX} letters, got {precision}");
        found.add(&format!("{path}.geohash"), message);
    }
}
