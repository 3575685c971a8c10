//! The parts of the geo bench that need no processes.

use super::*;

#[test]
fn a_database_covers_every_address_and_the_next_one_differs() {
    let networks = 1_000;
    let files = [false, true].map(|later| synthetic::city(networks, later));
    let (accepted, database) = accept(&files[0], &files[1]).expect("sound files");
    let Difference { added, removed, changed, same, is_partial } = accepted.difference;
    assert_eq!((added, removed, changed, is_partial), (0, 0, 10, false));
    assert_eq!(changed + same, u64::from(networks));
    let looked_up = look_up(&database, 5_000);
    assert_eq!((looked_up.found, looked_up.cold.len()), (5_000, 5_000));
    assert_eq!(looked_up.warm.len(), (WARM * WARM_TIMES) as u64);
    assert_eq!(looked_up.clock.len(), looked_up.warm.len());
}

#[test]
fn addresses_are_what_callers_come_from() {
    let (mut random, mut again) = (Random(SEED), Random(SEED));
    for _ in 0..10_000 {
        let address = random.address();
        assert_eq!(address, again.address(), "one seed, one sequence");
        let IpAddr::V4(v4) = address else { panic!("{address}") };
        assert!((1..224).contains(&v4.octets()[0]), "{v4}");
    }
}
