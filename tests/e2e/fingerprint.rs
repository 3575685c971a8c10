//! Ids of devices over HTTP: who is given one, who is refused, and what an id decides.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    message::Message,
    on_each_engine,
    poll::until,
    stack::{Engine, Stack, get, halftone},
    upstream::Upstream,
};

const PATH: &str = "/.well-known/halftone/fingerprint";
const SCRIPT: &str = "/.well-known/halftone/fingerprint.js";
const COOKIE: &str = "__Host-halftone-device";
/// What a page of the host itself sends.
const OWN: &str = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n";
/// A word that must be found nowhere.
const WORD: &str = "Nvidia-Quadro-T1000";

/// A request of this method to our path.
fn asked(method: &str, host: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {PATH} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// The features of a device: another `make` is another device, another `agent` the same with an update.
fn features(agent: &str, make: &str) -> String {
    let words = |kind: &str, count: usize| -> Vec<String> {
        (0..count).map(|at| format!("{kind}{at}-{make}")).collect()
    };
    let mut webgl = words("s", 30);
    webgl.push(WORD.to_owned());
    json!({ "consent": true, "ua": ["Mozilla", "5.0", agent], "canvas": words("c", 60), "webgl": webgl }).to_string()
}

/// The cookie that an answer sets: its value, and how it is to be kept.
fn set(answer: &Message) -> (String, String) {
    let set = answer.field("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    let (pair, attributes) = set.split_once("; ").expect("attributes");
    let value = pair.strip_prefix(COOKIE).and_then(|rest| rest.strip_prefix('='));
    (value.expect("ours").to_owned(), attributes.to_owned())
}

fn id(value: &str) -> &str {
    value.split('~').next().unwrap_or_default()
}

fn bundle(tenant: &str, host: &str, services: &[Upstream; 2]) -> String {
    let [stable, canary] = services.each_ref().map(Upstream::address);
    format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {tenant} }}
upstreams: {{ web: {{ variants: {{ stable: {{ addresses: [\"{stable}\"] }}, canary: {{ addresses: [\"{canary}\"] }} }} }} }}
routes: [ {{ name: app, hostnames: [{host}], rules: [ {{ matches: [ {{ path: {{ type: PathPrefix, value: /app }} }} ], release: web }} ] }} ]
releases: {{ web: {{ upstream: web, unit: [ device.id ], unitMissing: stable, default: {{ split: {{ canary: 50% }} }} }} }}
"
    )
}

/// A gateway that gives devices ids, and two tenants' hosts.
struct Hosts {
    stack: Stack,
    _services: [Upstream; 2],
}

impl Hosts {
    fn start(engine: Engine, arguments: &[&str]) -> Self {
        let services = [Upstream::named("stable"), Upstream::named("canary")];
        let stack = Stack::start(engine, arguments);
        stack.api.put_bundle("shop", &bundle("shop", "shop.localhost", &services));
        stack.api.put_bundle("pay", &bundle("pay", "pay.localhost", &services));
        let hosts = Self { stack, _services: services };
        for host in ["shop.localhost", "pay.localhost"] {
            until("a route", || (hosts.ask(host, "", "").status() == 200).then_some(()));
        }
        hosts
    }

    fn send(&self, request: &str) -> Message {
        self.stack.connect().send(request).answer()
    }

    /// Asks the application of a host, with a value of our cookie.
    fn ask(&self, host: &str, value: &str, fields: &str) -> Message {
        let cookie =
            if value.is_empty() { String::new() } else { format!("Cookie: {COOKIE}={value}\r\n") };
        self.send(&format!("GET /app HTTP/1.1\r\nHost: {host}\r\n{cookie}{fields}\r\n"))
    }

    /// Has a device of these features be given a cookie, once there is room for it.
    fn given(&self, host: &str, features: &str, value: &str) -> String {
        let cookie = if value.is_empty() {
            String::new()
        } else {
            format!("Cookie: a=b; {COOKIE}={value}\r\n")
        };
        let request = asked("POST", host, &format!("{OWN}{cookie}"), features);
        let answer = until("an id", || {
            let answer = self.send(&request);
            (answer.status() != 429).then_some(answer)
        });
        assert_eq!(answer.status(), 204, "{answer:?}");
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        let (value, attributes) = set(&answer);
        let age = attributes.strip_prefix("Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=");
        let age: u64 = age.unwrap_or_else(|| panic!("{attributes}")).parse().expect("seconds");
        assert!((30 * 86_400..=60 * 86_400).contains(&age), "{age}");
        value
    }
}

on_each_engine! {
    fn an_id_decides_and_is_kept_by_its_device_alone(engine: Engine) {
        let hosts = Hosts::start(engine, &["--fingerprint"]);
        let mut met = BTreeMap::new();
        for make in 0..40 {
            let make = make.to_string();
            let value = hosts.given("shop.localhost", &features("Chrome/1", &make), "");
            let variant = hosts.ask("shop.localhost", &value, "").text();
            assert_eq!(hosts.ask("shop.localhost", &value, "").text(), variant);
            // An update of the browser changes what it says, and not who it is.
            let updated = hosts.given("shop.localhost", &features("Chrome/2", &make), &value);
            assert_eq!((id(&updated), updated == value), (id(&value), false));
            assert_eq!(hosts.ask("shop.localhost", &updated, "").text(), variant);
            met.insert(id(&value).to_owned(), (value, variant));
        }
        assert_eq!(met.len(), 40, "devices have ids of their own");
        let canary = met.values().find(|(_, variant)| variant == "canary").expect("20 of 40").0.clone();
        assert!(met.values().any(|(_, variant)| variant == "stable"));
        // Copied to another device, the cookie does not keep its id.
        let other = hosts.given("shop.localhost", &features("Chrome/1", "other"), &canary);
        assert_ne!(id(&other), id(&canary));
        // Elsewhere it is none, and nothing of it is known again.
        let elsewhere = hosts.given("pay.localhost", &features("Chrome/1", "0"), &canary);
        assert!(!met.contains_key(id(&elsewhere)));
        for forged in [canary.replacen(&canary[..1], "_", 1), canary.replace('~', "."), id(&canary).to_owned()] {
            assert_eq!(hosts.ask("shop.localhost", &forged, "").text(), "stable", "{forged}");
        }
        assert_eq!(hosts.ask("pay.localhost", &canary, "").text(), "stable");
        // What was told is written down nowhere.
        let lines = until("the log", || {
            let lines = hosts.stack.log(1);
            let has_id = |line: &&Value| line["values"]["device.id of shop"] == id(&canary);
            lines.iter().find(has_id)?;
            Some(lines)
        });
        let text = lines.iter().map(Value::to_string).collect::<String>() + &hosts.stack.process.output();
        let signature = canary.rsplit('.').next().expect("a signature");
        for hidden in [WORD, "Chrome/1", signature, canary.split('~').nth(2).expect("a sketch")] {
            assert!(!text.contains(hidden), "{hidden} is written down");
        }
    }

    fn what_is_not_ours_to_answer_is_refused(engine: Engine) {
        let hosts = Hosts::start(engine, &["--fingerprint"]);
        let good = features("Chrome/1", "0");
        let large = "x".repeat(8 * 1024 + 1);
        let most = " ".repeat(8 * 1024);
        let no_consent = good.replace("\"consent\":true", "\"consent\":false");
        let host = "shop.localhost";
        let json = "Content-Type: application/json\r\n";
        for (status, request) in [
            (403, asked("POST", host, json, &good)),
            (403, asked("POST", host, &format!("{json}Sec-Fetch-Site: cross-site\r\n"), &good)),
            (403, asked("POST", host, &format!("{json}Origin: https://evil.example\r\n"), &good)),
            (204, asked("POST", host, &format!("{json}Origin: http://{host}\r\n"), &good)),
            (403, asked("POST", host, OWN, &no_consent)),
            (403, asked("POST", host, &format!("{OWN}Sec-GPC: 1\r\n"), &good)),
            (204, asked("POST", host, &format!("{OWN}Sec-GPC: 0\r\n"), &good)),
            (403, asked("POST", "shop.example.com", OWN, &good)),
            (404, asked("POST", "other.localhost", OWN, &good)),
            (415, asked("POST", host, "Sec-Fetch-Site: same-origin\r\nContent-Type: text/plain\r\n", &good)),
            (413, asked("POST", host, OWN, &large)),
            (400, asked("POST", host, OWN, &most)),
            (400, asked("POST", host, OWN, "")),
            (400, asked("POST", host, OWN, "{}")),
            (400, asked("POST", host, OWN, &good.replace("consent", "consents"))),
            (400, asked("POST", host, OWN, &good[1..])),
            (411, format!("POST {PATH} HTTP/1.1\r\nHost: {host}\r\n{OWN}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")),
            (403, asked("DELETE", host, "", "")),
            (405, asked("GET", host, OWN, "")),
            (405, asked("PUT", host, OWN, &good)),
        ] {
            let answer = hosts.send(&request);
            assert_eq!(answer.status(), status, "{request}\n{answer:?}");
            assert_eq!(answer.field("set-cookie").is_some(), status == 204, "{request}");
            let label = answer.field("proxy-status");
            assert_eq!(label.is_some(), !matches!(status, 204 | 405), "{answer:?}");
            assert!(status != 405 || answer.field("allow") == Some("POST, DELETE"));
        }
        // In pieces, told to go on, and with the next request behind it.
        let whole = asked("POST", host, &format!("{OWN}Expect: 100-continue\r\n"), &good);
        let (head, body) = whole.split_at(whole.len() - good.len());
        let mut wire = hosts.stack.connect();
        let go_on = wire.send(head).answer_to_head();
        assert_eq!(go_on.status(), 100);
        for piece in body.as_bytes().chunks(100) {
            wire.send(piece);
        }
        assert_eq!(wire.answer().status(), 204);
        let two = asked("POST", host, OWN, &good) + &asked("DELETE", host, OWN, "");
        wire.send(two);
        assert_eq!(wire.answer().status(), 204);
        let (value, attributes) = set(&wire.answer());
        assert_eq!((value.as_str(), attributes.as_str()), ("", "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"));
        assert_eq!(wire.send(get(PATH, &[])).answer().status(), 405, "the connection goes on");
    }

    fn the_script_is_served_and_kept_by_browsers(engine: Engine) {
        let hosts = Hosts::start(engine, &["--fingerprint"]);
        let mut wire = hosts.stack.connect();
        let script = wire.send(get(SCRIPT, &[])).answer();
        assert_eq!(script.status(), 200);
        assert_eq!(script.field("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(script.field("x-content-type-options"), Some("nosniff"));
        assert!(script.text().contains("globalPrivacyControl") && !script.text().contains("eval("));
        let tag = script.field("etag").expect("a tag").to_owned();
        let again = wire.send(get(SCRIPT, &[("If-None-Match", &tag)])).answer();
        assert_eq!((again.status(), again.body.len()), (304, 0));
        let head = wire.send(get(SCRIPT, &[]).replacen("GET", "HEAD", 1)).answer_to_head();
        assert_eq!(head.field("content-length"), script.field("content-length"));
        let post = wire.send(get(SCRIPT, &[]).replacen("GET", "DELETE", 1)).answer();
        assert_eq!((post.status(), post.field("allow")), (405, Some("GET, HEAD")));
        for other in [".jsx", "/", "/x", ".js/x", "s"] {
            assert_eq!(wire.send(get(&format!("{PATH}{other}"), &[])).answer().status(), 404, "{other}");
        }
    }

    fn a_flood_is_refused_and_passes(engine: Engine) {
        let hosts = Hosts::start(engine, &["--fingerprint"]);
        let request = asked("POST", "shop.localhost", OWN, &features("Chrome/1", "0"));
        let mut wire = hosts.stack.connect();
        let busy = until("a refusal", || {
            let burst = request.repeat(150);
            wire.send(burst);
            let answers: Vec<Message> = (0..150).map(|_| wire.answer()).collect();
            answers.into_iter().find(|answer| answer.status() == 429)
        });
        assert!(busy.text().contains("in a second"), "{busy:?}");
        until("room again", || (wire.send(&request).answer().status() == 204).then_some(()));
    }

    fn off_the_paths_are_a_services(engine: Engine) {
        let service = Upstream::named("own");
        let stack = Stack::start(engine, &["--upstream", &format!("http://{}", service.address())]);
        for request in [get(SCRIPT, &[]), asked("POST", "localhost", OWN, "{}"), asked("DELETE", "localhost", OWN, "")] {
            let answer = stack.connect().send(request).answer();
            assert_eq!((answer.status(), answer.text()), (200, "own".to_owned()));
            assert_eq!(answer.field("set-cookie"), None);
        }
        assert_eq!(service.count(), 3);
    }
}

#[test]
fn a_gateway_without_keys_gives_no_ids() {
    let data = tempfile::tempdir().expect("a folder");
    let mut command = halftone(&["gateway", "--fingerprint", "--listen", "127.0.0.1:0", "--data"]);
    let output = command.arg(data.path()).output().expect("it starts");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--fingerprint:") && said.contains("halftone keys add"), "{said}");
}
