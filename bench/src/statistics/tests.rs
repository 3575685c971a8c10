//! Tests of medians and ratios.

use super::*;

#[test]
fn medians() {
    fn check(values: &[f64], expected: Option<f64>) {
        assert_eq!(median(values), expected, "{values:?}");
    }
    check(&[], None);
    check(&[3.0], Some(3.0));
    check(&[9.0, 1.0, 5.0], Some(5.0));
    check(&[4.0, 1.0, 2.0, 100.0], Some(3.0));
}

#[test]
fn ratios_pair_the_rounds() {
    fn check(subject: &[f64], peer: &[f64], expected: Option<(f64, f64, f64)>) {
        let ratio = paired_ratio(subject, peer).map(|ratio| (ratio.median, ratio.min, ratio.max));
        assert_eq!(ratio, expected, "{subject:?} / {peer:?}");
    }
    check(&[1.0, 2.0, 9.0], &[2.0, 2.0, 3.0], Some((1.0, 0.5, 3.0)));
    check(&[1.0, 1.0], &[0.0, 4.0], Some((0.25, 0.25, 0.25)));
    check(&[1.0], &[0.0], None);
    check(&[], &[], None);
}
