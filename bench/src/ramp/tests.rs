//! Tests of the arithmetic: shares, and who counts as thrown out.

use super::*;

/// Takes a step with these versions of three users.
fn step(course: &mut Course, shares: &[u32], versions: [u64; 3]) -> Step {
    let bodies: Vec<Option<u64>> = versions.iter().map(|version| Some(64 + version)).collect();
    let asked = Asked::new(&bodies, 64, course.versions()).unwrap();
    course.step("a step".to_owned(), shares, asked)
}

#[test]
fn who_loses_a_version_that_did_not_shrink_is_thrown_out() {
    let mut course = Course::new("one", 3);
    assert_eq!(step(&mut course, &[10, 10], [1, 2, 0]).thrown_out, 0, "nothing was before");
    assert_eq!(step(&mut course, &[10, 10], [1, 2, 0]).thrown_out, 0);
    assert_eq!(step(&mut course, &[20, 20], [1, 2, 2]).thrown_out, 0, "stable gives away");
    assert_eq!(step(&mut course, &[20, 30], [1, 1, 2]).thrown_out, 1);
    assert_eq!(step(&mut course, &[10, 30], [2, 0, 2]).thrown_out, 0, "the first one shrank");
    assert_eq!(step(&mut course, &[10, 30], [0, 0, 0]).thrown_out, 2);
}

#[test]
fn shares_are_compared_with_what_was_wanted() {
    assert_eq!(asked::shares(25, 2), [250_000]);
    assert_eq!(asked::shares(25, 3), [125_000, 125_000]);
    let step = step(&mut Course::new("one", 2), &[500_000], [1, 0, 0]);
    assert_eq!(step.wanted_percent, [50.0]);
    assert!((step.got_percent[0] - 100.0 / 3.0).abs() < 1e-9, "{step:?}");
    assert!((step.off_points - 50.0 / 3.0).abs() < 1e-9, "{step:?}");
    assert!((step.chance_points - 100.0 * f64::sqrt(0.25 / 3.0)).abs() < 1e-9, "{step:?}");
}

#[test]
fn an_answer_that_is_nobodys_is_not_counted() {
    for body in [None, Some(63), Some(66), Some(1000)] {
        assert!(Asked::new(&[Some(64), body], 64, 2).is_none(), "{body:?}");
    }
}
