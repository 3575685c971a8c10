//! A worker's side: who is asked for, and who waits how long.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Wake},
};

use crossbeam::channel::{Receiver, unbounded};
use halftone_core::limits::TAG_MISSED_MS;

use super::*;

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn lookups() -> (Lookups, Receiver<Event>) {
    let (asker, asked) = unbounded();
    (Lookups::new(3, Some(asker)), asked)
}

/// Has everybody in the filter.
fn everyone(revision: u64) -> News {
    let mut filter = TagFilter::with_room("shop", 1);
    filter.words.fill(u64::MAX);
    News::Filter(Arc::new(Archive::build(&filter, revision).expect("a good table")))
}

fn key(id: &str) -> Key {
    Key { tenant: "shop".into(), id: id.into() }
}

/// Reads `level` of each of these; returns the values and who is wanted.
fn read(lookups: &Lookups, ids: &[&str]) -> (Vec<Option<String>>, Vec<Key>) {
    let reader = lookups.reader();
    let values = ids.iter().map(|id| reader.tag("shop", id, "level").map(str::to_owned)).collect();
    let (wanted, found) = reader.finish();
    lookups.count(&found);
    (values, wanted)
}

fn answered(level: &str) -> Outcome {
    let tags = Some([("level".to_owned(), level.to_owned())].into());
    Outcome::Answered { revision: 1, tags }
}

#[test]
fn an_id_is_asked_for_once_and_known_afterwards() {
    let (lookups, asked) = lookups();
    assert_eq!(read(&lookups, &["u7"]), (vec![None], Vec::new()), "there is no filter yet");
    lookups.take(everyone(1));
    let (values, wanted) = read(&lookups, &["u7", "u7", "u8"]);
    assert_eq!((values, &wanted), (vec![None, None, None], &vec![key("u7"), key("u8")]));
    let waker = Arc::new(Nobody).into();
    let mut context = Context::from_waker(&waker);
    let mut first = pin!(lookups.settle(&wanted, Instant::now()));
    let other = [key("u7")];
    let mut second = pin!(lookups.settle(&other, Instant::now()));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    let asks = asked.try_iter().filter_map(|event| match event {
        Event::Ask(ask) => Some(ask.key),
        _ => None,
    });
    let asks: Vec<Key> = asks.collect();
    assert_eq!(asks, wanted, "each once");
    lookups.take(News::Told(vec![(key("u7"), answered("vip"))]));
    assert!(first.as_mut().poll(&mut context).is_pending(), "one is missing yet");
    assert!(second.as_mut().poll(&mut context).is_ready());
    lookups.take(News::Told(vec![(key("u8"), Outcome::Late)]));
    assert!(first.as_mut().poll(&mut context).is_ready());
    assert_eq!(read(&lookups, &["u7", "u8"]), (vec![Some("vip".to_owned()), None], Vec::new()));
    // What comes too late counts for those that follow.
    lookups.take(News::Told(vec![(key("u8"), answered("new"))]));
    assert_eq!(read(&lookups, &["u8"]).0, [Some("new".to_owned())]);
    assert_eq!(
        lookups.counts(),
        [2, 1, 2, 0, 1],
        "cached, answered, late twice, unreachable, filtered"
    );
    lookups.take(everyone(2));
    assert_eq!(read(&lookups, &["u7"]).1, [key("u7")], "tags have changed");
}

#[test]
fn nobody_waits_where_nobody_answers() {
    let waker = Arc::new(Nobody).into();
    let mut context = Context::from_waker(&waker);
    let wanted = [key("u7")];
    let alone = Lookups::new(0, None);
    alone.take(everyone(1));
    assert!(pin!(alone.settle(&wanted, Instant::now())).poll(&mut context).is_ready());
    assert_eq!(read(&alone, &["u7"]), (vec![None], Vec::new()));
    assert_eq!(alone.counts(), [0, 0, 0, 2, 0]);
    for _ in 0..TAG_MISSED_MS / TICK_MS {
        alone.turn();
    }
    assert_eq!(read(&alone, &["u7"]).1, wanted, "after a while it is tried again");

    // An asker that is there and says nothing.
    let (lookups, _asked) = lookups();
    let mut waiting = pin!(lookups.settle(&wanted, Instant::now()));
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    for _ in 0..TAGS_MS_MAX / TICK_MS + 2 {
        lookups.turn();
    }
    assert!(waiting.as_mut().poll(&mut context).is_ready());
}
