//! Lives of children, and what follows.

use super::*;

#[test]
fn lives_and_what_follows() {
    let check = |lives_ms: &[u64], expected: &[Option<u64>]| {
        let mut restarts = Restarts::default();
        let verdicts: Vec<Option<u64>> = lives_ms
            .iter()
            .map(|lived| match restarts.ended(Duration::from_millis(*lived)) {
                Verdict::Again(pause) => {
                    Some(u64::try_from(pause.as_millis()).expect("a short pause"))
                }
                Verdict::GiveUp => None,
            })
            .collect();
        assert_eq!(verdicts, expected, "{lives_ms:?}");
    };
    // Twice within its first second: it cannot start.
    check(&[3, 4], &[Some(250), None]);
    check(&[999, 0], &[Some(250), None]);
    // It has lived: it is started again for ever, less and less often.
    check(&[1000, 3, 3, 3, 3, 3, 3], &[250, 500, 1000, 2000, 4000, 5000, 5000].map(Some));
    check(&[5, 1500, 5], &[250, 500, 1000].map(Some));
    // A long life earns the first pause again.
    check(&[2000, 2000, 10_000, 2000], &[250, 500, 250, 500].map(Some));
}
