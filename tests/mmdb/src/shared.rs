//! The databases that tests share: a few cities with Chinese names, and who runs their networks.
//!
//! Owns what lies where. Networks are those that documentation may use (RFC 5737, RFC 3849) and private ones.

use crate::{Value, Writer};

/// When they were built, in seconds since 1970: in 2026.
pub const BUILT_UNIX_S: u64 = 1_780_000_000;

/// A place of the shared database.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its network.
    pub network: &'static str,
    /// An address in it.
    pub address: &'static str,
    /// The name of its city in English, in Chinese.
    pub city: [&'static str; 2],
    /// The name of its province in English, in Chinese; its code.
    pub province: [&'static str; 3],
    /// The name of its country in English, in Chinese; its code.
    pub country: [&'static str; 3],
    /// Degrees to the north, to the east.
    pub position: (f64, f64),
}

const CHINA: [&str; 3] = ["China", "中国", "CN"];

/// The places. The last has no Chinese names.
pub const PLACES: [Place; 5] = [
    Place {
        network: "198.51.100.0/26",
        address: "198.51.100.7",
        city: ["Beijing", "北京"],
        province: ["Beijing", "北京市", "BJ"],
        country: CHINA,
        position: (39.9042, 116.4074),
    },
    Place {
        network: "198.51.100.64/26",
        address: "198.51.100.77",
        city: ["Shanghai", "上海"],
        province: ["Shanghai", "上海市", "SH"],
        country: CHINA,
        position: (31.2222, 121.4581),
    },
    Place {
        network: "198.51.100.128/26",
        address: "198.51.100.140",
        city: ["Shenzhen", "深圳"],
        province: ["Guangdong", "广东", "GD"],
        country: CHINA,
        position: (22.5455, 114.0683),
    },
    Place {
        network: "2001:db8:1::/48",
        address: "2001:db8:1::9",
        city: ["Shanghai", "上海"],
        province: ["Shanghai", "上海市", "SH"],
        country: CHINA,
        position: (31.2222, 121.4581),
    },
    Place {
        network: "203.0.113.0/24",
        address: "203.0.113.9",
        city: ["Porto", ""],
        province: ["Porto", "", "13"],
        country: ["Portugal", "", "PT"],
        position: (41.1494, -8.6107),
    },
];

fn names(english: &str, chinese: &str) -> Value {
    let all = [("en", english), ("zh-CN", chinese)];
    let some = all.into_iter().filter(|(_, name)| !name.is_empty());
    Value::map([("names", Value::map(some.map(|(lang, name)| (lang, Value::from(name)))))])
}

fn with(mut value: Value, name: &str, more: Value) -> Value {
    if let Value::Map(entries) = &mut value {
        entries.push((name.to_owned(), more));
    }
    value
}

/// Makes the record of a place, as a City database has it.
#[must_use]
pub fn record(place: &Place) -> Value {
    let [english, chinese, code] = place.country;
    let country = with(names(english, chinese), "iso_code", Value::from(code));
    let [english, chinese, code] = place.province;
    let province = with(names(english, chinese), "iso_code", Value::from(code));
    let is_asian = place.country == CHINA;
    let continent = if is_asian { ("Asia", "亚洲", "AS") } else { ("Europe", "欧洲", "EU") };
    let (latitude, longitude) = place.position;
    let zone = if is_asian { "Asia/Shanghai" } else { "Europe/Lisbon" };
    Value::map([
        ("city", names(place.city[0], place.city[1])),
        ("continent", with(names(continent.0, continent.1), "code", Value::from(continent.2))),
        ("country", country),
        (
            "location",
            Value::map([
                ("latitude", Value::Double(latitude)),
                ("longitude", Value::Double(longitude)),
                ("time_zone", Value::from(zone)),
            ]),
        ),
        ("postal", Value::map([("code", Value::from("100000"))])),
        ("subdivisions", Value::Array(vec![province])),
    ])
}

/// Makes a City database of the shared places, built at a time in seconds since 1970.
#[must_use]
pub fn city(built_unix_s: u64) -> Writer {
    let writer = Writer::new("Halftone-Test-City", built_unix_s);
    PLACES.iter().fold(writer, |writer, place| writer.network(place.network, record(place)))
}

/// Makes an ASN database: who runs some of those networks.
#[must_use]
pub fn asn(built_unix_s: u64) -> Writer {
    let record = |number, name: &str| {
        Value::map([
            ("autonomous_system_number", Value::U32(number)),
            ("autonomous_system_organization", Value::from(name)),
        ])
    };
    Writer::new("Halftone-Test-ASN", built_unix_s)
        .record_bits(24)
        .network("198.51.100.0/24", record(4134, "Chinanet"))
        .network("203.0.113.0/24", record(64_500, "Documentation & Sons"))
}
