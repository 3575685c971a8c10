//! What a cost is, and when there is none.

use super::*;
use crate::generator::ErrorCounts;
use crate::report::{Figures, Measurement};

fn phase(costs: &[f64], dropped: Option<usize>) -> PhaseReport {
    let round = |(at, cost): (usize, &f64)| Measurement {
        figures: Figures {
            requests_per_second: 1000.0,
            cpu_us_per_request: Some(*cost),
            ..Figures::default()
        },
        completed: 1000,
        scheduled: Some(1000),
        errors: ErrorCounts::default(),
        attempts: 1,
        dropped: (dropped == Some(at)).then(|| "disturbed".to_owned()),
    };
    PhaseReport::new(costs.iter().enumerate().map(round).collect())
}

#[test]
fn a_cost_is_the_median_of_paired_rounds() {
    let (with, without) = (phase(&[12.0, 13.0, 30.0], None), phase(&[10.0, 12.0, 11.0], None));
    let cost = CostReport::of(&with, &without);
    assert_eq!((cost.without_us, cost.with_us), (Some(11.0), Some(13.0)));
    assert_eq!((cost.shadow_us, cost.failed), (Some(2.0), 0));
}

#[test]
fn a_round_that_was_dropped_is_paired_with_nobody() {
    let with = phase(&[12.0, 13.0, 30.0], Some(2));
    let cost = CostReport::of(&with, &phase(&[10.0, 12.0, 11.0], None));
    assert_eq!(cost.shadow_us, Some(1.5));
    let nothing = CostReport::of(&phase(&[], None), &phase(&[], None));
    assert_eq!((nothing.with_us, nothing.shadow_us), (None, None));
}

#[test]
fn the_text_says_what_is_not_known() {
    let cost = CostReport::of(&phase(&[12.0], None), &phase(&[10.0], None));
    let none = CostReport { without_us: None, with_us: None, shadow_us: None, failed: 3 };
    let options = ShadowOptions {
        rounds: 1,
        seconds: 1,
        connections: 1,
        rate: 7,
        disturbed_max: 5,
        engine: "auto".to_owned(),
        json: false,
        halftone: None,
    };
    let machine = compare::machine(crate::cpu::CpuPlan::detect().expect("a CPU"));
    let warnings = vec!["one".to_owned()];
    let report = ShadowReport { machine, options, saturated: cost, fixed_rate: none, warnings };
    assert!(!report.is_whole() && report.failed() == 3);
    let mut text = Vec::new();
    report.write_text(&mut text).expect("a vector");
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("it costs 2.00 µs; 0 requests failed"), "{text}");
    assert!(text.contains("7/s") && text.contains("it costs not reported; 3"), "{text}");
    assert!(text.contains("WARNING: one"), "{text}");
}
