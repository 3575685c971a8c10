//! Commands, as a person types them.

use cucumber::{then, when};

use crate::{poll::until_true, stack::halftone, stage::Stage};

#[when(expr = "`halftone {}` is run")]
fn run(stage: &mut Stage, line: String) {
    let line = stage.filled(&line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = halftone(&words).output().expect("it starts");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    stage.printed = (output.status.code(), text);
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
