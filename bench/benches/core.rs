//! Times of the pure parts, by criterion: `cargo bench -p halftone-bench --bench core`.
//!
//! Beside the cases there are two differences of cases, each timed in turn with what it is compared to: `by-dimensions` is
//! what a decision takes longer for its dimensions, `one-expression` what evaluating an expression takes.

mod cases;

use std::time::{Duration, Instant};

use cases::{Case, Inputs, dimensions::EXPRESSIONS};
use criterion::{Bencher, Criterion, criterion_group, criterion_main};

/// How often a case is run before the other one has its turn.
const TURN: u64 = 64;

/// A difference: its name, the two cases, and how many of what is timed lie between them.
const DIFFERENCES: [(&str, [&str; 2], u32); 2] = [
    ("by-dimensions", ["dimensions", "dimensions-none"], 1),
    ("one-expression", ["expressions-100", "falsehoods-100"], EXPRESSIONS),
];

fn all(criterion: &mut Criterion) {
    let inputs = Inputs::new();
    for (name, case) in cases::CASES {
        criterion.bench_function(name, |bencher| bencher.iter(|| case(&inputs)));
    }
    for (name, cases, count) in DIFFERENCES {
        let cases = cases.map(|name| case(name).1);
        criterion.bench_function(name, |bencher| difference(bencher, &inputs, cases, count));
    }
}

fn case(name: &str) -> &'static Case {
    cases::CASES.iter().find(|(own, _)| *own == name).expect("a known case")
}

/// Times what one case takes longer than the other, for each of `count`.
fn difference(
    bencher: &mut Bencher<'_>,
    inputs: &Inputs,
    [with, without]: [fn(&Inputs); 2],
    count: u32,
) {
    bencher.iter_custom(|times| {
        let [mut longer, mut shorter] = [Duration::ZERO; 2];
        let mut left = times;
        while left > 0 {
            let turn = left.min(TURN);
            for (case, took) in [(with, &mut longer), (without, &mut shorter)] {
                let begun = Instant::now();
                (0..turn).for_each(|_| case(inputs));
                *took += begun.elapsed();
            }
            left -= turn;
        }
        longer.saturating_sub(shorter) / count
    });
}

criterion_group!(core, all);
criterion_main!(core);
