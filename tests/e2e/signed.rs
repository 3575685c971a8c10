//! What is signed: overrides, cookies, minted units, pins, told decisions, and the keys behind them.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    message::Message,
    on_each_engine,
    poll::until_true,
    ports::free_address,
    shop::register,
    stack::{Engine, Process, Stack, get, halftone},
    upstream::{Upstream, answer},
};

fn bundle(release: &str) -> String {
    format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: shop }}
attributes: {{ user.id: {{ type: string, from: [ {{ cookie: uid, signed: true }} ] }} }}
upstreams:
  shop: {{ variants: {{ stable: {{ select: {{ service: shop, group: stable }} }}, canary: {{ select: {{ service: shop, group: canary }} }} }} }}
routes: [ {{ name: all, rules: [ {{ release: shop-v2 }} ] }} ]
releases:
  shop-v2:
    upstream: shop
    unit: [ user.id ]
    overrides: [ {{ header: X-Release-Group, requires: signed }} ]
    {release}
"
    )
}

/// A shop that believes no peer; its services set a cookie of their own.
struct Shop {
    stack: Stack,
    services: [Upstream; 2],
}

impl Shop {
    fn start(engine: Engine, release: &str) -> Self {
        let services = ["stable", "canary"].map(|name| {
            Upstream::answering(move |_| {
                let text = String::from_utf8(answer(name)).expect("ASCII");
                text.replacen("\r\n", "\r\nSet-Cookie: own=1\r\nCache-Control: max-age=9\r\n", 1)
                    .into_bytes()
            })
        });
        let stack = Stack::start(engine, &["--trusted", "none"]);
        register(&stack.api, "shop", &services);
        stack.api.put_bundle("shop", &bundle(release));
        Self { stack, services }
    }

    /// Runs a command on the gateway's keys, and returns what it prints.
    fn run(&self, words: &[&str]) -> String {
        run(&self.stack.data(), words)
    }

    fn sign(&self, words: &[&str]) -> String {
        let mut all = vec!["sign"];
        all.extend(words);
        self.run(&all).trim_end().to_owned()
    }

    fn keys(&self) -> Vec<String> {
        let told: Value =
            serde_json::from_str(&self.run(&["keys", "list", "--json"])).expect("JSON");
        let ids = told["keys"].as_array().expect("a list").iter();
        ids.map(|id| id.as_str().expect("an id").to_owned()).collect()
    }
}

fn run(data: &Path, words: &[&str]) -> String {
    let output = halftone(words).arg("--data").arg(data).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

fn values<'a>(answer: &'a Message, name: &str) -> Vec<&'a str> {
    let named = answer.fields.iter().filter(|(own, _)| own == name);
    named.map(|(_, value)| value.as_str()).collect()
}

/// The cookie of ours that an answer sets, as it is sent back.
fn cookie(answer: &Message, name: &str) -> Option<String> {
    let set = values(answer, "set-cookie");
    let ours = set.iter().find(|value| value.starts_with(name))?;
    let (pair, attributes) = ours.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=34560000");
    assert!(values(answer, "cache-control").contains(&"private"), "{answer:?}");
    Some(pair.to_owned())
}

const UNIT: &str = "__Host-halftone-unit=";
const PIN: &str = "__Host-halftone-pin-shop-v2=";

