//! Splits: every user meets the version that their bucket says, exactly.

use std::{collections::BTreeSet, thread};

use halftone_core::bucket::bucket;
use serde_json::json;

use crate::{
    on_each_engine,
    readme::CANARY_BUNDLE,
    stack::{Engine, Stack, get},
    upstream::Upstream,
};

/// The release of the bundle: the salt of its buckets.
const SALT: &[u8] = b"hello-v2";
/// Callers at once.
const CALLERS: usize = 4;

fn user(number: usize) -> String {
    format!("user-{number}")
}

/// Returns the users among the first `users` whose bucket lies below `ppm`.
fn below(ppm: u32, users: usize) -> BTreeSet<usize> {
    (0..users).filter(|number| bucket(SALT, user(*number).as_bytes()) < ppm).collect()
}

/// Sends a request of each of the first `users` and returns those that met the canary.
fn meet_the_canary(
    stack: &Stack,
    users: usize,
    field: impl Fn(&str) -> (&'static str, String) + Sync,
) -> BTreeSet<usize> {
    let ask = |first: usize| {
        let mut connection = stack.connect();
        let mut met = BTreeSet::new();
        for number in (first..users).step_by(CALLERS) {
            let (name, value) = field(&user(number));
            match connection.send(get("/", &[(name, &value)])).answer().text().as_str() {
                "canary" => drop(met.insert(number)),
                other => assert_eq!(other, "stable"),
            }
        }
        met
    };
    thread::scope(|scope| {
        let ask = &ask;
        let callers: Vec<_> = (0..CALLERS).map(|first| scope.spawn(move || ask(first))).collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("a caller ends well")).collect()
    })
}

struct Versions {
    _stable: Upstream,
    _canary: Upstream,
}

fn start(engine: Engine, arguments: &[&str]) -> (Stack, Versions) {
    let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
    let stack = Stack::start(engine, arguments);
    stack.api.register("hello", stable.address(), &json!({}));
    stack.api.register("hello", canary.address(), &json!({ "group": "canary" }));
    stack.api.put_bundle("demo", CANARY_BUNDLE);
    (stack, Versions { _stable: stable, _canary: canary })
}

on_each_engine! {
    fn ten_thousand_users_meet_what_their_buckets_say(engine: Engine) {
        let (stack, _versions) = start(engine, &[]);
        let met = meet_the_canary(&stack, 10_000, |user| ("x-user-id", user.to_owned()));
        assert_eq!(met, below(200_000, 10_000));
    }

    /// A ramp is one way: who had the canary keeps it, over a new bundle and a new process.
    fn a_ramp_takes_nobody_out(engine: Engine) {
        let (stack, _versions) = start(engine, &[]);
        let by_cookie = |user: &str| ("Cookie", format!("theme=dark; uid={user}"));
        let at_20 = meet_the_canary(&stack, 500, by_cookie);
        assert_eq!(at_20, below(200_000, 500));
        stack.api.put_bundle("demo", &CANARY_BUNDLE.replace("20%", "50%"));
        let at_50 = meet_the_canary(&stack, 500, by_cookie);
        assert_eq!(at_50, below(500_000, 500));
        assert!(at_20.is_subset(&at_50));
        stack.api.put_bundle("demo", &CANARY_BUNDLE.replace("20%", "0%"));
        assert!(meet_the_canary(&stack, 500, by_cookie).is_empty());
    }

    /// Without a user, the caller's address decides: one caller, one version.
    fn the_next_unit_stands_in(engine: Engine) {
        let (stack, _versions) = start(engine, &[]);
        let text = |fields: &[(&str, &str)]| stack.get(fields).text();
        let expected = |unit: &str| if bucket(SALT, unit.as_bytes()) < 200_000 { "canary" } else { "stable" };
        assert_eq!(text(&[]), expected("127.0.0.1"));
        for address in ["203.0.113.7", "203.0.113.8", "2001:db8::7", "198.51.100.23"] {
            assert_eq!(text(&[("X-Forwarded-For", address)]), expected(address), "{address}");
        }
    }
}
