//! What is remembered, and for how long.

use super::*;

fn address(number: u32) -> IpAddr {
    number.to_be_bytes().into()
}

fn find(cache: &mut Cache, number: u32, generation: u64) -> (Rc<Record>, bool) {
    cache.find(&address(number).to_string(), generation).expect("an address")
}

#[test]
fn a_field_is_found_once() {
    let record = Record::new("0.0.0.1").expect("an address");
    let mut lookups = 0;
    for _ in 0..3 {
        for (field, value) in [(GeoField::City, Some("上海")), (GeoField::Isp, None)] {
            let found = record.field(field, GeoLang::ZhCn, |asked| {
                assert_eq!(asked, address(1));
                lookups += 1;
                value.map(Into::into)
            });
            assert_eq!(found, value);
        }
        assert_eq!(record.position(|_| Some((1.0, 2.0))), Some((1.0, 2.0)));
    }
    assert_eq!(lookups, 2);
    // Another language is another field.
    assert_eq!(
        record.field(GeoField::City, GeoLang::En, |_| Some("Shanghai".into())),
        Some("Shanghai")
    );
    assert_eq!(record.position(|_| None), Some((1.0, 2.0)));
}

#[test]
fn memory_is_bounded_and_what_is_asked_for_stays() {
    let mut cache = Cache::default();
    let favourite = u32::MAX;
    find(&mut cache, favourite, 0);
    for number in 0..100_000 {
        find(&mut cache, number, 0);
        if number % 100 == 0 {
            assert!(!find(&mut cache, favourite, 0).1, "forgotten after {number}");
        }
    }
    let held: usize =
        cache.shards.iter().map(|shard| shard.lately.len() + shard.before.len()).sum();
    assert!(held <= 2 * GEO_ADDRESSES_MAX, "{held}");
    assert!(find(&mut cache, 7, 0).1, "nobody asked for it lately");
}

#[test]
fn other_databases_are_other_records() {
    let mut cache = Cache::default();
    let (first, is_new) = find(&mut cache, 1, 0);
    assert!(is_new);
    assert!(Rc::ptr_eq(&first, &find(&mut cache, 1, 0).0));
    let (second, is_new) = find(&mut cache, 1, 1);
    assert!(is_new && !Rc::ptr_eq(&first, &second));
}

#[test]
fn what_is_no_address_is_not_remembered() {
    let mut cache = Cache::default();
    for text in ["", "localhost", "1.2.3", "unix", "1.2.3.4:80"] {
        assert!(cache.find(text, 0).is_none(), "{text}");
    }
    assert!(cache.shards.iter().all(|shard| shard.lately.is_empty() && shard.before.is_empty()));
    let (record, _) = cache.find("::ffff:1.2.3.4", 0).expect("an address");
    assert_eq!(record.address, IpAddr::from([1, 2, 3, 4]), "it is looked up as what it stands for");
}
