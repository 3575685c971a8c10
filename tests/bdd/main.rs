//! Every capability a person meets, as a feature in words: `features/*.feature`.
//!
//! Owns the run and the stage that scenarios play on; what the sentences do is in `steps`. Processes and
//! wires are those of the end-to-end tests, from the same files. Does not test what only a machine sees:
//! framing, limits and faults have tests of their own there.
//!
//! Invariants: a scenario has its own processes, ports and directory; nothing is printed of what passed.

#[path = "../e2e/client.rs"]
mod client;
#[path = "../e2e/message.rs"]
#[expect(dead_code, reason = "the end-to-end tests use more of it")]
mod message;
#[path = "../e2e/poll.rs"]
mod poll;
#[path = "../e2e/ports.rs"]
mod ports;
#[path = "../e2e/stack.rs"]
#[expect(dead_code, reason = "the end-to-end tests use more of it")]
mod stack;
#[path = "../e2e/upstream.rs"]
#[expect(dead_code, reason = "the end-to-end tests use more of it")]
mod upstream;

mod output;
mod stage;
#[allow(clippy::needless_pass_by_value, reason = "captures are handed over by value")]
mod steps;

use std::process::ExitCode;

use cucumber::{World as _, WriterExt as _, writer};

use output::Kept;
use stage::Stage;

fn main() -> ExitCode {
    // As every test is called by cargo: a part of the names that are wanted, and options that are not for us.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_filtered = wanted.is_some();
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bdd/features");
    let kept = Kept::default();
    let basic = writer::Basic::new(kept.clone(), writer::Coloring::Never, 0);
    // Steps block: one scenario after the other is what a thread can do.
    let run = Stage::cucumber()
        .max_concurrent_scenarios(1)
        .with_writer(basic.summarized())
        .fail_on_skipped()
        .with_default_cli()
        .filter_run(features, move |feature, _, scenario| {
            let named = |part: &String| feature.name.contains(part) || scenario.name.contains(part);
            wanted.as_ref().is_none_or(named)
        });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let writer = runtime.expect("a runtime").block_on(run);
    kept.conclude(&writer, is_filtered)
}
