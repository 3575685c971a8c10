//! `halftone replay`: an access log is enough to decide its requests again, or it is said why not.

use std::{collections::BTreeSet, fs, path::PathBuf};

use halftone_core::bucket::bucket;
use serde_json::{Value, json};

use crate::{
    message::Wire,
    on_each_engine,
    poll::{until, until_true},
    ports::free_address,
    stack::{Engine, Process, Stack, get, halftone},
    upstream::Upstream,
};

const USERS: usize = 200;
/// What no line may have, wherever it was sent.
const SECRET: &str = "s3cret";

struct Shop {
    stack: Stack,
    services: [Upstream; 2],
}

impl Shop {
    fn start(engine: Engine) -> Self {
        let services = [Upstream::named("stable"), Upstream::named("canary")];
        let shop = Self { stack: Stack::start(engine, &[]), services };
        shop.stack.api.put_bundle("shop", &shop.bundle("20%", VIP));
        shop
    }

    fn bundle(&self, share: &str, targets: &str) -> String {
        let [stable, canary] = self.services.each_ref().map(Upstream::address);
        format!(
            "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: shop }}
attributes:
  user.id: {{ type: string, from: [ {{ cookie: uid }} ] }}
  user.level: {{ type: string, from: [ {{ tags: level }} ] }}
  user.age: {{ type: int, from: [ {{ header: x-age }} ] }}
  key: {{ type: string, from: [ {{ header: authorization }} ] }}
  device.os: {{ type: string, from: [ {{ device: os }} ] }}
upstreams:
  web: {{ variants: {{ stable: {{ addresses: [\"{stable}\"] }}, canary: {{ addresses: [\"{canary}\"] }} }} }}
routes: [ {{ name: web, hostnames: [localhost], rules: [ {{ release: web-v2 }} ] }} ]
releases: {{ web-v2: {{ upstream: web, unit: [user.id], targets: [ {targets} ], default: {{ split: {{ canary: {share} }} }} }} }}
"
        )
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.stack.data().join(name);
        fs::write(&file, text).expect("written");
        file
    }

    /// Has every user ask once; returns what each met, when all of it is in the log.
    fn ask(&self) -> Vec<String> {
        let mut connection = self.stack.connect();
        let mut met = Vec::new();
        for user in 0..USERS {
            let cookie = format!("uid=user-{user}; other={SECRET}");
            let agent = if user % 2 == 0 { "App (Android 14; Pixel 8)" } else { "curl/8.5.0" };
            let fields = [
                ("Cookie", cookie.as_str()),
                ("Authorization", SECRET),
                ("User-Agent", agent),
                ("X-Other", SECRET),
            ];
            met.push(connection.send(get("/cart?a=b", &fields)).answer().text());
        }
        self.stack.log(USERS);
        met
    }

    /// Replays the log; returns the code, the report and what was said.
    fn replay(&self, against: &str, and: Option<&str>) -> (Option<i32>, Value, String) {
        let mut command = halftone(&["replay", "--json"]);
        command.arg(self.stack.data().join("access.log"));
        command.arg("--against").arg(self.file("against.yaml", against));
        if let Some(and) = and {
            command.arg("--and").arg(self.file("and.yaml", and));
        }
        let output = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), told)
    }
}

const VIP: &str = "{ id: vip, when: \"user.level == 'vip'\", variant: canary }";

/// Returns the users whose bucket lies there.
fn within(start: u32, end: u32) -> BTreeSet<usize> {
    let of = |user: &usize| bucket(b"web-v2", format!("user-{user}").as_bytes());
    (0..USERS).filter(|user| (start..end).contains(&of(user))).collect()
}

on_each_engine! {
    fn a_log_is_enough_to_decide_again(engine: Engine) {
        let shop = Shop::start(engine);
        let mut sent = USERS;
        for user in [0, 1] {
            let path = format!("/v1/tenants/shop/tags/user-{user}");
            let answer = shop.stack.api.call("PUT", &path, r#"{ "level": "vip" }"#);
            assert_eq!(answer.expect("an answer").0, 200);
            until_true("a vip to be known", || {
                sent += 1;
                let cookie = format!("uid=user-{user}");
                shop.stack.get(&[("Cookie", &cookie)]).text() == "canary"
            });
        }
        let met = shop.ask();
        let lines = shop.stack.log(sent);
        assert_eq!(lines.len(), sent);
        let text = fs::read_to_string(shop.stack.data().join("access.log")).expect("a log");
        assert!(!text.contains(SECRET), "what no rule reads is not written");
        let read = "\"cookie uid\":\"user-7\",\"tag level of shop/user-7\":null";
        assert!(text.contains(read), "{}", lines[sent - 1]);

        // The same bundle decides what was decided, with the tags of then.
        let same = shop.bundle("20%", VIP);
        let (code, report, told) = shop.replay(&same, None);
        assert_eq!((code, &report["movedRequests"]), (Some(0), &json!(0)), "{report}{told}");
        assert_eq!(report["requests"], lines.len(), "{report}");
        assert_eq!((&report["unreplayable"], &report["others"]), (&json!({}), &json!(0)), "{report}");
        assert_eq!(report["users"], json!({ "count": USERS, "exact": true }), "{report}");

        // Another share moves who lies there, whether it is compared with the log or with the bundle.
        let other = shop.bundle("30%", VIP);
        let expected = within(200_000, 300_000).into_iter().filter(|user| *user > 1).count();
        assert!(expected > 5 && met.contains(&"canary".to_owned()), "the test would show nothing");
        for (against, and) in [(&other, None), (&same, Some(other.as_str()))] {
            let (_, report, told) = shop.replay(against, and);
            assert_eq!(report["movedUsers"], json!({ "count": expected, "exact": true }), "{report}{told}");
            assert_eq!(report["moves"].as_array().map(Vec::len), Some(1), "{report}");
            assert_eq!(report["moves"][0]["to"]["variant"], "canary", "{report}");
            assert!(!report.to_string().contains("user-"), "{report}");
        }
    }

    fn what_a_line_lacks_is_named_and_never_guessed(engine: Engine) {
        let shop = Shop::start(engine);
        shop.ask();
        let same = shop.bundle("20%", VIP);
        let check = |target: &str, lacks: &str| {
            let and = shop.bundle("20%", &format!("{target}, {VIP}"));
            let (code, report, told) = shop.replay(&same, Some(&and));
            assert_eq!(code, Some(0), "{told}");
            assert_eq!(report["unreplayable"], json!({ lacks: USERS }), "{report}");
            assert_eq!(report["requests"], 0, "{report}");
        };
        check("{ id: old, when: \"user.age > 18\", variant: canary }", "header x-age");
        check("{ id: os, when: \"device.os == 'android'\", variant: canary }", "device os");
        check("{ id: beta, match: { cookies: [ { name: beta, value: \"1\" } ] }, variant: canary }", "cookie beta");
        let age = "{ id: age, when: \"request.path == '/nowhere' && user.age > 18\", variant: canary }";
        let (_, report, told) = shop.replay(&same, Some(&shop.bundle("20%", &format!("{age}, {VIP}"))));
        assert_eq!(report["requests"], USERS, "what is not read does not have to be there: {report}{told}");
    }

    fn what_is_read_is_written_but_for_secrets(engine: Engine) {
        let shop = Shop::start(engine);
        let targets = "{ id: key, when: \"key == 'k'\", variant: canary }, { id: os, when: \"device.os == 'android'\", variant: canary }";
        let bundle = shop.bundle("0%", targets);
        shop.stack.api.put_bundle("shop", &bundle);
        let met = shop.ask();
        assert!(met.iter().enumerate().all(|(user, met)| (met == "canary") == (user % 2 == 0)));
        let text = fs::read_to_string(shop.stack.data().join("access.log")).expect("a log");
        assert!(!text.contains(SECRET) && !text.contains("Pixel") && text.contains("\"device os\":\"android\""), "{text}");
        // Its own decision read the secret, so that it cannot be taken again; without that rule it can.
        let (_, report, _) = shop.replay(&bundle, None);
        assert_eq!(report["unreplayable"], json!({ "header authorization": USERS }), "{report}");
        let open = shop.bundle("0%", "{ id: os, when: \"device.os == 'android'\", variant: canary }");
        let (_, report, told) = shop.replay(&open, None);
        assert_eq!((&report["requests"], &report["movedRequests"]), (&json!(USERS), &json!(0)), "{report}{told}");
    }

    fn values_are_written_unless_switched_off(engine: Engine) {
        let shop = Shop::start(engine);
        let (data, listen) = (shop.stack.data().join("quiet"), free_address());
        fs::create_dir(&data).expect("a folder");
        let config = "apiVersion: halftone/v1\nkind: Gateway\nlogs: { values: false }\n";
        let config = shop.file("gateway.yaml", config);
        let mut command = halftone(&["gateway", "--engine", engine.name(), "--config"]);
        command.arg(config).arg("--listen").arg(listen.to_string()).arg("--data").arg(&data);
        let _quiet = Process::start(&mut command, &data);
        let socket = data.join("gateway.sock");
        until_true("the control socket", || socket.exists());
        let bundle = shop.file("pushed.yaml", &shop.bundle("20%", VIP));
        let pushed = halftone(&["push"]).arg(bundle).arg("--socket").arg(socket).output();
        assert!(pushed.expect("it runs").status.success());
        Wire::connect(listen).send(get("/", &[("Cookie", "uid=user-1")])).answer();
        let line = until("a line", || {
            let text = fs::read_to_string(data.join("access.log")).ok()?;
            text.ends_with('\n').then_some(text)
        });
        assert!(line.contains("\"bucket\"") && !line.contains("user-1"), "{line}");
        fs::write(shop.stack.data().join("access.log"), line).expect("written");
        let (code, report, told) = shop.replay(&shop.bundle("30%", ""), None);
        assert_eq!((code, &report["unreplayable"]), (Some(0), &json!({ "values": 1 })), "{report}{told}");
    }

    fn a_log_may_have_anything_in_it(engine: Engine) {
        let shop = Shop::start(engine);
        shop.ask();
        let other = shop.bundle("100%", VIP).replace("tenant: shop", "tenant: blog").replace("localhost", "blog");
        shop.stack.api.put_bundle("blog", &other);
        shop.stack.connect().send(get("/", &[]).replace("localhost", "blog")).answer();
        shop.stack.connect().send("nonsense\r\n\r\n").answer();
        shop.stack.connect().send(get("/", &[]).replace("localhost", "nowhere")).answer();
        let mut log = fs::read(shop.stack.data().join("access.log")).expect("a log");
        until("every line", || {
            log = fs::read(shop.stack.data().join("access.log")).expect("a log");
            (log.iter().filter(|byte| **byte == b'\n').count() == USERS + 3).then_some(())
        });
        log.extend_from_slice(b"\xff\xfe\n{\"time\":1}\n");
        log.extend(std::iter::repeat_n(b'x', 300_000));
        log.extend_from_slice(b"\n{\"cut");
        fs::write(shop.stack.data().join("access.log"), &log).expect("written");
        let (code, report, told) = shop.replay(&shop.bundle("20%", VIP), None);
        assert_eq!(code, Some(0), "{told}");
        assert_eq!((&report["requests"], &report["movedRequests"]), (&json!(USERS), &json!(0)), "{report}");
        assert_eq!((&report["lines"], &report["others"]), (&json!(USERS + 7), &json!(2)), "{report}");
        assert_eq!(report["unreplayable"], json!({ "a decision": 1, "a line of an access log": 4 }), "{report}");

        let (code, _, told) = shop.replay(&shop.bundle("20%", VIP), Some(&other));
        assert!(code == Some(2) && told.contains("of tenant \"shop\""), "{told}");
        let (code, _, told) = shop.replay("kind: Bundle", None);
        assert!(code == Some(1) && told.contains("is not replayed"), "{told}");
    }
}
