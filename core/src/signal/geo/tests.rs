//! Databases opened, asked, cut short and damaged.

use halftone_mmdb::{
    Value, Writer,
    shared::{BUILT_UNIX_S, PLACES, asn, city, record},
};
use proptest::prelude::*;

use super::*;

fn open(writer: &Writer) -> Database {
    Database::open(writer.finish()).expect("a sound database")
}

fn asked(databases: &Databases, address: &str, field: GeoField, lang: GeoLang) -> Option<String> {
    databases.field(address.parse().expect("an address"), field, lang).map(String::from)
}

fn both() -> Databases {
    let databases = Databases::default().with(Arc::new(open(&city(BUILT_UNIX_S))));
    databases.with(Arc::new(open(&asn(BUILT_UNIX_S))))
}

#[test]
fn every_field_is_found_where_it_is() {
    use GeoField::{
        Asn, City, Continent, ContinentName, Country, CountryName, Isp, Latitude, Longitude,
        Organization, Postal, Province, ProvinceCode, TimeZone,
    };
    use GeoLang::{En, Ja, ZhCn};
    let databases = both();
    for (address, field, lang, expected) in [
        ("198.51.100.7", City, ZhCn, Some("北京")),
        ("198.51.100.7", City, En, Some("Beijing")),
        ("198.51.100.7", City, Ja, None),
        ("198.51.100.77", City, ZhCn, Some("上海")),
        ("2001:db8:1::9", City, ZhCn, Some("上海")),
        ("198.51.100.140", Province, ZhCn, Some("广东")),
        ("198.51.100.140", ProvinceCode, En, Some("GD")),
        ("198.51.100.140", Country, En, Some("CN")),
        ("198.51.100.140", CountryName, ZhCn, Some("中国")),
        ("198.51.100.140", Continent, En, Some("AS")),
        ("198.51.100.140", ContinentName, ZhCn, Some("亚洲")),
        ("198.51.100.140", TimeZone, En, Some("Asia/Shanghai")),
        ("198.51.100.140", Postal, En, Some("100000")),
        ("198.51.100.140", Latitude, En, Some("22.5455")),
        ("203.0.113.9", Longitude, En, Some("-8.6107")),
        ("203.0.113.9", City, ZhCn, None),
        ("203.0.113.9", Asn, En, Some("64500")),
        ("198.51.100.250", Asn, En, Some("4134")),
        ("198.51.100.250", City, En, None),
        ("198.51.100.250", Organization, En, Some("Chinanet")),
        ("198.51.100.250", Isp, En, None),
        ("192.0.2.1", City, En, None),
        ("::ffff:198.51.100.7", Country, En, None),
    ] {
        let found = asked(&databases, address, field, lang);
        assert_eq!(found.as_deref(), expected, "{address} {field:?} {lang:?}");
    }
    let none = Databases::default();
    assert_eq!(asked(&none, "198.51.100.7", City, En), None);
    let only = databases.only(&[GeoKind::Asn]);
    assert_eq!(asked(&only, "198.51.100.7", City, En), None);
    assert_eq!(asked(&only, "198.51.100.7", Asn, En).as_deref(), Some("4134"));
}

#[test]
fn names_and_codes_are_those_of_bundles() {
    for (code, field) in GeoField::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(field.code()), code);
        assert_eq!(serde_json::to_value(field).expect("a word"), field.as_str());
    }
    for (code, lang) in GeoLang::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(lang.code()), code);
        assert_eq!(serde_json::to_value(lang).expect("a word"), lang.as_str());
    }
}

