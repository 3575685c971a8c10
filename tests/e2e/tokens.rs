//! Tokens of callers: from an issuer's JWKS document to the variant a request meets, and what is no token.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use halftone_tokens::{Signer, encode, jwks};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    message::Wire,
    on_each_engine,
    poll::until_true,
    ports::free_address,
    published::{Published, replace},
    shop,
    stack::{Engine, Process, Stack, get, halftone},
    upstream::Upstream,
};

/// The bundle that the documentation shows.
const TOKENS: &str = include_str!("../../docs/examples/tokens.yaml");
const ISSUER: &str = "https://id.example.com";

struct Shop {
    stack: Stack,
    services: [Upstream; 2],
    folder: TempDir,
}

impl Shop {
    /// Starts with these keys, and a second issuer with one of its own.
    fn start(engine: Engine, signers: &[&Signer]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        replace(&folder.path().join("jwks.json"), jwks(signers).to_string());
        replace(&folder.path().join("other.json"), jwks(&[&other()]).to_string());
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (own, second) =
            (format!("{ISSUER}={}", file("jwks.json")), format!("other={}", file("other.json")));
        let audience = format!("{ISSUER}=shop");
        let words = ["--jwks", &own, "--jwks", &second, "--audience", &audience];
        let (stack, services) = shop::start(engine, &words, TOKENS);
        let shop = Self { stack, services, folder };
        until_true("the gateway to know the keys", || shop.keys().len() == signers.len());
        shop
    }

    fn publish(&self, text: &str) {
        replace(&self.folder.path().join("jwks.json"), text);
    }

    /// Returns the ids of the keys that the gateway verifies by.
    fn keys(&self) -> Vec<String> {
        let gateway = self.stack.api.gateway().unwrap_or_default();
        let keys = gateway["issuers"][0]["keys"].as_array().cloned().unwrap_or_default();
        keys.iter().map(|key| key.as_str().expect("an id").to_owned()).collect()
    }

    /// Returns what the API says of the issuer.
    fn issuer(&self) -> Value {
        self.stack.api.call("GET", "/v1/issuers", "").expect("an answer").1[0].clone()
    }

    fn variant(&self, token: &str) -> String {
        self.stack.get(&[("Authorization", &format!("Bearer {token}"))]).text()
    }

    /// Returns why a worker does not believe what is shown; nothing when it does.
    fn rejected(&self, shown: &[&str]) -> Value {
        let field = |value: &&str| json!({ "name": "Authorization", "value": value });
        let headers: Vec<Value> = shown.iter().map(field).collect();
        let asked = json!({ "method": "GET", "url": "/", "headers": headers });
        let told = self.stack.api.call("POST", "/v1/explain", &asked.to_string());
        let (status, told) = told.expect("an answer");
        assert_eq!(status, 200, "{told}");
        let steps = told["steps"].as_array().expect("steps");
        let token = steps.iter().find(|step| step["step"] == "token");
        token.unwrap_or_else(|| panic!("no token in {told}"))["rejected"].clone()
    }
}

fn other() -> Signer {
    Signer::ed25519("other", 77)
}

fn in_s(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    now.checked_add_signed(seconds).expect("a time")
}

