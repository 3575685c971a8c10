//! Times of the pure parts, by criterion: `cargo bench -p halftone-bench --bench core`.

mod cases;

use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    let inputs = cases::Inputs::new();
    for (name, case) in cases::CASES {
        criterion.bench_function(name, |bencher| bencher.iter(|| case(&inputs)));
    }
}

criterion_group!(core, all);
criterion_main!(core);
