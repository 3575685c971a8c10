//! A shadow begins, takes its share, and ends by itself.

use super::*;

fn candidate(sample_ppm: u32, ticks: u64) -> Arc<Candidate> {
    let rules = Archive::build(&RuleTable::default(), 1).expect("an empty table is one");
    Arc::new(Candidate { rules, sample_ppm, ticks, key: [7, 9] })
}

#[test]
fn a_sample_is_the_share_that_was_asked_for() {
    for (sample_ppm, least, most) in [(1_000_000, 10_000, 10_000), (100_000, 900, 1_100), (1, 0, 2)]
    {
        let counter = Counter::default();
        let candidate = candidate(sample_ppm, 1);
        let mut shadow = Shadow { candidate, counter, epoch: 0, until: 1, random: 7 };
        let taken = (0..10_000).filter(|_| shadow.takes()).count();
        assert!((least..=most).contains(&taken), "{sample_ppm}: {taken}");
    }
}

#[test]
fn it_ends_by_itself_and_is_forgotten() {
    let shadows = Shadows::default();
    assert_eq!((shadows.is_on(), shadows.tally()), (false, None));
    shadows.turn(1);
    shadows.set(Some(candidate(1, 3)), 10);
    shadows.turn(12);
    assert!(shadows.is_on() && shadows.tally().is_some_and(|(running, _)| running));
    shadows.turn(13);
    assert!(!shadows.is_on(), "its time is over");
    assert!(shadows.tally().is_some_and(|(running, _)| !running), "who set it may still ask");
    shadows.turn(13 + SHADOW_KEPT_MS / TICK_MS);
    assert_eq!(shadows.tally(), None);
    shadows.set(Some(candidate(1, 3)), 20);
    shadows.set(None, 20);
    assert_eq!((shadows.is_on(), shadows.tally()), (false, None));
}
