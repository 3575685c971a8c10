//! Commands, as a person types them.

use cucumber::{given, then, when};

use crate::{
    poll::until_true,
    stack::{Process, halftone},
    stage::Stage,
};

#[when(expr = "`halftone {}` is run")]
fn run(stage: &mut Stage, line: String) {
    let line = stage.filled(&line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = halftone(&words).output().expect("it starts");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    stage.printed = (output.status.code(), text);
}

/// A command that looks on while something happens; it has begun when it says so.
#[given(expr = "`halftone {}` runs")]
fn runs(stage: &mut Stage, line: String) {
    let line = stage.filled(&line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let folder = stage.file("running");
    std::fs::create_dir_all(&folder).expect("a folder");
    let running = Process::start(&mut halftone(&words), &folder);
    until_true("the command to begin", || running.output().contains("Ctrl-C ends it"));
    stage.running = Some(running);
}

#[then(expr = "it has ended with {int}")]
fn has_ended(stage: &mut Stage, code: i32) {
    let mut running = stage.running.take().expect("a command runs");
    stage.printed = (running.ended().code(), running.output());
    ends(stage, code);
}

#[when(expr = "the command behind {string} is run")]
fn printed_is_run(stage: &mut Stage, before: String) {
    let printed = stage.printed.1.clone();
    let line = printed.lines().find_map(|line| line.strip_prefix(before.as_str()));
    let line = line.and_then(|line| line.strip_prefix("halftone ")).expect("a command");
    run(stage, line.to_owned());
}

#[then(expr = "in time `halftone {}` prints {string}")]
fn prints_in_time(stage: &mut Stage, line: String, part: String) {
    until_true(&format!("`{line}` to print {part}"), || {
        run(stage, line.clone());
        stage.printed.1.contains(&part)
    });
}

#[then(expr = "it ends with {int}")]
fn ends(stage: &mut Stage, code: i32) {
    assert_eq!(stage.printed.0, Some(code), "{}", stage.printed.1);
}

#[then(expr = "it prints {string}")]
fn prints(stage: &mut Stage, part: String) {
    assert!(stage.printed.1.contains(&part), "{part} is not in {}", stage.printed.1);
}
