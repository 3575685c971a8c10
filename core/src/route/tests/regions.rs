//! Decisions by where a caller is.

use serde_json::json;

use super::*;
use crate::signal::geo::{GeoField, GeoLang, GeoReader};

/// An address in Shanghai, or one of which only the country is known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Address {
    Shanghai,
    Somewhere,
}

impl GeoReader for Address {
    fn field(&self, field: GeoField, lang: GeoLang) -> Option<&str> {
        match (self, field, lang) {
            (Self::Shanghai, GeoField::City, GeoLang::ZhCn) => Some("上海"),
            (Self::Shanghai, GeoField::City, GeoLang::En) => Some("Shanghai"),
            (Self::Shanghai, GeoField::Asn, _) => Some("4134"),
            (Self::Shanghai, GeoField::Latitude, _) => Some("31.2222"),
            (_, GeoField::Country, _) => Some("CN"),
            _ => None,
        }
    }

    fn position(&self) -> Option<(f64, f64)> {
        (*self == Self::Shanghai).then_some((31.2222, 121.4581))
    }
}

fn matches(when: &str, address: Address, said: &[(&str, &str)]) -> bool {
    let table = table(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "attributes": {
            "geo.city": { "type": "string", "alias": "city", "from": [{ "geoip": "city", "lang": "zh-CN" }] },
            "geo.name": { "type": "string", "alias": "named", "from": [
                { "geoip": "city", "lang": "ja" }, { "geoip": "city" }, { "geoip": "country" } ] },
            "geo.asn": { "type": "int", "from": [{ "geoip": "asn" }] },
            "geo.degrees": { "type": "double", "alias": "degrees", "from": [{ "geoip": "latitude" }] },
            "geo.cell": { "type": "string", "alias": "cell", "from": [{ "geohash": 5 }] },
            "geo.lat": { "type": "double", "from": [{ "header": "x-lat" }] },
            "geo.lon": { "type": "double", "from": [{ "header": "x-lon" }] },
        },
        "upstreams": { "u": upstream() },
        "routes": [{ "name": "r", "rules": [{ "release": "v" }] }],
        "releases": { "v": { "upstream": "u", "default": { "variant": "stable" },
            "targets": [{ "id": "t", "when": when, "variant": "canary" }] } },
    }));
    let headers: Vec<Header<'_>> =
        said.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let bare = Bare::default();
    let view = RequestView { headers: &headers, trusted: true, geo: &address, ..bare.view() };
    let decision = route(table.rules(), &view, 0, 0).expect("a route");
    decision.reason == Reason::TargetingMatch
}

#[test]
fn a_region_decides() {
    use Address::{Shanghai, Somewhere};
    let beijing = [("x-lat", "39.9042"), ("x-lon", "116.4074")];
    for (when, address, said, expected) in [
        ("city in ['北京','上海']", Shanghai, &[][..], true),
        ("city in [\"北京\",\"上海\"]", Shanghai, &[], true),
        ("city in ['北京','上海']", Somewhere, &[], false),
        ("has(city)", Somewhere, &[], false),
        ("named == 'Shanghai'", Shanghai, &[], true),
        ("named == 'CN'", Somewhere, &[], true),
        ("geo.asn == 4134 && degrees > 31.0", Shanghai, &[], true),
        ("geo.within(31.2, 121.5, 10)", Shanghai, &[], true),
        ("geo.within(31.2, 121.5, 1)", Shanghai, &[], false),
        ("!geo.within(31.2, 121.5, 10)", Somewhere, &[], false),
        ("geo.within(-31.2, -121.5, 20016)", Shanghai, &[], true),
        ("geohash.startsWith('wtw3')", Shanghai, &[], true),
        ("size(geohash) == 12 && cell == 'wtw3e'", Shanghai, &[], true),
        ("has(geohash) || has(cell)", Somewhere, &[], false),
        // What the request says comes first, when it says both.
        ("geohash.startsWith('wx4g0')", Shanghai, &beijing, true),
        ("geo.within(39.9, 116.4, 5.5) && cell == 'wx4g0'", Somewhere, &beijing, true),
        ("geo.within(31.2, 121.5, 10)", Shanghai, &beijing[..1], true),
        ("geo.lat > 39.0 && geo.lon < 117.0", Somewhere, &beijing, true),
        // What is no position is neither here nor there.
        ("geo.within(31.2, 121.5, 10)", Shanghai, &[("x-lat", "91"), ("x-lon", "0")], false),
        ("!geo.within(31.2, 121.5, 10)", Shanghai, &[("x-lat", "nan"), ("x-lon", "0")], false),
        ("has(cell)", Shanghai, &[("x-lat", "1"), ("x-lon", "east")], false),
    ] {
        assert_eq!(matches(when, address, said), expected, "{when} {address:?} {said:?}");
    }
}
