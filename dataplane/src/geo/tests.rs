//! A worker's view of regions.

use halftone_core::signal::geo::{Database, GeoKind};
use halftone_mmdb::{
    Writer,
    shared::{BUILT_UNIX_S, PLACES, city, record},
};

use super::*;

fn database(writer: &Writer) -> Arc<Database> {
    Arc::new(Database::open(writer.finish()).expect("sound"))
}

fn city_of(regions: &Regions, client_ip: &str) -> Option<String> {
    let reader = regions.reader(client_ip);
    assert_eq!(
        reader.field(GeoField::City, GeoLang::ZhCn),
        reader.field(GeoField::City, GeoLang::ZhCn)
    );
    reader.field(GeoField::City, GeoLang::ZhCn).map(str::to_owned)
}

#[test]
fn an_address_is_looked_up_once_per_generation() {
    let cell = Arc::new(EpochCell::new(Databases::default()));
    let regions = Regions::new(Arc::clone(&cell));
    assert_eq!(city_of(&regions, "198.51.100.7"), None);
    assert_eq!(regions.counts(), [0, 0, 0, 1]);
    cell.publish(Databases::default().with(database(&city(BUILT_UNIX_S))));
    for _ in 0..3 {
        assert_eq!(city_of(&regions, "198.51.100.7").as_deref(), Some("北京"));
    }
    assert_eq!(city_of(&regions, ""), None);
    assert_eq!(city_of(&regions, "192.0.2.1"), None);
    assert_eq!(regions.counts(), [2, 2, 1, 1]);
    assert_eq!(regions.reader("198.51.100.7").position(), Some((39.9042, 116.4074)));

    // The same address, elsewhere in the next database.
    let moved = Writer::new("Test-City", 1).network("198.51.100.0/26", record(&PLACES[1]));
    let reader = regions.reader("198.51.100.7");
    assert_eq!(reader.field(GeoField::City, GeoLang::ZhCn), Some("北京"));
    cell.publish(Databases::default().with(database(&moved)));
    assert_eq!(
        reader.field(GeoField::City, GeoLang::En),
        Some("Beijing"),
        "a decision keeps its own"
    );
    assert_eq!(city_of(&regions, "198.51.100.7").as_deref(), Some("上海"));
}

#[test]
fn databases_that_were_replaced_are_let_go() {
    let cell = Arc::new(EpochCell::new(Databases::default().with(database(&city(1)))));
    let regions = Regions::new(Arc::clone(&cell));
    let old = Arc::downgrade(cell.load().of_kind(GeoKind::City).expect("one"));
    city_of(&regions, "198.51.100.7");
    cell.publish(Databases::default());
    assert!(old.upgrade().is_some());
    regions.follow();
    assert!(old.upgrade().is_none());
}

/// Whatever text stands for an address.
#[test]
fn an_address_is_text_from_anywhere() {
    let cell = Arc::new(EpochCell::new(Databases::default().with(database(&city(1)))));
    let regions = Regions::new(cell);
    for text in ["unix", "1.2.3", "::ffff:198.51.100.7", "[::1]", "2001:db8:1::9", "上海"] {
        let found = city_of(&regions, text);
        let expected = match text {
            "::ffff:198.51.100.7" => Some("北京"),
            "2001:db8:1::9" => Some("上海"),
            _ => None,
        };
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}
