//! The asker, without a thread and without a worker.

use std::{
    os::unix::net::UnixStream,
    sync::{Mutex, PoisonError},
};

use super::*;

const BUDGET: Duration = Duration::from_millis(2);

type Heard = Arc<Mutex<Vec<(Option<u32>, News)>>>;

fn asker() -> (Asker, Heard) {
    let heard = Heard::default();
    let told = Arc::clone(&heard);
    let tell = move |worker, news| {
        told.lock().unwrap_or_else(PoisonError::into_inner).push((worker, news));
    };
    (Asker::new(BUDGET, Box::new(tell)), heard)
}

fn key(id: &str) -> Key {
    Key { tenant: "shop".into(), id: id.into() }
}

fn ask(worker: u32, id: &str, at: Instant) -> Event {
    Event::Ask(Ask { worker, key: key(id), at })
}

fn connect(asker: &mut Asker, number: u64) -> Channel {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    asker.take(Event::Connected(number, Box::new(Channel::new(ours))));
    let theirs = Channel::new(theirs);
    theirs.set_timeouts(Some(Duration::from_secs(20)), None).expect("an option");
    theirs
}

/// Does what the thread does after it was told something.
fn turn(asker: &mut Asker, now: Instant) {
    asker.ask();
    asker.expire(now);
    asker.report();
}

fn told(heard: &Heard) -> Vec<(u32, Key, Outcome)> {
    let heard = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    let told = heard.into_iter().flat_map(|(worker, news)| match (worker, news) {
        (Some(worker), News::Told(told)) => {
            told.into_iter().map(|(key, outcome)| (worker, key, outcome)).collect()
        }
        _ => Vec::new(),
    });
    told.collect()
}

fn query(channel: &mut Channel) -> (u64, Vec<String>) {
    match channel.receive().expect("a frame").expect("open").frame {
        Frame::TagQuery { number, tenant, ids } => {
            assert_eq!(tenant, "shop");
            (number, ids)
        }
        other => panic!("{other:?}"),
    }
}

fn vip() -> Option<Tags> {
    Some([("level".to_owned(), "vip".to_owned())].into())
}

#[test]
fn an_id_in_flight_is_asked_for_once() {
    let (mut asker, heard) = asker();
    let mut control = connect(&mut asker, 7);
    let now = Instant::now();
    for (worker, id) in [(0, "u7"), (1, "u7"), (0, "u8")] {
        asker.take(ask(worker, id, now));
    }
    turn(&mut asker, now);
    let (number, ids) = query(&mut control);
    assert_eq!(ids, ["u7", "u8"]);
    asker.take(ask(2, "u8", now));
    turn(&mut asker, now);
    assert_eq!(told(&heard), []);
    let found = Some(vec![vip(), None]);
    asker.take(Event::Answered { peer: 7, number, revision: 4, found });
    turn(&mut asker, now);
    let yes = Outcome::Answered { revision: 4, tags: vip() };
    let no = Outcome::Answered { revision: 4, tags: None };
    let expected = [
        (0, key("u7"), yes.clone()),
        (0, key("u8"), no.clone()),
        (1, key("u7"), yes),
        (2, key("u8"), no),
    ];
    assert_eq!(told(&heard), expected);
    assert!(asker.flights.is_empty() && asker.peers[0].bytes == 0);
}

#[test]
fn who_waits_is_told_in_time_and_learns_what_comes_later() {
    let (mut asker, heard) = asker();
    let mut control = connect(&mut asker, 7);
    let now = Instant::now();
    asker.take(ask(0, "u7", now));
    turn(&mut asker, now);
    turn(&mut asker, now + BUDGET / 2);
    assert_eq!(told(&heard), []);
    turn(&mut asker, now + BUDGET);
    assert_eq!(told(&heard), [(0, key("u7"), Outcome::Late)]);
    // Another request, while the first question has no answer yet.
    let later = now + 2 * BUDGET;
    asker.take(ask(0, "u7", later));
    turn(&mut asker, later + BUDGET);
    assert_eq!(told(&heard), [(0, key("u7"), Outcome::Late)]);
    let (number, _) = query(&mut control);
    asker.take(Event::Answered { peer: 7, number, revision: 1, found: Some(vec![vip()]) });
    turn(&mut asker, later + BUDGET);
    assert_eq!(
        told(&heard),
        [(0, key("u7"), Outcome::Answered { revision: 1, tags: vip() })],
        "once"
    );
}

#[test]
fn where_nobody_can_answer_nobody_waits() {
    let (mut asker, heard) = asker();
    let now = Instant::now();
    asker.take(ask(0, "u7", now));
    turn(&mut asker, now);
    assert_eq!(told(&heard), [(0, key("u7"), Outcome::Unreachable)], "nobody is connected");
    let mut control = connect(&mut asker, 7);
    asker.take(ask(0, "u7", now));
    asker.take(ask(0, "u8", now));
    turn(&mut asker, now);
    let (number, _) = query(&mut control);
    asker.take(Event::Answered { peer: 7, number, revision: 0, found: None });
    turn(&mut asker, now);
    assert_eq!(told(&heard).len(), 2, "the store cannot be read");
    asker.take(ask(0, "u9", now));
    turn(&mut asker, now);
    asker.take(Event::Lost(7));
    turn(&mut asker, now);
    assert_eq!(told(&heard), [(0, key("u9"), Outcome::Unreachable)], "it is gone");
    assert!(asker.flights.is_empty());
}

#[test]
fn a_control_plane_that_does_not_answer_is_not_asked_for_ever() {
    let (mut asker, heard) = asker();
    let _control = connect(&mut asker, 7);
    let now = Instant::now();
    let long = "x".repeat(1_000);
    for at in 0..10_000 {
        asker.take(ask(0, &format!("{at}{long}"), now));
        turn(&mut asker, now);
    }
    let peer = &asker.peers[0];
    assert!(peer.open.len() <= TAG_QUERIES_MAX && peer.bytes <= TAG_QUERY_BYTES_MAX);
    let refused = told(&heard);
    assert!(refused.iter().all(|(.., outcome)| *outcome == Outcome::Unreachable));
    assert!(refused.len() > 9_000, "{}", refused.len());
}
