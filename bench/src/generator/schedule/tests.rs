//! Tests of the schedule.

use super::*;

#[test]
fn intended_times_are_even_and_do_not_drift() {
    fn check(rate: u32, number: u64, expected_ns: u64) {
        assert_eq!(
            Schedule::starting(100, rate).intended(number),
            100 + expected_ns,
            "{number} at {rate}/s"
        );
    }
    check(25_000, 0, 0);
    check(25_000, 1, 40_000);
    check(3, 1, 333_333_333);
    check(3, 3, 1_000_000_000);
    check(7, 7_000_000, 1_000_000 * SECOND_NS);
}

#[test]
fn requests_fall_due_in_order_and_wait_for_being_sent() {
    let mut schedule = Schedule::starting(1_000, 1_000_000);
    assert_eq!(schedule.due(999), None);
    assert_eq!(schedule.due(1_000), Some(1_000));
    assert_eq!(schedule.due(9_999), Some(1_000), "an unsent request keeps its intended time");
    schedule.advance();
    assert_eq!(schedule.due(1_999), None);
    assert_eq!(schedule.due(5_000), Some(2_000));
}

#[test]
fn an_ended_schedule_keeps_its_backlog() {
    let mut schedule = Schedule::starting(0, 1_000_000);
    schedule.end_at(3_000);
    let mut sent = Vec::new();
    while let Some(intended) = schedule.due(1_000_000) {
        sent.push(intended);
        schedule.advance();
    }
    assert_eq!(sent, [0, 1_000, 2_000]);
}

#[test]
fn counts_between_times() {
    fn check(rate: u32, from_ns: u64, to_ns: u64, expected: u64) {
        let schedule = Schedule::starting(1_000, rate);
        let listed = (0..100_000)
            .map(|number| schedule.intended(number))
            .filter(|at| (from_ns..to_ns).contains(at));
        assert_eq!(listed.count() as u64, expected, "the expectation of the test itself");
        assert_eq!(
            schedule.meant_between(from_ns, to_ns),
            expected,
            "{rate}/s from {from_ns} to {to_ns}"
        );
    }
    check(1_000_000, 0, 1_000, 0);
    check(1_000_000, 0, 1_001, 1);
    check(1_000_000, 2_000, 5_000, 3);
    check(3, 0, 1_000 + 333_333_333, 1);
    check(3, 0, 1_000 + 333_333_334, 2);
    check(7, 1_000, 1_000 + SECOND_NS, 7);
}

#[test]
fn unsent_requests_are_counted() {
    let mut schedule = Schedule::starting(0, 1_000_000);
    schedule.advance();
    assert_eq!(schedule.unsent_before(3_000), 2);
    assert_eq!(schedule.unsent_before(0), 0);
}
