//! What there is when a scenario begins.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use cucumber::{gherkin::Step, given, when};
use serde_json::json;

use crate::{
    message::Wire,
    stage::Stage,
    upstream::{Upstream, answer},
};

/// The trace of a service's own call.
const TRACE: &str = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

/// Returns the text below a step.
pub(super) fn text(step: &Step) -> String {
    step.docstring.as_deref().unwrap_or_default().trim_matches('\n').to_owned()
}

#[given(expr = "a service {word}")]
fn service(stage: &mut Stage, name: String) {
    stage.add_service(&name);
}

/// A service that asks another through the gateway, in a trace of its own.
#[given(regex = r"^a service (\S+) that asks (\S+) and sends on (its baggage|nothing)$")]
fn calling(stage: &mut Stage, name: String, host: String, sent_on: String) {
    let (gateway, body, keeps) = (stage.stack().listen, name.clone(), sent_on == "its baggage");
    let service = Upstream::answering(move |request| {
        let baggage = request.field("baggage").filter(|_| keeps);
        let baggage = baggage.map(|value| format!("baggage: {value}\r\n")).unwrap_or_default();
        let asked = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{TRACE}{baggage}\r\n");
        let told = Wire::connect(gateway).send(asked).answer().text();
        answer(&format!("{body}+{told}"))
    });
    stage.add(&name, service);
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
