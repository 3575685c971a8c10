//! Calls of the API, and what it tells.

use cucumber::{gherkin::Step, then, when};

use super::given::text;
use crate::{poll::until_true, stage::Stage};

#[when(regex = r"^(GET|PUT|POST|DELETE) (/v1/\S+) is called$")]
fn called(stage: &mut Stage, step: &Step, method: String, path: String) {
    let (path, body) = (stage.filled(&path), stage.filled(&text(step)));
    let told = stage.stack().api.call(&method, &path, &body);
    stage.told = told.expect("the API answers");
}

#[then(expr = "the API answers {int}")]
fn has_status(stage: &mut Stage, status: u16) {
    assert_eq!(stage.told.0, status, "{}", stage.told.1);
}

#[then(expr = "the API tells {string}")]
fn tells(stage: &mut Stage, part: String) {
    let text = stage.told.1.to_string();
    assert!(text.contains(&part), "{part} is not in {text}");
}

#[then(expr = "in time {word} tells {string}")]
fn tells_in_time(stage: &mut Stage, path: String, part: String) {
    until_true(&format!("{path} to tell {part}"), || {
        let told = stage.stack().api.call("GET", &path, "");
        told.is_some_and(|(_, json)| json.to_string().contains(&part))
    });
}
