//! The simulator: the worker's own code on an engine of the test, under seeded faults.
//!
//! Owns a third engine of the seam whose order, time and failures are drawn from a seed, callers and
//! instances on it, and a model of what must be true. Does not simulate the gateway: from `worker::run`
//! down everything is the code that serves. `HALFTONE_SIM_SEED=n` runs that seed alone,
//! `HALFTONE_SIM_SEEDS=n` as many as that, `HALFTONE_SIM_TRACE=1` prints every step.
//!
//! What must be true: an answer is the one to its request, byte for byte; no cut answer looks whole; a
//! request reaches an instance twice only if that was allowed; every request has one line in the log;
//! a drain ends and leaves no task, socket or operation behind.

mod caller;
mod chance;
mod engine;
mod message;
mod model;
mod service;
mod socket;
mod stage;
mod world;

use std::collections::BTreeMap;

/// Seeds in one run of the tests.
const SEEDS: u64 = 128;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn nothing_that_must_not_happen_does() {
    let seeds = match number("HALFTONE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("HALFTONE_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let many = seeds.end - seeds.start >= SEEDS;
    let mut happened: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in seeds {
        let verdict = stage::run(seed);
        assert!(
            verdict.broken.is_empty(),
            "HALFTONE_SIM_SEED={seed}\n{}",
            verdict.broken.join("\n")
        );
        for (what, count) in verdict.happened {
            *happened.entry(what).or_default() += count;
        }
    }
    println!("{happened:#?}");
    // A simulation in which nothing goes wrong would show nothing.
    let expected = [
        "a whole answer",
        "a cut answer",
        "an answer of our own",
        "no answer",
        "a retry",
        "half a request",
        "an unasked answer",
        "a caller that never reads",
    ];
    for what in expected {
        assert!(!many || happened.contains_key(what), "nothing was ever: {what}");
    }
}

#[test]
fn a_seed_is_one_run() {
    for seed in [1, 2, 4] {
        assert_eq!(stage::run(seed), stage::run(seed), "HALFTONE_SIM_SEED={seed}");
    }
}
