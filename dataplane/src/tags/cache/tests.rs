//! What is remembered, for how long, and within which bounds.

use super::*;

fn key(tenant: &str, id: &str) -> Key {
    Key { tenant: tenant.into(), id: id.into() }
}

fn level(value: &str) -> Option<Tags> {
    Some([("level".to_owned(), value.to_owned())].into())
}

/// A filter of `tenant` that has these ids.
fn filter(tenant: &str, revision: u64, ids: &[&str]) -> Arc<Archive<TagFilter>> {
    let mut filter = TagFilter::with_room(tenant, ids.len() as u64);
    ids.iter().for_each(|id| filter.insert(id));
    Arc::new(Archive::build(&filter, revision).expect("a good table"))
}

#[test]
fn who_is_not_in_the_filter_is_not_looked_for() {
    let mut cache = Cache::default();
    cache.insert(&key("shop", "u7"), 3, level("vip"), 0);
    assert_eq!(cache.find("shop", "u7", 0), Known::Never, "there is no filter yet");
    cache.follow(filter("shop", 3, &["u7"]));
    assert_eq!(cache.find("shop", "u7", 0), Known::No);
    assert_eq!(cache.find("shop", "u8", 0), Known::Never);
    assert_eq!(cache.find("blog", "u7", 0), Known::Never, "tenants are told apart");
}

#[test]
fn an_answer_is_remembered_until_its_revision_is_old() {
    let mut cache = Cache::default();
    let ids = ["u7", "u8"];
    cache.follow(filter("shop", 3, &ids));
    cache.follow(filter("blog", 9, &ids));
    cache.insert(&key("shop", "u7"), 3, level("vip"), 0);
    cache.insert(&key("shop", "u8"), 3, None, 0);
    assert_eq!(cache.find("shop", "u7", 1_000_000), Known::Yes(&level("vip").expect("tags")));
    assert_eq!(cache.find("blog", "u7", 0), Known::No, "tenants are told apart");
    let absent_ticks = TAG_ABSENT_MS / TICK_MS;
    assert_eq!(cache.find("shop", "u8", absent_ticks - 1), Known::Absent);
    assert_eq!(cache.find("shop", "u8", absent_ticks), Known::No);

    cache.insert(&key("blog", "u7"), 8, level("old"), 1);
    assert_eq!(cache.find("blog", "u7", 1), Known::No, "it was old when it came");
    cache.follow(filter("shop", 4, &ids));
    assert_eq!(cache.find("shop", "u7", 1), Known::No);
    cache.insert(&key("shop", "u7"), 5, level("new"), 1);
    assert!(matches!(cache.find("shop", "u7", 1), Known::Yes(_)), "newer than what was told");
    // A store that was restored counts anew.
    cache.follow(filter("shop", 2, &ids));
    assert_eq!(cache.find("shop", "u7", 1), Known::No);
}

#[test]
fn what_was_asked_in_vain_is_not_asked_again_at_once() {
    let mut cache = Cache::default();
    cache.follow(filter("shop", 3, &["u7"]));
    cache.miss(&key("shop", "u7"), 2, 0);
    assert_eq!(cache.find("shop", "u7", 9), Known::Missed(2));
    assert_eq!(cache.find("shop", "u7", TAG_MISSED_MS / TICK_MS), Known::No);
    cache.insert(&key("shop", "u7"), 3, level("vip"), 5);
    assert!(matches!(cache.find("shop", "u7", 6), Known::Yes(_)));
}

#[test]
fn memory_is_bounded_and_what_is_read_stays() {
    let mut cache = Cache::default();
    let mut everyone = TagFilter::with_room("shop", 1);
    everyone.words.fill(u64::MAX);
    cache.follow(Arc::new(Archive::build(&everyone, 1).expect("a good table")));
    let hot: Vec<String> = (0..1_000).map(|at| format!("hot{at}")).collect();
    for id in &hot {
        cache.insert(&key("shop", id), 1, level("vip"), 0);
    }
    for at in 0..300_000 {
        let (id, now) = (format!("cold{at}"), at as u64 / 1_000);
        cache.insert(&key("shop", &id), 1, None, now);
        assert_eq!(cache.find("shop", &id, now), Known::Absent, "who asked for it reads it");
        cache.find("shop", &hot[at % hot.len()], now);
    }
    let bytes: usize = cache.shards.iter().map(|shard| shard.bytes).sum();
    assert!(bytes <= TAG_CACHE_BYTES, "{bytes}");
    let counted = |shard: &Shard| shard.entries.iter().map(Entry::bytes).sum::<usize>();
    assert!(cache.shards.iter().all(|shard| counted(shard) == shard.bytes));
    let kept = hot.iter().filter(|id| cache.find("shop", id, 300) != Known::No).count();
    assert!(kept > 900, "{kept} of {}", hot.len());
}