on_each_engine! {
    fn a_signed_override_is_taken_and_no_other(engine: Engine) {
        let shop = Shop::start(engine, "default: { variant: stable }");
        let names = ["--tenant", "shop", "--release", "shop-v2"];
        let good = shop.sign(&[&["override", "canary"], &names[..]].concat());
        let stable = shop.sign(&["override", "canary", "--tenant", "shop", "--release", "other"]);
        let brief = shop.sign(&[&["override", "canary", "--for", "1s"], &names[..]].concat());
        let ask = |value: &str| shop.stack.get(&[("X-Release-Group", value)]).text();
        assert_eq!(ask(&good), "canary");
        assert_eq!(shop.services[1].requests()[0].field("x-release-group"), None, "it goes no further");
        for bad in [&stable, &good.replace("canary", "stable"), &format!("{good}x"), "canary", &good[1..]] {
            assert_eq!(ask(bad), "stable", "{bad}");
        }
        until_true("the end of a second", || ask(&brief) == "stable");
        until_true("the reason to be logged", || {
            shop.stack.log(2).iter().any(|line| line["reason"] == "OVERRIDE")
        });
        let log = shop.stack.log(2);
        assert!(!log.iter().any(|line| line.to_string().contains(&good)), "no token is logged");
    }

    fn a_unit_is_minted_kept_and_cannot_be_chosen(engine: Engine) {
        let shop = Shop::start(engine, "unitMissing: mint\n    default: { split: { canary: 50% } }");
        let mut connection = shop.stack.connect();
        let mut met = 0;
        for _ in 0..200 {
            let first = connection.send(get("/", &[])).answer();
            let unit = cookie(&first, UNIT).expect("a unit");
            assert!(values(&first, "set-cookie").contains(&"own=1"), "the service's own stays");
            met += usize::from(first.text() == "canary");
            for _ in 0..2 {
                let again = connection.send(get("/", &[("Cookie", &unit)])).answer();
                assert_eq!(again.text(), first.text(), "{unit}");
                assert_eq!(values(&again, "set-cookie"), ["own=1"]);
                assert_eq!(values(&again, "cache-control"), ["max-age=9"]);
            }
        }
        assert!((50..150).contains(&met), "{met} of 200");
        let first = connection.send(get("/", &[])).answer();
        let unit = cookie(&first, UNIT).expect("a unit");
        let forged = unit.replacen('=', "=x", 1);
        let answer = connection.send(get("/", &[("Cookie", &forged)])).answer();
        assert!(cookie(&answer, UNIT).is_some_and(|other| other != unit), "another is minted");
        // Nobody keeps it over plain http: stable, and nothing is set.
        let plain = "GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n";
        for _ in 0..5 {
            let answer = connection.send(plain).answer();
            assert_eq!((answer.text(), cookie(&answer, UNIT)), ("stable".to_owned(), None));
        }
    }

    fn a_pin_holds_both_ways_until_the_generation_rises(engine: Engine) {
        let release = |generation: u32| {
            format!("stickiness: pinned\n    unitMissing: mint\n    generation: {generation}\n    default: {{ split: scheduled }}")
        };
        let shop = Shop::start(engine, &release(0));
        let weigh = |weight: &str| {
            let path = "/v1/tenants/shop/releases/shop-v2:setWeight";
            let told = shop.stack.api.call("POST", path, &json!({ "weight": weight }).to_string());
            assert_eq!(told.expect("an answer").0, 200);
        };
        let first = shop.stack.get(&[]);
        let to_stable = cookie(&first, PIN).expect("a pin");
        assert_eq!((first.text().as_str(), values(&first, "set-cookie").len()), ("stable", 3));
        weigh("100%");
        until_true("the canary", || shop.stack.get(&[]).text() == "canary");
        let to_canary = cookie(&shop.stack.get(&[]), PIN).expect("a pin");
        let pinned = |pin: &str| {
            let answer = shop.stack.get(&[("Cookie", pin)]);
            (answer.text(), cookie(&answer, PIN).is_some())
        };
        assert_eq!(pinned(&to_stable), ("stable".to_owned(), false));
        weigh("0%");
        until_true("stable", || shop.stack.get(&[]).text() == "stable");
        assert_eq!(pinned(&to_canary), ("canary".to_owned(), false));
        assert_eq!(pinned(&to_canary.replace("canary", "stable")), ("stable".to_owned(), true), "forged");
        until_true("the reason to be logged", || {
            shop.stack.log(3).iter().any(|line| line["reason"] == "CACHED")
        });
        shop.stack.api.put_bundle("shop", &bundle(&release(1)));
        until_true("everybody to be decided anew", || pinned(&to_canary) == ("stable".to_owned(), true));
    }

    fn keys_rotate_without_a_restart_and_users_stay(engine: Engine) {
        let shop = Shop::start(engine, "unitMissing: mint\n    default: { split: { canary: 50% } }");
        let unit_of = |cookie: &str| cookie.split(['=', '.']).nth(1).expect("a unit").to_owned();
        let old = cookie(&shop.stack.get(&[]), UNIT).expect("a unit");
        let first = shop.keys().remove(0);
        shop.run(&["keys", "rotate", "--id", "new"]);
        assert_eq!(shop.keys(), ["new", first.as_str()]);
        let mut renewed = None;
        until_true("another key to sign", || {
            renewed = cookie(&shop.stack.get(&[("Cookie", &old)]), UNIT);
            renewed.is_some()
        });
        let renewed = renewed.expect("just seen");
        assert!(renewed.contains(".new.") && unit_of(&renewed) == unit_of(&old), "{renewed}");
        shop.run(&["keys", "remove", &first]);
        until_true("the old key to be forgotten", || {
            let answer = shop.stack.get(&[("Cookie", &old)]);
            cookie(&answer, UNIT).is_some_and(|other| unit_of(&other) != unit_of(&old))
        });
        assert_eq!(cookie(&shop.stack.get(&[("Cookie", &renewed)]), UNIT), None);
        let api = format!("http://{}", shop.stack.api.address);
        until_true("status to name the key", || {
            let output = halftone(&["status", "--api", &api]).output().expect("it runs");
            String::from_utf8_lossy(&output.stdout).contains("keys      new signs\n")
        });
    }

    fn a_holder_of_a_token_is_told_this_very_decision(engine: Engine) {
        let when = "{ id: named, when: \"has(user.id)\", variant: canary }";
        let shop = Shop::start(engine, &format!("unitMissing: mint\n    targets: [ {when} ]\n    default: {{ split: {{ canary: 50% }} }}"));
        let token = shop.sign(&["explain", "localhost", "--for", "10m"]);
        let other = shop.sign(&["explain", "other.example.com"]);
        let uid = shop.sign(&["cookie", "u7", "--tenant", "shop", "--name", "uid"]);
        let uid = format!("uid={uid}");
        let told = |fields: &[(&str, &str)]| {
            let answer = shop.stack.get(fields);
            (answer.field("x-halftone-decision").map(str::to_owned), answer)
        };
        for fields in [&[][..], &[("X-Halftone-Explain", other.as_str())], &[("X-Halftone-Explain", "localhost")]] {
            assert_eq!(told(fields).0, None, "{fields:?}");
        }
        for _ in 0..20 {
            let (decision, answer) = told(&[("x_halftone_explain", &token)]);
            let decision = decision.expect("it is told");
            assert_eq!(values(&answer, "cache-control"), ["max-age=9", "private"], "no cache gives it to others");
            let unit = cookie(&answer, UNIT).expect("minted on this request");
            let variant = answer.text();
            assert!(decision.contains(&format!("variant=\"{variant}\", reason=SPLIT, bucket=")), "{decision}");
            // The bucket is that of the unit that this very answer sets.
            let unit = unit.split(['=', '.']).nth(1).expect("a unit").to_owned();
            let bucket = halftone_core::bucket::bucket(b"shop-v2", unit.as_bytes());
            assert!(decision.contains(&format!("bucket={bucket},")), "{decision} of {unit}");
        }
        let (decision, answer) = told(&[("X-Halftone-Explain", &token), ("Cookie", &uid)]);
        let decision = decision.expect("it is told");
        let expected = "route=\"all\", tenant=\"shop\", release=\"shop-v2\", target=\"named\", variant=\"canary\", reason=TARGETING_MATCH";
        assert!(decision.starts_with(expected), "{decision}");
        assert_eq!(values(&answer, "cache-control"), ["max-age=9", "private"], "nor one without a cookie");
        assert_eq!(answer.field("x-halftone-values"), Some("\"header x-release-group\";found=?0, \"user.id\";is=\"u7\""));
        for service in &shop.services {
            for request in service.requests() {
                assert!(!request.fields.iter().any(|(name, _)| name.contains("explain")), "{request:?}");
            }
        }
    }

    /// More is told than there is room for in front of an answer.
    fn what_is_told_may_be_long(engine: Engine) {
        let shop = Shop::start(engine, "default: { variant: stable }");
        let attributes: String =
            (0..14).map(|at| format!("  a{at}: {{ type: string, from: [ {{ header: x-{at} }} ] }}\n")).collect();
        let reads: Vec<String> = (0..14).map(|at| format!("a{at} == 'x'")).collect();
        let target = format!("targets: [ {{ id: long, when: \"{}\", variant: canary }} ]", reads.join(" || "));
        let bundle = bundle(&format!("{target}\n    default: {{ variant: stable }}"));
        let bundle = bundle.replacen("upstreams:", &format!("{}upstreams:", attributes), 1)
            .replacen("attributes: { user.id: { type: string, from: [ { cookie: uid, signed: true } ] } }\n",
                "attributes:\n  user.id: { type: string, from: [ { cookie: uid, signed: true } ] }\n", 1);
        shop.stack.api.put_bundle("shop", &bundle);
        let token = shop.sign(&["explain", "localhost"]);
        let (names, value): (Vec<String>, _) = ((0..14).map(|at| format!("X-{at}")).collect(), "京".repeat(40));
        let mut fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
        fields.push(("X-Halftone-Explain", &token));
        let mut connection = shop.stack.connect();
        for _ in 0..3 {
            let answer = connection.send(get("/", &fields)).answer();
            assert_eq!((answer.status(), answer.text()), (200, "stable".to_owned()));
            let told = answer.field("x-halftone-values").expect("it is told");
            let expected = format!("\"a13\";is=%\"{}\"", "%e4%ba%ac".repeat(21));
            assert!(told.len() > 2_500 && told.ends_with(&expected), "{told}");
            assert_eq!(values(&answer, "set-cookie"), ["own=1"]);
        }
    }

    fn a_gateway_without_keys_says_so_and_takes_some(engine: Engine) {
        let directory = tempfile::tempdir().expect("a directory");
        let (listen, admin) = (free_address(), free_address());
        let mut command = halftone(&["gateway", "--engine", engine.name(), "--cpus", "0"]);
        command.arg("--listen").arg(listen.to_string()).arg("--admin").arg(admin.to_string());
        let process = Process::start(command.arg("--data").arg(directory.path()), directory.path());
        let socket = directory.path().join("gateway.sock");
        until_true("the control socket", || socket.exists());
        let service = Upstream::named("stable");
        let text = bundle("unitMissing: mint\n    default: { split: { canary: 50% } }")
            .replace("{ select: { service: shop, group: stable } }", &format!("{{ addresses: [ '{}' ] }}", service.address()));
        let file = directory.path().join("shop.yaml");
        fs::write(&file, text).expect("written");
        let output = halftone(&["push"]).arg("--socket").arg(&socket).arg(&file).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let ask = || crate::message::Wire::connect(listen).send(get("/", &[])).answer();
        let page = || crate::message::Wire::connect(admin).send(get("/metrics", &[])).answer().text();
        assert_eq!((ask().text(), cookie(&ask(), UNIT)), ("stable".to_owned(), None));
        assert!(page().contains("\nhalftone_keys_missing 1\n"), "{}", page());
        assert!(process.output().contains("this gateway has none"), "{}", process.output());
        run(directory.path(), &["keys", "add"]);
        until_true("the key to be taken", || page().contains("\nhalftone_keys_missing 0\n"));
        assert!(cookie(&ask(), UNIT).is_some());
    }
}

