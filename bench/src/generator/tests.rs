//! End-to-end tests: the generator against its own backend, with nothing between.

use super::*;
use crate::compare::workload::Workload;

fn run(pace: Pace, connections: usize, expected: Expected) -> (Outcome, u64, Vec<Boundary>) {
    let load = Workload::Plain;
    let mut generator = Generator::new(Waiting::Sleep, load.answer()).unwrap();
    let request = load.request();
    let phase = Phase {
        target: generator.backend().address(),
        request: &request,
        expected,
        connections,
        pace,
        warm_up: Duration::from_millis(20),
        measured: Duration::from_millis(200),
    };
    let mut boundaries = Vec::new();
    let outcome = generator
        .run(&phase, &mut |boundary| {
            boundaries.push(boundary);
            Ok(())
        })
        .unwrap();
    (outcome, generator.backend().answered(), boundaries)
}

#[test]
fn saturated_load_is_answered_and_counted() {
    let (outcome, answered, boundaries) = run(Pace::Saturated, 8, Workload::Plain.expected());
    assert_eq!(outcome.errors, ErrorCounts::default());
    assert_eq!(outcome.scheduled, None);
    assert!(outcome.completed > 0);
    assert!(answered >= outcome.completed, "{answered} answered, {} counted", outcome.completed);
    assert!(!outcome.latencies.is_empty());
    assert_eq!(boundaries, [Boundary::Start, Boundary::End]);
}

#[test]
fn every_scheduled_request_has_one_latency() {
    let (outcome, _, _) = run(Pace::Rate(1_000), 4, Workload::Plain.expected());
    assert_eq!(outcome.errors, ErrorCounts::default());
    assert_eq!(outcome.scheduled, Some(outcome.latencies.len()));
    assert!(outcome.scheduled > Some(0));
}

#[test]
fn more_clients_than_a_default_backlog_connect() {
    let (outcome, _, _) = run(Pace::Saturated, 400, Workload::Plain.expected());
    assert_eq!(outcome.errors, ErrorCounts::default());
}

#[test]
fn wrong_answers_are_errors() {
    let (outcome, _, _) = run(Pace::Saturated, 2, Expected { status: 201, body_bytes: 128 });
    assert!(outcome.errors.status > 0);
    assert_eq!((outcome.completed, outcome.latencies.len()), (0, 0));
    let (outcome, _, _) = run(Pace::Saturated, 2, Expected { status: 200, body_bytes: 127 });
    assert!(outcome.errors.length > 0);
    assert_eq!((outcome.completed, outcome.latencies.len()), (0, 0));
}

#[test]
fn nobody_there_is_an_error() {
    let mut generator = Generator::new(Waiting::Sleep, Vec::new()).unwrap();
    let vacant = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let phase = Phase {
        target: vacant,
        request: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        expected: Expected { status: 200, body_bytes: 0 },
        connections: 1,
        pace: Pace::Saturated,
        warm_up: Duration::ZERO,
        measured: Duration::from_millis(1),
    };
    let error = generator.run(&phase, &mut |_| Ok(())).unwrap_err();
    assert!(format!("{error:#}").contains("connecting to the contender"), "{error:#}");
}
