//! `halftone shadow`: who would move, told exactly, and nothing done about it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use halftone_core::bucket::bucket;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    message::Wire,
    on_each_engine,
    poll::{until, until_true},
    stack::{Engine, Stack, get, halftone, send},
    upstream::Upstream,
};

const USERS: usize = 200;

struct Shop {
    stack: Stack,
    services: [Upstream; 2],
}

impl Shop {
    fn start(engine: Engine) -> Self {
        let services = [Upstream::named("stable"), Upstream::named("canary")];
        let shop = Self { stack: Stack::start(engine, &[]), services };
        shop.stack.api.put_bundle("shop", &shop.bundle("20%", ""));
        shop
    }

    /// Returns the shop's bundle with this share, and these targets in front.
    fn bundle(&self, share: &str, targets: &str) -> String {
        let [stable, canary] = self.services.each_ref().map(Upstream::address);
        format!(
            "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: shop }}
attributes:
  user.id: {{ type: string, from: [ {{ cookie: uid }} ] }}
  user.level: {{ type: string, from: [ {{ tags: level }} ] }}
upstreams:
  web: {{ variants: {{ stable: {{ addresses: [\"{stable}\"] }}, canary: {{ addresses: [\"{canary}\"] }} }} }}
routes: [ {{ name: web, hostnames: [localhost], rules: [ {{ release: web-v2 }} ] }} ]
releases: {{ web-v2: {{ upstream: web, unit: [user.id], targets: [ {targets} ], default: {{ split: {{ canary: {share} }} }} }} }}
"
        )
    }

    /// Writes a candidate.
    fn file(&self, text: &str) -> PathBuf {
        let file = self.stack.data().join("candidate.yaml");
        fs::write(&file, text).expect("written");
        file
    }

    /// Begins to shadow a file; returns once every worker does.
    fn shadow(&self, file: &Path, arguments: &[&str]) -> Running {
        let api = format!("http://{}", self.stack.api.address);
        let mut command = halftone(&["shadow", "--api", &api, "--json"]);
        Running::start(command.arg(file).args(arguments), &self.stack.data().join("told"))
    }

    /// Has every user ask once, for something with a value; returns what each met.
    fn ask(&self) -> Vec<String> {
        let mut connection = self.stack.connect();
        let ask = |user: usize| {
            let fields = [("Cookie", format!("uid=user-{user}"))];
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            connection.send(get("/cart?token=s3cret", &fields)).answer().text()
        };
        (0..USERS).map(ask).collect()
    }

    /// Returns how many requests the gateway counted, by variant.
    fn counted(&self, variant: &str) -> u64 {
        let gateway = self.stack.api.gateway().expect("the API answers");
        gateway["stats"]["variants"][format!("shop/web/{variant}")]["requests"]
            .as_u64()
            .unwrap_or(0)
    }
}

/// A command that goes on until it has seen enough.
struct Running {
    child: Option<Child>,
    errors: PathBuf,
}

impl Running {
    fn start(command: &mut Command, errors: &Path) -> Self {
        let file = File::create(errors).expect("a file");
        let child = command.stdout(Stdio::piped()).stderr(file).spawn().expect("it starts");
        let mut running = Self { child: Some(child), errors: errors.to_owned() };
        until_true("the shadow to begin", || running.has_begun());
        running
    }

    fn has_begun(&mut self) -> bool {
        let told = fs::read_to_string(&self.errors).unwrap_or_default();
        let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("it is ours"));
        assert!(ended.is_none_or(|status| status.success()), "{told}");
        ended.is_some() || told.contains("Ctrl-C ends it")
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Waits for its end; returns its code, what it told and what it logged.
    fn ended(mut self) -> (Option<i32>, Value, String) {
        let output = self.child.take().expect("it runs").wait_with_output().expect("it ends");
        let told = fs::read_to_string(&self.errors).unwrap_or_default();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), report, told)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns the users whose bucket lies there.
fn within(start: u32, end: u32) -> BTreeSet<usize> {
    let of = |user: &usize| bucket(b"web-v2", format!("user-{user}").as_bytes());
    (0..USERS).filter(|user| (start..end).contains(&of(user))).collect()
}

on_each_engine! {
    fn a_candidate_moves_exactly_who_it_says(engine: Engine) {
        let shop = Shop::start(engine);
        let before = shop.ask();
        let expected = within(200_000, 300_000).len();
        assert!((5..USERS / 2).contains(&expected), "the test would show nothing");
        let file = shop.file(&shop.bundle("30%", ""));
        let requests = (2 * USERS).to_string();
        let running = shop.shadow(&file, &["--requests", &requests]);
        assert_eq!((shop.ask(), shop.ask()), (before.clone(), before.clone()), "nobody moves");
        let (code, report, told) = running.ended();
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(report["requests"], 2 * USERS, "{report}");
        assert_eq!(report["users"], json!({ "count": USERS, "exact": true }), "{report}");
        assert_eq!(report["movedRequests"], 2 * expected, "{report}");
        assert_eq!(report["movedUsers"], json!({ "count": expected, "exact": true }), "{report}");
        assert_eq!((&report["missing"], &report["undecided"]), (&json!(0), &json!(0)), "{report}");
        let [row] = report["moves"].as_array().expect("moves").as_slice() else {
            panic!("one rule moves them: {report}");
        };
        let rule = |variant: &str| json!({ "tenant": "shop", "route": "web", "release": "web-v2", "variant": variant });
        assert_eq!((&row["from"], &row["to"]), (&rule("stable"), &rule("canary")), "{report}");
        assert_eq!((&row["requests"], &row["users"]["count"]), (&json!(2 * expected), &json!(expected)));
        let samples = row["samples"].as_array().expect("samples");
        assert_eq!(samples.len(), 3, "{report}");
        assert!(samples.iter().all(|one| one["path"] == "/cart?token=…" && one["host"] == "localhost"), "{report}");
        for secret in ["s3cret", "user-", "uid"] {
            assert!(!report.to_string().contains(secret), "{secret} is told: {report}");
        }
        let canaries = before.iter().filter(|met| *met == "canary").count();
        until_true("the requests to be counted, each once", || {
            let counted = ["stable", "canary"].map(|variant| shop.counted(variant));
            counted == [3 * (USERS - canaries) as u64, 3 * canaries as u64]
        });
    }

    fn the_last_line_promotes_what_was_looked_at(engine: Engine) {
        let shop = Shop::start(engine);
        let everybody = "{ id: all, when: \"has(user.id)\", variant: canary }";
        let file = shop.file(&shop.bundle("20%", everybody));
        let running = shop.shadow(&file, &["--requests", "1"]);
        shop.ask();
        let (_, report, told) = running.ended();
        assert_eq!(report["moves"][0]["to"]["target"], "all", "{report}{told}");
        let promote = report["promote"].as_str().expect("a command").to_owned();
        let words: Vec<&str> = promote.split(' ').collect();
        let promote = || halftone(&words[1..]).output().expect("it runs");
        fs::write(&file, shop.bundle("21%", everybody)).expect("written");
        let output = promote();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("another bundle"), "{output:?}");
        assert!(shop.ask().contains(&"stable".to_owned()), "nothing was changed");
        fs::write(&file, shop.bundle("20%", everybody)).expect("written");
        let output = promote();
        assert!(output.status.success(), "{output:?}");
        assert!(shop.ask().iter().all(|met| met == "canary"));
    }

    fn a_sample_is_a_part_and_ctrl_c_tells_it(engine: Engine) {
        let shop = Shop::start(engine);
        let file = shop.file(&shop.bundle("100%", ""));
        let running = shop.shadow(&file, &["--sample", "25%", "--for", "1h"]);
        shop.ask();
        shop.ask();
        until_true("the requests to be counted", || {
            shop.counted("stable") + shop.counted("canary") == 2 * USERS as u64
        });
        send(running.pid(), Signal::INT);
        let (code, report, told) = running.ended();
        assert_eq!(code, Some(0), "{told}");
        let looked_at = report["requests"].as_u64().expect("a number");
        assert!((40..180).contains(&looked_at), "a quarter of 400: {report}");
        assert!(report["movedRequests"].as_u64() > Some(looked_at / 2), "{report}");
    }

    fn one_at_a_time_until_its_peer_is_gone(engine: Engine) {
        let shop = Shop::start(engine);
        let file = shop.file(&shop.bundle("100%", ""));
        let first = shop.shadow(&file, &["--for", "1h"]);
        let second = || {
            let socket = shop.stack.data().join("gateway.sock");
            let mut command = halftone(&["shadow", "--for", "100ms", "--json", "--socket"]);
            command.arg(socket).arg(&file).output().expect("it runs")
        };
        let output = second();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("one at a time"), "{output:?}");
        send(first.pid(), Signal::KILL);
        until_true("the first to be forgotten", || second().status.success());
        // By itself, when its time is over.
        let report: Value = serde_json::from_slice(&second().stdout).expect("JSON");
        assert_eq!((&report["requests"], &report["gateways"]), (&json!(0), &json!(1)), "{report}");
        assert!(report["promote"].as_str().is_some_and(|line| line.starts_with("halftone push ")));
    }

    fn a_gateway_that_ends_ends_the_shadow(engine: Engine) {
        let shop = Shop::start(engine);
        let file = shop.file(&shop.bundle("100%", ""));
        let running = shop.shadow(&file, &["--for", "1h"]);
        send(shop.stack.child("gateway"), Signal::KILL);
        let (code, _, told) = running.ended();
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("the gateway"), "{told}");
        // The next one knows nothing of it.
        let api = format!("http://{}", shop.stack.api.address);
        let report = until("the next gateway to be asked", || {
            let mut command = halftone(&["shadow", "--for", "100ms", "--json", "--api", &api]);
            let output = command.arg(&file).output().expect("it runs");
            output.status.success().then(|| serde_json::from_slice::<Value>(&output.stdout).expect("JSON"))
        });
        assert_eq!(report["requests"], 0, "{report}");
    }

    fn nobody_is_asked_for(engine: Engine) {
        let shop = Shop::start(engine);
        for user in 0..5 {
            let path = format!("/v1/tenants/shop/tags/user-{user}");
            let answer = shop.stack.api.call("PUT", &path, r#"{ "level": "vip" }"#);
            assert_eq!(answer.expect("an answer").0, 200);
        }
        let vip = "{ id: vip, when: \"user.level == 'vip'\", variant: canary }";
        let file = shop.file(&shop.bundle("20%", vip));
        // Who is in no filter has no tags, but for one in a hundred that passes it all the same; of the others it is known
        // only once somebody else has asked. The filter is on its way.
        let enough = (USERS - 20).to_string();
        until_true("five to be undecided", || {
            let running = shop.shadow(&file, &["--requests", &enough, "--for", "5s"]);
            shop.ask();
            let (_, report, told) = running.ended();
            assert!(report["undecided"].as_u64() <= Some(20), "{report}{told}");
            report["undecided"].as_u64() >= Some(5)
        });
        let page = Wire::connect(shop.stack.api.address).send(get("/metrics", &[])).answer().text();
        assert!(page.contains("halftone_tag_ids_asked_total 0\n"), "{page}");
    }

    fn a_candidate_that_is_none_is_refused(engine: Engine) {
        let shop = Shop::start(engine);
        let api = format!("http://{}", shop.stack.api.address);
        let socket = shop.stack.data().join("gateway.sock").display().to_string();
        let run = |text: &str, arguments: &[&str]| {
            let output = halftone(&["shadow"]).arg(shop.file(text)).args(arguments).output();
            let output = output.expect("it runs");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let good = shop.bundle("30%", "");
        let foreign = good.replace("tenant: shop", "tenant: greedy");
        for (text, arguments, code, part) in [
            (good.replace("upstream: web, unit", "upstream: gone, unit").as_str(), ["--api", api.as_str()], 1, "is not shadowed"),
            (good.replace("canary: 30%", "canary: 130%").as_str(), ["--api", &api], 1, "is not shadowed"),
            (foreign.as_str(), ["--socket", &socket], 1, "belongs to tenant \"shop\""),
            ("kind: Gateway\napiVersion: halftone/v1\n", ["--api", &api], 2, "only bundles are shadowed"),
            (&good, ["--sample", "0%"], 2, "--sample"),
            (&good, ["--sample", "101%"], 2, "--sample"),
            (&good, ["--for", "0s"], 2, "--for"),
            (&good, ["--for", "2h"], 2, "--for"),
            (&good, ["--api", "http://127.0.0.1:1"], 1, "does not answer"),
        ] {
            let (found, told) = run(text, &arguments);
            assert!(found == Some(code) && told.contains(part), "{arguments:?}: {found:?} {told}");
        }
    }
}