/// The lines of docs/signatures.md, as they are printed there.
fn documented(language: &str) -> String {
    let text = include_str!("../../docs/signatures.md");
    let block = text.split(&format!("```{language}\n")).nth(1).expect("a block");
    block.split("```").next().expect("its end").to_owned()
}

#[test]
fn what_the_document_says_makes_the_tokens_that_are_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), &["keys", "add", "--id", "k1"]);
    let file = fs::read_to_string(folder.path().join("keys")).expect("a key file");
    let line = file.lines().find(|line| line.starts_with("k1 ")).expect("a key");
    let secret = line.split(' ').nth(1).expect("a secret");
    let words = ["sign", "cookie", "u7.x", "--tenant", "shop", "--name", "uid"];
    let expected = run(folder.path(), &words);
    let call = format!("print(sign('k1', '{secret}', 'cookie', 'shop/uid', 'u7.x'))");
    let python = format!("{}\n{call}\n", documented("python"));
    let call = format!("sign k1 '{secret}' cookie shop/uid u7.x 0");
    let shell = format!("{}\n{call}\n", documented("sh"));
    for (program, needs, text) in [("python3", "python3", python), ("sh", "openssl", shell)] {
        let is_there = Command::new(needs).arg("--help").output().is_ok();
        if !is_there {
            eprintln!("not tested: there is no {needs}");
            continue;
        }
        let output = Command::new(program).arg("-c").arg(&text).output().expect("it runs");
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(found, expected, "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn key_files_are_made_for_their_owner_and_refused_otherwise() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys");
    let call = |words: &[&str]| {
        let output = halftone(words).arg("--keys").arg(&keys).output().expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    assert_eq!(call(&["keys", "list"]).0, Some(1), "there is none");
    assert_eq!(
        call(&["keys", "add", "--id", "a"]),
        (Some(0), format!("{:<16} signs and verifies\n", "a"))
    );
    assert_eq!(fs::metadata(&keys).expect("made").permissions().mode() & 0o777, 0o600);
    assert_eq!(call(&["keys", "add", "--id", "a"]).0, Some(1), "its id is taken");
    assert_eq!(call(&["keys", "add", "--id", "a.b"]).0, Some(2));
    assert_eq!(call(&["keys", "add", "--id", "b"]).0, Some(0));
    assert_eq!(
        call(&["keys", "promote", "b"]).1,
        format!("{:<16} signs and verifies\n{:<16} verifies\n", "b", "a")
    );
    assert_eq!(
        call(&["keys", "remove", "nobody"]),
        (Some(1), "error: there is no key \"nobody\"; there is b, a\n".to_owned())
    );
    assert_eq!(call(&["keys", "remove", "b"]).0, Some(0));
    assert_eq!(call(&["keys", "remove", "a"]).0, Some(1), "the last one stays");
    let secret = fs::read_to_string(&keys).expect("a file");
    let secret = secret.split_whitespace().last().expect("a secret").to_owned();
    assert!(!call(&["keys", "list", "--json"]).1.contains(&secret));
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).expect("ours");
    let words = ["override", "canary", "--tenant", "shop", "--release", "shop-v2"];
    for words in [&["keys", "list"][..], &["keys", "rotate"], &[&["sign"], &words[..]].concat()] {
        let (code, text) = call(words);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("has mode 0644: whoever reads it can sign"), "{text}");
    }
    let data = folder.path().join("data");
    let mut gateway = halftone(&["gateway", "--listen", "127.0.0.1:0", "--data"]);
    let output = gateway.arg(&data).arg("--keys").arg(&keys).output().expect("it ends");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--keys: "), "{output:?}");
}
