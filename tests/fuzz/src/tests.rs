//! Seeds are read, and are worth starting from: so are they when they are cut short, and when a byte of theirs differs.

use super::*;

#[test]
fn seeds_are_read_whole_cut_short_and_damaged() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has nothing to start from", target.name);
        for seed in seeds {
            (target.read)(&seed);
            // Some fifty places of each, however long it is.
            for at in (0..seed.len()).step_by(seed.len() / 50 + 1) {
                (target.read)(&seed[..at]);
                let mut damaged = seed.clone();
                damaged[at] ^= 1 << (at % 8);
                (target.read)(&damaged);
            }
        }
    }
}

#[test]
fn targets_are_found_by_their_names() {
    assert_eq!(named("policy").map(|target| target.name), Some("policy"));
    assert!(named("").is_none());
}
