//! Traces: bounded, and faithful to the order of steps.

use super::*;

fn route(matched: bool) -> Step {
    Step::Route { name: "r".to_owned(), conditions: Vec::new(), matched }
}

fn seen(part: &str) -> Seen {
    Seen {
        part: part.to_owned(),
        wanted: String::new(),
        found: None,
        holds: false,
        reads: Vec::new(),
    }
}

#[test]
fn conditions_belong_to_the_next_row() {
    let mut trace = Trace::default();
    trace.condition(|| seen("a"));
    trace.condition(|| seen("b"));
    trace.step(|| route(false));
    trace.step(|| route(true));
    let conditions = |step: &Step| match step {
        Step::Route { conditions, .. } => conditions.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(trace.steps.iter().map(conditions).collect::<Vec<_>>(), [2, 0]);
}

#[test]
fn what_matched_is_shown_however_much_did_not() {
    let mut trace = Trace::default();
    for _ in 0..EXPLAIN_UNMATCHED_MAX + 7 {
        trace.condition(|| seen("a"));
        trace.step(|| route(false));
    }
    trace.step(|| route(true));
    assert_eq!((trace.steps.len(), trace.not_shown), (EXPLAIN_UNMATCHED_MAX + 1, 7));
}

#[test]
fn long_values_are_cut() {
    assert_eq!(text(b"a\xff"), "a\u{fffd}");
    assert_eq!(text(&[b'a'; EXPLAIN_VALUE_BYTES_MAX]).len(), EXPLAIN_VALUE_BYTES_MAX);
    assert!(text(&[b'a'; EXPLAIN_VALUE_BYTES_MAX + 1]).ends_with("a…"));
}
