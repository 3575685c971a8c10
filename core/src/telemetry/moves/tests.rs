//! What is counted is what happened, within bounds, and nothing of anybody is kept.

use super::*;

fn rule(variant: &str) -> Option<Rule> {
    Some(Rule { tenant: "t".into(), route: "r".into(), variant: variant.into(), ..Rule::default() })
}

fn moved(counter: &mut Counter, at: u32, user: u64) {
    counter.count(Some(user));
    let rules = || Move { from: rule("stable"), to: rule(&format!("v{at}")) };
    let sample = || Sample::of("GET", b"a", b"/", b"", Some(user));
    counter.moved(Some(([0; 5], [at, 0, 0, 0, 0])), Some(user), rules, sample);
}

#[test]
fn rows_are_bounded_and_the_rest_is_counted() {
    let mut counter = Counter::default();
    let more = u32::try_from(MOVES_MAX).expect("small") + 7;
    for round in 0..3 {
        for at in 0..more {
            moved(&mut counter, at, u64::from(at) + 1000 * round);
        }
        // Other rows of the same names are the same moves.
        counter.forget_rows();
    }
    let tally = &counter.tally;
    assert_eq!((tally.moves.len(), tally.not_shown), (MOVES_MAX, 21));
    assert_eq!((tally.requests, tally.moved_requests), (3 * u64::from(more), 3 * u64::from(more)));
    assert!(tally.moves.iter().all(|moved| moved.requests == 3 && moved.samples.len() == 3));
    let mut twice = tally.clone();
    twice.merge(tally);
    assert_eq!((twice.moves.len(), twice.not_shown), (MOVES_MAX, 42));
    assert_eq!(twice.moves[0].requests, 6);
    assert_eq!(twice.moved_users.count(), tally.moved_users.count(), "they are the same users");
    assert_eq!(twice.moves[0].samples.len(), 3);
}

#[test]
fn a_user_is_shown_once() {
    let mut counter = Counter::default();
    for user in [1, 1, 1, 2] {
        moved(&mut counter, 0, user);
    }
    let report = counter.tally.report();
    assert_eq!(report.moves[0].samples.len(), 2);
    assert_eq!(report.moves[0].users, UserCount { count: 2, exact: true });
    assert_eq!(report.users, UserCount { count: 2, exact: true });
}

#[test]
fn samples_have_no_values_of_the_query() {
    let check = |query: &str, expected: &str| {
        assert_eq!(Sample::of("GET", b"a", b"/p", query.as_bytes(), None).path, expected);
    };
    check("", "/p");
    check("token=s3cret&q=", "/p?token=…&q=…");
    check("s3cret", "/p");
    check("a=b=c", "/p?a=…");
    let long = "x".repeat(500);
    let sample = Sample::of("GET", long.as_bytes(), b"\xff", b"", Some(7));
    assert_eq!(sample.host.chars().count(), MOVE_TEXT_BYTES_MAX + 1);
    assert_eq!(
        (sample.path.as_str(), sample.user.as_deref()),
        ("\u{fffd}", Some("0000000000000007"))
    );
}

#[test]
fn a_hash_of_a_user_is_that_of_siphash() {
    // Of the reference implementation (veorq/SipHash, 1-3), key 00…0f, no input and its first bytes.
    let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
    assert_eq!(user_hash(key, b""), 0xabac_0158_050f_c4dc);
    assert_ne!(user_hash(key, b"u7"), user_hash([1, 2], b"u7"));
}
