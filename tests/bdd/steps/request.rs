//! Requests through the gateway, and who answers them.

use cucumber::{gherkin::Step, given, then, when};
use serde_json::json;

use super::given::text;
use crate::{poll::until_true, stack::halftone, stage::Stage};

/// Writes a request; `fields` has one line per field, and may have a `Host` of its own.
fn written(method: &str, target: &str, fields: &str) -> String {
    let mut request = format!("{method} {target} HTTP/1.1\r\n");
    if !fields.lines().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
        request.push_str("Host: localhost\r\n");
    }
    for line in fields.lines().map(str::trim).filter(|line| !line.is_empty()) {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request + "\r\n"
}

#[when(regex = r"^(GET|POST|PUT|DELETE) (\S+) is requested$")]
fn requested(stage: &mut Stage, method: String, target: String) {
    stage.request = written(&method, &target, "");
    stage.ask();
}

#[when(regex = r#"^(GET|POST|PUT|DELETE) (\S+) is requested with "(.*)"$"#)]
fn requested_with(stage: &mut Stage, method: String, target: String, field: String) {
    // Several are joined by `" and "`.
    stage.request = written(&method, &target, &field.replace("\" and \"", "\n"));
    stage.ask();
}

#[when("it is requested again")]
fn again(stage: &mut Stage) {
    stage.ask();
}

/// What the last answer set goes back with the next request, as a browser has it.
#[when("the cookie is sent back")]
fn cookie_back(stage: &mut Stage) {
    let set = stage.answer.field("set-cookie").expect("a cookie").to_owned();
    let pair = set.split(';').next().unwrap_or_default();
    stage.request = written("GET", "/", &format!("Cookie: {pair}"));
    stage.ask();
}

/// What the script of a page sends.
#[when(regex = r"^the features of a device are sent( without consent| from another origin)?$")]
fn features(stage: &mut Stage, how: String) {
    let site = if how == " from another origin" { "cross-site" } else { "same-origin" };
    let words = |kind: &str| (0..20).map(|at| format!("{kind}{at}")).collect::<Vec<_>>();
    let body = json!({
        "consent": how != " without consent",
        "ua": words("u"), "canvas": words("c"), "webgl": words("w"),
    });
    let (body, length) = (body.to_string(), body.to_string().len());
    let fields =
        format!("Sec-Fetch-Site: {site}\nContent-Type: application/json\nContent-Length: {length}");
    stage.request = written("POST", "/.well-known/halftone/fingerprint", &fields) + &body;
    stage.ask();
}

#[when(regex = r"^GET / is requested with a token of `halftone (.*)` in (\S+)$")]
fn with_token(stage: &mut Stage, line: String, field: String) {
    let line = stage.filled(&line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = halftone(&words).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8_lossy(&output.stdout).into_owned();
    stage.request = written("GET", "/", &format!("{field}: {}", token.trim_end()));
    stage.ask();
}

#[then(expr = "the answer has no {word}")]
fn has_no_field(stage: &mut Stage, name: String) {
    assert_eq!(stage.answer.field(&name.to_ascii_lowercase()), None, "{:?}", stage.answer);
}

#[when(expr = "{int} bytes of fields are sent")]
fn large(stage: &mut Stage, bytes: usize) {
    stage.request = written("GET", "/", &format!("X-Large: {}", "x".repeat(bytes)));
    stage.ask();
}

#[when("this is sent")]
fn sent(stage: &mut Stage, step: &Step) {
    stage.request = text(step).replace('\n', "\r\n") + "\r\n\r\n";
    stage.ask();
}

#[given("a connection that is kept")]
fn kept(stage: &mut Stage) {
    stage.kept = Some(stage.stack().connect());
}

#[then(expr = "{word} answers")]
fn answers(stage: &mut Stage, name: String) {
    assert_eq!((stage.answer.status(), stage.answer.text()), (200, name));
}

#[then(expr = "in time {word} answers")]
fn answers_in_time(stage: &mut Stage, name: String) {
    until_true(&format!("an answer of {name}"), || stage.ask() == name);
}

#[then(expr = "the answer is {int}")]
fn has_status(stage: &mut Stage, status: u16) {
    assert_eq!(stage.answer.status(), status, "{:?}", stage.answer);
}

#[then(expr = "in time the answer is {int}")]
fn status_in_time(stage: &mut Stage, status: u16) {
    until_true(&format!("an answer of {status}"), || {
        stage.ask();
        stage.answer.status() == status
    });
}

#[then(expr = "the answer's {word} says {string}")]
fn field_says(stage: &mut Stage, name: String, part: String) {
    let value = stage.answer.field(&name.to_ascii_lowercase()).unwrap_or_default();
    assert!(value.contains(&part), "{part} is not in {value:?}");
}

#[then(expr = "{word} was sent no {string}")]
fn not_forwarded(stage: &mut Stage, name: String, field: String) {
    let requests = stage.service(&name).requests();
    let last = requests.last().expect("a request");
    assert_eq!(last.field(&field.to_ascii_lowercase()), None, "{last:?}");
}

#[then(expr = "{word} was sent the baggage {string}")]
fn sent_baggage(stage: &mut Stage, name: String, baggage: String) {
    let requests = stage.service(&name).requests();
    let last = requests.last().expect("a request");
    assert_eq!(last.field("baggage"), Some(baggage.as_str()), "{last:?}");
}

/// Asks for each of the first `users`, and returns how many met `name`.
fn ask_users(stage: &mut Stage, users: usize, name: &str) -> usize {
    let mut connection = stage.stack().connect();
    for user in (0..users).map(|number| format!("user-{number}")) {
        let request = written("GET", "/", &format!("X-User-Id: {user}"));
        let answer = connection.send(request).answer().text();
        stage.met.insert(user, answer);
    }
    stage.met.values().filter(|met| *met == name).count()
}

#[when(expr = "{int} users ask")]
fn users_ask(stage: &mut Stage, users: usize) {
    ask_users(stage, users, "");
}

#[then(expr = "between {int} and {int} of them met {word}")]
fn share(stage: &mut Stage, least: usize, most: usize, name: String) {
    let met = stage.met.values().filter(|met| **met == name).count();
    assert!((least..=most).contains(&met), "{met} met {name}");
}

#[then(expr = "nobody who met {word} meets another when they ask again")]
fn sticky(stage: &mut Stage, name: String) {
    let before = stage.met.clone();
    ask_users(stage, before.len(), &name);
    for (user, met) in before.iter().filter(|(_, met)| **met == name) {
        assert_eq!(&stage.met[user], met, "{user}");
    }
}

#[then(expr = "the log's last line has {string}")]
fn logged(stage: &mut Stage, parts: String) {
    let lines = stage.stack().log(1);
    let line = lines.last().expect("a line").to_string();
    for part in parts.split(", ") {
        let (name, value) = part.split_once('=').expect("name=value");
        assert!(line.contains(&format!("\"{name}\":\"{value}\"")), "{part} is not in {line}");
    }
}
