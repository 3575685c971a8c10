//! What there is when a scenario begins.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use cucumber::{gherkin::Step, given, when};
use serde_json::json;

use crate::stage::Stage;

/// Returns the text below a step.
pub(super) fn text(step: &Step) -> String {
    step.docstring.as_deref().unwrap_or_default().trim_matches('\n').to_owned()
}

#[given(expr = "a service {word}")]
fn service(stage: &mut Stage, name: String) {
    stage.add_service(&name);
}

#[given("a running gateway")]
fn gateway(stage: &mut Stage) {
    stage.start("");
}

#[given(expr = "a running gateway with {string}")]
fn gateway_with(stage: &mut Stage, arguments: String) {
    stage.start(&arguments);
}

/// The service that most scenarios have: two groups, both registered.
#[given("a running gateway with stable and canary of the shop")]
fn shop(stage: &mut Stage) {
    stage.add_service("stable");
    stage.add_service("canary");
    stage.start("");
    for group in ["stable", "canary"] {
        let address = stage.service(group).address();
        stage.stack().api.register("shop", address, &json!({ "group": group }));
    }
}

#[given(expr = "{word} is registered as {word} of {word}")]
#[when(expr = "{word} is registered as {word} of {word}")]
fn registered(stage: &mut Stage, name: String, group: String, service: String) {
    let address = stage.service(&name).address();
    stage.stack().api.register(&service, address, &json!({ "group": group }));
}

#[given("the bundle")]
#[when("the bundle becomes")]
fn bundle(stage: &mut Stage, step: &Step) {
    let bundle = stage.filled(&text(step));
    stage.stack().api.put_bundle("shop", &bundle);
}

#[given(expr = "the file {word}")]
#[when(expr = "the file {word} becomes")]
fn file(stage: &mut Stage, step: &Step, name: String) {
    let text = stage.filled(&text(step));
    let path = stage.file(&name);
    fs::write(path, text).expect("a file can be written");
}

/// The City database that tests share.
#[given(expr = "the region database {word}, built {int} day(s) ago")]
#[when(expr = "the region database {word}, built {int} day(s) ago")]
fn region_database(stage: &mut Stage, name: String, days: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let bytes = halftone_mmdb::shared::city(now.as_secs() - days * 24 * 3600).finish();
    fs::write(stage.file(&name), bytes).expect("a file can be written");
}