#[test]
fn kinds_are_told_by_their_type() {
    for (name, expected) in [
        ("GeoLite2-City", Some(GeoKind::City)),
        ("GeoIP2-City-Asia-Pacific", Some(GeoKind::City)),
        ("DBIP-City-Lite (compat=City)", Some(GeoKind::City)),
        ("GeoIP2-Enterprise", Some(GeoKind::City)),
        ("GeoIP2-Country", Some(GeoKind::Country)),
        ("GeoIP2-ISP", Some(GeoKind::Isp)),
        ("GeoLite2-ASN", Some(GeoKind::Asn)),
        ("GeoIP2-Anonymous-IP", None),
        ("Disp-Velocity", None),
    ] {
        assert_eq!(GeoKind::of_type(name), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_served_says_why() {
    let other = Writer::new("GeoIP2-Anonymous-IP", 1).network("10.0.0.0/8", Value::map([]));
    let error = Database::open(other.finish()).expect_err("another type");
    assert!(
        error.to_string().starts_with("its type is \"GeoIP2-Anonymous-IP\"; expected"),
        "{error}"
    );
    for bytes in [Vec::new(), b"\0".repeat(1 << 20), b"\xab\xcd\xefMaxMind.com".to_vec()] {
        let error = Database::open(bytes).expect_err("no database");
        assert!(error.to_string().starts_with("not a sound database"), "{error}");
    }
}

#[test]
fn a_value_of_another_type_is_not_there() {
    let value = Value::map([
        ("city", Value::map([("names", Value::map([("en", Value::U32(7))]))])),
        ("country", Value::from("CN")),
        ("subdivisions", Value::Array(Vec::new())),
        ("postal", Value::map([("code", Value::from("x".repeat(300).as_str()))])),
        (
            "location",
            Value::map([
                ("latitude", Value::Double(f64::NAN)),
                ("longitude", Value::Double(500.0)),
            ]),
        ),
    ]);
    let database = open(&Writer::new("Test-City", 1).network("10.0.0.0/8", value));
    let address = "10.1.2.3".parse().expect("an address");
    for field in GeoField::ALL.into_iter().filter(|field| *field != GeoField::Longitude) {
        assert_eq!(database.field(address, field, GeoLang::En), None, "{field:?}");
    }
    assert_eq!(database.position(address), None);
}

/// The reader agrees with a search of the list that was written, for every size of records.
#[test]
fn lookups_are_those_of_the_narrowest_network() {
    let networks = [
        ("10.0.0.0/8", 1u32),
        ("10.1.0.0/16", 2),
        ("10.1.2.0/31", 3),
        ("10.1.2.1/32", 4),
        ("10.200.0.0/13", 5),
        ("2001:db8::/32", 6),
        ("2001:db8:0:1::/64", 7),
        ("2001:db8::1/128", 8),
    ];
    for bits in [24, 28, 32] {
        let writer = networks.iter().fold(
            Writer::new("Test-ASN", 1).record_bits(bits),
            |writer, (network, number)| {
                let record = Value::map([("autonomous_system_number", Value::U32(*number))]);
                writer.network(network, record)
            },
        );
        let database = open(&writer);
        proptest!(|(raw: u32, low in 0u32..1024, six: bool)| {
            let address: IpAddr = match six {
                true => (0x2001_0db8_u128 << 96 | u128::from(raw & 3) << 64 | u128::from(low & 3)).to_be_bytes().into(),
                false => (10u32 << 24 | (raw & 0x00ff_0000) | (low << 2 >> 2)).to_be_bytes().into(),
            };
            let inside = networks.iter().filter(|(network, _)| {
                let (start, length) = halftone_mmdb::parse(network);
                crate::signal::trust::Cidr::new(start, length).contains(address)
            });
            let expected = inside.max_by_key(|(network, _)| halftone_mmdb::parse(network).1);
            let found = database.field(address, GeoField::Asn, GeoLang::En);
            prop_assert_eq!(found.map(String::from), expected.map(|(_, number)| number.to_string()));
        });
    }
}

/// Reads all there is; what opens must bear it.
fn read_all(database: &Database) -> usize {
    let addresses = PLACES.iter().map(|place| place.address);
    let addresses = addresses.chain(["0.0.0.0", "255.255.255.255", "::", "2002::1", "ffff::"]);
    addresses
        .flat_map(|address| GeoField::ALL.map(|field| (address, field)))
        .filter(|(address, field)| {
            let address = address.parse().expect("an address");
            let _ = database.position(address);
            database.field(address, *field, GeoLang::ZhCn).is_some()
        })
        .count()
}

#[test]
fn every_truncation_is_refused_or_harmless() {
    let file = city(BUILT_UNIX_S).finish();
    let mut opened = 0;
    for end in 0..file.len() {
        if let Ok(database) = Database::open(file[..end].to_vec()) {
            opened += 1;
            read_all(&database);
        }
    }
    assert_eq!(opened, 0, "metadata stands at the end: what is cut off is part of it");
    // Cut out of the middle, the metadata is whole.
    let metadata = file.windows(14).rposition(|found| found == b"\xab\xcd\xefMaxMind.com");
    let metadata = metadata.expect("a marker");
    for end in 0..metadata {
        let cut = [&file[..end], &file[metadata..]].concat();
        if let Ok(database) = Database::open(cut) {
            read_all(&database);
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a longer run is asked for by a variable")]
fn flipped_bytes_are_refused_or_harmless() {
    let flips: u64 =
        std::env::var("GEO_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let files = [city(BUILT_UNIX_S).finish(), asn(BUILT_UNIX_S).finish()];
    let whole = Database::open(files[0].clone()).map(|database| read_all(&database));
    let (mut opened, mut damaged) = (0, 0);
    let mut state = u64::from(std::process::id());
    println!("seed {state}");
    let mut next = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        usize::try_from(state >> 33).expect("31 bits")
    };
    for _ in 0..flips {
        let mut bytes = files[next() % 2].clone();
        for _ in 0..=next() % 3 {
            let at = next() % bytes.len();
            bytes[at] = u8::try_from(next() % 256).expect("a byte");
        }
        if let Ok(database) = Database::open(bytes) {
            opened += 1;
            damaged += u64::from(read_all(&database) != *whole.as_ref().expect("sound"));
            let _ = difference::difference(Some(&database), &database);
        }
    }
    println!("{opened} of {flips} open, {damaged} of them say something else");
    assert!(opened > 0 && opened < flips);
}

#[test]
fn a_tree_that_leads_back_is_refused() {
    // A node of 24 bits: both of its sides are the first node.
    let mut file =
        Writer::new("Test-City", 1).record_bits(24).network("::/1", record(&PLACES[0])).finish();
    file[3..6].copy_from_slice(&[0, 0, 0]);
    assert!(Database::open(file).is_err());
}
