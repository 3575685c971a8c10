//! End-to-end tests: the generator against its own backend, with nothing between.

use super::*;
use crate::compare::workload::Workload;

fn run_load(
    load: Workload,
    pace: Pace,
    connections: usize,
    expected: Expected,
) -> (Outcome, u64, Vec<Boundary>) {
    let mut generator = Generator::new(Waiting::Sleep, load.answers()).unwrap();
    let requests = load.requests();
    let phase = Phase {
        target: generator.backend().addresses()[0],
        requests: &requests,
        reconnects: load.reconnects(),
        sources: load.sources(),
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
    (outcome, generator.backend().answered()[0], boundaries)
}

fn run(pace: Pace, connections: usize, expected: Expected) -> (Outcome, u64, Vec<Boundary>) {
    run_load(Workload::Plain, pace, connections, expected)
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
    let (outcome, _, _) = run(Pace::Saturated, 2, Expected { status: 201, body_bytes: Some(128) });
    assert!(outcome.errors.status > 0);
    assert_eq!((outcome.completed, outcome.latencies.len()), (0, 0));
    let (outcome, _, _) = run(Pace::Saturated, 2, Expected { status: 200, body_bytes: Some(127) });
    assert!(outcome.errors.length > 0);
    assert_eq!((outcome.completed, outcome.latencies.len()), (0, 0));
}

#[test]
fn nobody_there_is_an_error() {
    let mut generator = Generator::new(Waiting::Sleep, Vec::new()).unwrap();
    let vacant = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let phase = Phase {
        target: vacant,
        requests: &[b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()],
        reconnects: false,
        sources: 1,
        expected: Expected { status: 200, body_bytes: Some(0) },
        connections: 1,
        pace: Pace::Saturated,
        warm_up: Duration::ZERO,
        measured: Duration::from_millis(1),
    };
    let error = generator.run(&phase, &mut |_| Ok(())).unwrap_err();
    assert!(format!("{error:#}").contains("connecting to the contender"), "{error:#}");
}

#[test]
fn every_workload_is_answered() {
    for load in
        [Workload::Canary, Workload::Dimensions, Workload::Short, Workload::B16k, Workload::B1m]
    {
        for pace in [Pace::Saturated, Pace::Rate(100)] {
            let (outcome, answered, _) = run_load(load, pace, 4, load.expected());
            assert_eq!(outcome.errors, ErrorCounts::default(), "{load}");
            assert!(outcome.completed > 0 && answered >= outcome.completed, "{load}");
        }
    }
}

#[test]
fn a_total_is_asked_once_each_and_knows_who_answered() {
    let answers = vec![crate::compare::workload::answer(7), crate::compare::workload::answer(9)];
    let mut generator = Generator::new(Waiting::Sleep, answers).unwrap();
    let requests = Workload::Canary.requests();
    for (target, body) in generator.backend().addresses().into_iter().zip([7, 9]) {
        let phase = Phase {
            target,
            requests: &requests,
            expected: Expected { status: 200, body_bytes: None },
            connections: 50,
            reconnects: false,
            sources: 3,
            pace: Pace::Total { requests: 120, at_once: 8 },
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(20),
        };
        let mut held = 0;
        let outcome = generator
            .run_total(&phase, Duration::from_millis(1), &mut || {
                held += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(outcome.errors, ErrorCounts::default());
        assert_eq!(outcome.bodies, vec![Some(body); 120]);
        assert_eq!(held, 1);
    }
    assert_eq!(generator.backend().answered(), [120, 120]);
}
