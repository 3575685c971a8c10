//! A City database of full size, made here: no such file is in the repository, and none is fetched.
//!
//! Owns its networks and records. Invariants: equal arguments make equal files; the later of two has other records for
//! one network in a hundred, and was built a day after.

use std::net::Ipv4Addr;

use halftone_mmdb::{Value, Writer};

/// Places that networks are in: as many as there are cities with a name in such files, about.
const PLACES: u32 = 50_000;
/// Where networks begin: `1.0.0.0`.
const FIRST: u32 = 0x0100_0000;
/// How many blocks of 2^24 addresses they cover: up to `223.255.255.255`.
const COVERED: u32 = 223;
/// When the earlier one was built, seconds since 1970.
const BUILT_UNIX_S: u64 = 1_767_225_600;
const DAY_S: u64 = 86_400;

/// Makes a database of so many networks, [`COVERED`] at least, that cover every address between their ends.
pub(super) fn city(networks: u32, later: bool) -> Vec<u8> {
    let built = BUILT_UNIX_S + if later { DAY_S } else { 0 };
    let mut writer = Writer::new("Bench-City", built);
    // Of the longest prefix that is needed there are enough; the rest are two of them together.
    let mut prefix = 8;
    while COVERED << (prefix - 8) < networks {
        prefix += 1;
    }
    let wide = (COVERED << (prefix - 8)) - networks;
    let mut address = FIRST;
    for number in 0..networks {
        let prefix = if number < wide { prefix - 1 } else { prefix };
        // A large step, so that neighbours are in different places.
        let place = number.wrapping_mul(7919) % PLACES;
        let moved = later && number % 100 == 7;
        let network = format!("{}/{prefix}", Ipv4Addr::from(address));
        writer = writer.network(&network, record(place + u32::from(moved)));
        address += 1 << (32 - prefix);
    }
    writer.finish()
}

fn record(place: u32) -> Value {
    let names =
        |en: String, zh: String| Value::map([("en", Value::Text(en)), ("zh-CN", Value::Text(zh))]);
    let province = place % 400;
    let country = province % 200;
    let code = |number: u32| {
        let letter = |number: u32| char::from(b'A' + u8::try_from(number % 26).unwrap_or(0));
        Value::Text([letter(number / 26), letter(number)].iter().collect())
    };
    let degrees = |number: u32, range: f64| {
        Value::Double((f64::from(number) * 0.0137).rem_euclid(2.0 * range) - range)
    };
    Value::map([
        (
            "city",
            Value::map([
                ("geoname_id", Value::U32(1_000_000 + place)),
                ("names", names(format!("City {place}"), format!("城市{place}"))),
            ]),
        ),
        (
            "country",
            Value::map([
                ("iso_code", code(country)),
                ("names", names(format!("Country {country}"), format!("国家{country}"))),
            ]),
        ),
        (
            "location",
            Value::map([
                ("accuracy_radius", Value::U16(20)),
                ("latitude", degrees(place, 90.0)),
                ("longitude", degrees(place, 180.0)),
            ]),
        ),
        (
            "subdivisions",
            Value::Array(vec![Value::map([
                ("iso_code", code(province)),
                ("names", names(format!("Province {province}"), format!("省{province}"))),
            ])]),
        ),
    ])
}