/// Claims of a user of this level.
fn user(level: i64) -> Value {
    json!({ "iss": ISSUER, "aud": ["shop"], "sub": "u7", "exp": in_s(600), "realm": { "level": level } })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

on_each_engine! {
    fn claims_choose_the_variant(engine: Engine) {
        let signers = [Signer::rs256("r"), Signer::ps256("p"), Signer::es256("e"), Signer::ed25519("d", 1)];
        let shop = Shop::start(engine, &signers.each_ref());
        for signer in &signers {
            for (claims, expected) in [
                (user(3), "canary"),
                (user(2), "stable"),
                (with(user(2), "https://example.com/staff", json!(true)), "canary"),
                (with(user(2), "https://example.com/staff", json!("yes")), "stable"),
                (with(user(2), "realm", json!(7)), "stable"),
            ] {
                let token = signer.sign(&claims);
                for _ in 0..3 {
                    assert_eq!(shop.variant(&token), expected, "{claims}");
                }
            }
        }
        // A claim is only whose it may be; another issuer may say the others.
        let foreign = json!({ "iss": "other", "exp": in_s(600), "https://example.com/staff": true });
        assert_eq!(shop.variant(&other().sign(&foreign)), "stable");
        assert_eq!(shop.variant(&other().sign(&with(foreign, "realm", json!({ "level": 3 })))), "canary");
        assert_eq!(shop.stack.get(&[]).text(), "stable");
        assert_eq!(shop.stack.get(&[("Authorization", "Basic dTc6cGFzcw==")]).text(), "stable");
        // Buckets are of the user that the token names: the same whatever token names it.
        let met = |sub: &str, signer: &Signer| shop.variant(&signer.sign(&with(user(0), "sub", json!(sub))));
        let first: Vec<String> = (0..40).map(|at| met(&format!("beta-{at}"), &signers[2])).collect();
        let again: Vec<String> = (0..40).map(|at| met(&format!("beta-{at}"), &signers[3])).collect();
        assert_eq!(first, again);
        assert!(first.contains(&"stable".to_owned()) && first.contains(&"canary".to_owned()));
        // The service is sent what the caller showed.
        assert!(shop.services[1].requests()[0].field("authorization").is_some_and(|value| value.starts_with("Bearer ")));
    }

    fn what_is_no_good_token_is_not_there(engine: Engine) {
        let (rsa, ed) = (Signer::rs256("rsa"), Signer::ed25519("ed", 1));
        let (thief, gone) = (Signer::ed25519("ed", 2), Signer::ed25519("gone", 1));
        let shop = Shop::start(engine, &[&rsa, &ed]);
        let good = ed.sign(&user(3));
        assert_eq!(shop.variant(&good), "canary");
        let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(user(3).to_string()));
        let under = |head: Value| ed.sign_under(&head, &user(3));
        let long = with(user(3), "x", json!("x".repeat(9_000)));
        for (token, result) in [
            (ed.sign(&with(user(3), "exp", json!(in_s(-60)))), "expired"),
            (ed.sign(&with(user(3), "exp", json!(null))), "malformed"),
            (ed.sign(&with(user(3), "nbf", json!(in_s(120)))), "notYetValid"),
            (ed.sign(&with(user(3), "aud", json!("other"))), "wrongAudience"),
            (ed.sign(&with(user(3), "iss", json!("https://evil.example"))), "unknownIssuer"),
            (ed.sign(&with(user(3), "iss", json!("other"))), "unknownKey"),
            (gone.sign(&user(3)), "unknownKey"),
            (thief.sign(&user(3)), "wrongSignature"),
            (format!("{unsigned}AA"), "algorithm"),
            (unsigned, "malformed"),
            (under(json!({ "alg": "HS256", "kid": "rsa" })), "algorithm"),
            (under(json!({ "alg": "EdDSA", "kid": "rsa" })), "algorithm"),
            (under(json!({ "alg": "RS256", "kid": "rsa" })), "wrongSignature"),
            (under(json!({ "alg": "EdDSA", "kid": "ed", "crit": ["exp"] })), "unsupported"),
            (under(json!({ "alg": "EdDSA", "kid": "ed", "typ": "logout+jwt" })), "unsupported"),
            (ed.sign(&long), "malformed"),
            (good.replace('.', ""), "malformed"),
            (format!("{good} {good}"), "malformed"),
        ] {
            assert_eq!(shop.variant(&token), "stable", "{result}: {token:.80}");
            let rejected = shop.rejected(&[&format!("Bearer {token}")]);
            assert_eq!(rejected, json!(result), "{token:.80}");
        }
        let bearer = format!("Bearer {good}");
        let twice = [("Authorization", bearer.as_str()), ("authorization", bearer.as_str())];
        assert_eq!(shop.stack.get(&twice).text(), "stable");
        assert_eq!(shop.rejected(&[&bearer, &bearer]), json!("repeated"));
        assert_eq!(shop.rejected(&[&bearer]), Value::Null);
        assert_eq!(shop.variant(&good), "canary");
        let log = shop.stack.log(20);
        let secret = &good[good.len() - 20..];
        assert!(!log.iter().any(|line| line.to_string().contains(secret)), "no token is logged");
        assert!(!shop.stack.process.output().contains(secret), "nowhere");
    }

    /// An issuer publishes its next key, signs with it, and takes the old one back.
    fn keys_rotate_and_what_is_damaged_changes_nothing(engine: Engine) {
        let (old, new) = (Signer::ed25519("old", 1), Signer::es256("new"));
        let shop = Shop::start(engine, &[&old]);
        let (first, second) = (old.sign(&user(3)), new.sign(&user(3)));
        assert_eq!((shop.variant(&first), shop.variant(&second)), ("canary".into(), "stable".into()));
        shop.publish(&jwks(&[&old, &new]).to_string());
        until_true("the next key", || shop.keys() == ["old", "new"]);
        until_true("a token of the next key", || shop.variant(&second) == "canary");
        assert_eq!(shop.variant(&first), "canary");
        let error = || shop.issuer()["error"].as_str().unwrap_or_default().to_owned();
        let mut private = jwks(&[&new]);
        private["keys"][0]["d"] = json!("c2VjcmV0");
        for (damaged, expected) in [
            ("<html>502</html>".to_owned(), "expected a JWKS document"),
            (json!({ "keys": [{ "kty": "RSA", "use": "enc" }] }).to_string(), "none of its 1 keys is served"),
            (private.to_string(), "is a private key"),
        ] {
            shop.publish(&damaged);
            until_true("the document to be refused", || error().contains(expected));
            assert_eq!((shop.variant(&first), shop.keys().len()), ("canary".to_owned(), 2));
        }
        let page = Wire::connect(shop.stack.api.address).send(get("/metrics", &[])).answer().text();
        let refused = format!("halftone_jwks_source_refused{{issuer=\"{ISSUER}\"}} 1");
        assert!(page.lines().any(|line| line == refused), "{page}");
        let api = format!("http://{}", shop.stack.api.address);
        let output = halftone(&["status", "--api", &api]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(&format!("{ISSUER}, keys old, new")) && text.contains("not used: key \"new\""), "{text}");
        shop.publish(&jwks(&[&new]).to_string());
        until_true("the old key to go", || shop.keys() == ["new"] && error().is_empty());
        until_true("its tokens to go", || shop.variant(&first) == "stable");
        assert_eq!(shop.variant(&second), "canary");
    }

    fn explain_names_issuer_and_key_and_shows_no_token(engine: Engine) {
        let (signer, thief) = (Signer::es256("e1"), Signer::es256("e1"));
        let shop = Shop::start(engine, &[&signer]);
        let api = format!("http://{}", shop.stack.api.address);
        let explain = |token: &str| {
            let field = format!("Authorization: Bearer {token}");
            let output = halftone(&["explain", "--api", &api, "-H", &field, "/"]).output().expect("it runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && !text.contains(&token[token.len() - 20..]), "{text}");
            text
        };
        let good = explain(&signer.sign(&user(3)));
        for expected in ["token", "key e1 of https://id.example.com", "user.level is \"3\"", "canary of release shop-v2"] {
            assert!(good.contains(expected), "{expected:?} is not in\n{good}");
        }
        let expired = explain(&signer.sign(&with(user(3), "exp", json!(1))));
        assert!(expired.contains("key e1 of https://id.example.com: its time is over"), "{expired}");
        let forged = explain(&thief.sign(&user(3)));
        assert!(forged.contains("its signature is wrong") && forged.contains("stable of release"), "{forged}");
    }

    /// A gateway that starts alone believes whom it believed, until a control plane says otherwise.
    fn a_gateway_alone_knows_issuers(engine: Engine) {
        let signer = Signer::ed25519("k", 1);
        let shop = Shop::start(engine, &[&signer]);
        let kept = shop.stack.data().join("gateway/last-good");
        until_true("everything to be kept", || {
            let rules = fs::read(kept.join("rules.table")).unwrap_or_default();
            let issuers = fs::read_to_string(kept.join("issuers.json")).unwrap_or_default();
            String::from_utf8_lossy(&rules).contains("level >= 3") && issuers.contains("\"other\"")
        });
        let Shop { mut stack, services, folder, .. } = shop;
        let data = stack.data();
        stack.process.signal(rustix::process::Signal::TERM);
        stack.process.ended();
        drop(folder);
        let (listen, admin) = (free_address(), free_address());
        let output = tempfile::tempdir().expect("a folder");
        let mut command = halftone(&["gateway", "--engine", engine.name(), "--listen", &listen.to_string()]);
        command.arg("--admin").arg(admin.to_string());
        let _gateway = Process::start(command.arg("--data").arg(&data), output.path());
        let ask = |token: &str| {
            // Nobody listens at first.
            drop(std::net::TcpStream::connect(listen).ok()?);
            let field = format!("Bearer {token}");
            Some(Wire::connect(listen).send(get("/", &[("Authorization", &field)])).answer().text())
        };
        let good = signer.sign(&user(3));
        until_true("the gateway to answer", || ask(&good).is_some_and(|answer| answer == "canary"));
        assert_eq!(ask(&Signer::ed25519("k", 2).sign(&user(3))).as_deref(), Some("stable"));
        assert_eq!(services.len(), 2);
        let page = Wire::connect(admin).send(get("/metrics", &[])).answer().text();
        for line in ["halftone_jwt_issuers 2", "halftone_jwt_total{result=\"valid\"} 1", "halftone_jwt_total{result=\"wrong_signature\"} 1"] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        // A control plane that names no issuer any more: nobody's tokens are believed, also those that are remembered.
        let mut command = halftone(&["control", "--api", &free_address().to_string()]);
        let folder = tempfile::tempdir().expect("a folder");
        let _control = Process::start(command.arg("--data").arg(&data), folder.path());
        until_true("tokens to be believed no longer", || ask(&good).is_some_and(|answer| answer == "stable"));
        until_true("that to be kept", || {
            !fs::read_to_string(kept.join("issuers.json")).unwrap_or_default().contains(ISSUER)
        });
    }
}

#[test]
fn a_url_is_asked_for_other_keys() {
    let (old, new) = (Signer::ed25519("old", 1), Signer::ed25519("new", 2));
    let document = |signers: &[&Signer]| jwks(signers).to_string().into_bytes();
    let published = Published::start(document(&[&old]));
    let source = format!("{ISSUER}={}", published.url("jwks.json"));
    let stack = Stack::start(Engine::Epoll, &["--jwks", &source, "--jwks-every", "100ms"]);
    let keys = || {
        stack.api.gateway().map(|gateway| gateway["issuers"][0]["keys"].clone()).unwrap_or_default()
    };
    until_true("the first key", || keys() == json!(["old"]));
    until_true("questions that cost nothing", || published.spared() >= 2);
    assert_eq!(published.sent(), 1);
    published.renew(document(&[&new, &old]));
    until_true("the other key", || keys() == json!(["new", "old"]));
    let told = stack.api.call("GET", "/v1/issuers", "").expect("an answer").1;
    assert_eq!(
        (&told[0]["keys"][0]["kid"], &told[0]["keys"][0]["material"]["kty"]),
        (&json!("new"), &json!("OKP"))
    );
}

#[test]
fn what_cannot_be_is_told_at_once() {
    for (words, expected) in [
        (
            &["--jwks", "https://id=https://id/jwks.json"][..],
            "https is not supported in this build",
        ),
        (&["--jwks", "/etc/jwks.json"], "expected an issuer, '='"),
        (&["--jwks", "me=/x", "--audience", "you=shop"], "no --jwks names the issuer \"you\""),
        (&["--jwks", "me=/x", "me=/y"], "is there twice"),
        (&["--audience", "me=shop"], "--jwks"),
    ] {
        for command in ["up", "control"] {
            let output = halftone(&[&[command], words].concat()).output().expect("it runs");
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success() && text.contains(expected),
                "{command} {words:?}: {text}"
            );
        }
    }
}
