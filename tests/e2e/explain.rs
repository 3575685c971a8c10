//! Explain: what a worker says of a request is what happens to it.
//!
//! Owns a generator of requests (few names, so that they meet rules often) and the comparison of each
//! with its line in the access log. `EXPLAIN_SEED` replays, `EXPLAIN_REQUESTS` asks for more.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
};

use halftone_core::{
    route::UNIT_COOKIE,
    signal::{
        keys::{KeyRing, Secret},
        signature::Use,
    },
    wire::{ExplainRequest, Explained, Field, Frame},
};
use halftone_dataplane::keys::read_keys;
use halftone_link::Visit;
use rustix::net::{self, AddressFamily, SocketType};
use serde_json::Value;

use crate::{
    message::Wire,
    on_each_engine,
    stack::{Engine, Stack, halftone},
    upstream::Upstream,
};

/// Requests per engine, unless the environment says otherwise.
const REQUESTS: usize = 3_400;
/// Questions on their way at once.
const PIPELINED: usize = 64;
/// The peer that is trusted, and one that is not.
const PEERS: [[u8; 4]; 2] = [[127, 0, 0, 1], [127, 0, 0, 2]];

const BUNDLE: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
attributes:
  user.id: { type: string, from: [ { header: x-user, trusted: true }, { cookie: uid }, { query: user } ] }
upstreams:
  api:
    variants:
      stable: { addresses: ["STABLE"] }
      canary: { addresses: ["CANARY"] }
      empty:  { select: { service: nobody } }
      strict: { select: { service: nobody } }
  site: { variants: { stable: { addresses: ["STABLE"] } } }
routes:
  - name: static
    rules: [{ matches: [{ path: { type: PathPrefix, value: /static } }], upstream: site }]
  - name: shop
    hostnames: [shop.example.com]
    rules:
      - { matches: [{ path: { type: PathPrefix, value: /user }, headers: [{ name: x-beta, value: "1" }] }], release: user }
      - { matches: [{ path: { type: Exact, value: /user }, method: POST }], upstream: site }
      - { matches: [{ path: { type: PathPrefix, value: /off } }], release: off }
      - { matches: [{ path: { type: PathPrefix, value: /dice } }], release: dice }
      - { matches: [{ path: { type: PathPrefix, value: /signed } }], release: signed }
      - { matches: [{ path: { type: PathPrefix, value: /user } }], release: user }
  - name: wild
    hostnames: ["*.example.com"]
    rules: [{ matches: [{ queryParams: [{ name: x, value: "1" }] }], release: user }, { release: units }]
releases:
  user:
    upstream: api
    unit: [user.id, client.ip]
    overrides: [{ header: X-Release-Group, requires: trusted }, { header: x-any, requires: any }]
    targets:
      - { id: past, match: { headers: [{ name: x-qa, value: "1" }] }, variant: canary, expiresAt: 2020-01-01T00:00:00Z }
      - { id: qa, match: { headers: [{ name: x-qa, value: "1" }], method: GET }, variant: canary }
      - { id: near, match: { sourceRanges: ["192.0.2.0/28", "2001:db8::/32"] }, split: { canary: 50% } }
      - { id: cookie, match: { cookies: [{ name: qa, value: "1" }], path: { type: PathPrefix, value: /user/deep } }, variant: empty }
      - { id: strict, match: { queryParams: [{ name: strict, value: "1" }] }, variant: strict }
      - { id: host, match: { hostnames: [b.example.com] }, split: { canary: 90% } }
    onNoHealthy: { strict: fail }
    default: { split: { canary: 30%, empty: 10% } }
  signed:
    upstream: api
    unit: [user.id]
    unitMissing: mint
    stickiness: pinned
    generation: 2
    overrides: [{ header: x-signed, requires: signed }]
    default: { split: { canary: 50% } }
  off: { upstream: api, disabled: true, default: { split: { canary: 100% } } }
  dice: { upstream: api, stickiness: none, default: { split: { canary: 50% } } }
  units: { upstream: api, unit: [user.id], unitMissing: stable, default: { split: { canary: 40% } } }
"#;

/// Numbers from a seed (splitmix64, Steele et al. 2014).
struct Seeded {
    state: u64,
    /// Fields with tokens, some of them good.
    tokens: Vec<(&'static str, String)>,
}

/// Signs with the keys of the gateway, and with another.
fn tokens(keys: &Path) -> Vec<(&'static str, String)> {
    let own = KeyRing::new(&read_keys(keys).expect("a key file"));
    let other = KeyRing::new(&[Secret { id: own.ids()[0].clone(), bytes: vec![9; 32] }]);
    let (tenant, release) = ("shop", "signed");
    let mut tokens = Vec::new();
    for ring in [&own, &own, &other] {
        let sign = |used: Use<'_>, value: &str, expires: u64| {
            let mut token = Vec::new();
            assert!(ring.sign(used, value.as_bytes(), expires, &mut token));
            String::from_utf8(token).expect("ASCII")
        };
        for (variant, expires) in
            [("canary", 1 << 35), ("stable", 1 << 35), ("canary", 9), ("gone", 1 << 35)]
        {
            tokens.push(("X-Signed", sign(Use::Override { tenant, release }, variant, expires)));
        }
        for value in ["2~canary", "2~stable", "1~canary", "2~gone", "2~empty"] {
            let token = sign(Use::Pin { tenant, release }, value, 0);
            tokens.push(("cookie", format!("__Host-halftone-pin-signed={token}")));
        }
        let token = sign(Use::Cookie { tenant, name: UNIT_COOKIE }, "0123456789abcdefghijkl", 0);
        tokens.push(("cookie", format!("{UNIT_COOKIE}={token}")));
    }
    tokens
}

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }

    fn one_of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).expect("an index")]
    }

    /// Returns a request that carries its number, and which of [`PEERS`] sends it.
    fn request(&mut self, number: usize) -> (usize, ExplainRequest) {
        let host = self.one_of(&[
            "shop.example.com",
            "SHOP.example.com.:8080",
            "b.example.com",
            "x.b.example.com",
            "example.com",
            "other",
        ]);
        let path = self.one_of(&[
            "/",
            "/user",
            "/user/",
            "/user/deep/x",
            "/%75ser/./deep",
            "/users",
            "/static/a",
            "/off",
            "/dice",
            "/signed",
            "/signed/x",
            "/signed/y",
            "/user%2Fdeep",
            "/a//b",
            "/%zz",
        ]);
        let query =
            self.one_of(&["", "&x=1", "&user=u7", "&strict=1", "&x=2&x=1", "&user=u9&user=u7"]);
        let mut headers = Vec::new();
        for _ in 0..self.below(4) {
            let user = format!("u{}", self.below(500));
            let cookie = format!("a=b; uid=\"{user}\"");
            let (name, value) = match self.below(12) {
                0 => ("X-QA", "1"),
                1 => ("x-qa", "2"),
                2 => ("x-beta", "1"),
                3 => ("X-Release-Group", self.one_of(&["canary", "stable", "empty", "none"])),
                4 => ("x-any", self.one_of(&["canary", "strict"])),
                5 => ("Cookie", cookie.as_str()),
                6 => ("cookie", "qa=1"),
                7 => ("Cookie", "uid=; qa=1"),
                8 | 9 => ("x-user", user.as_str()),
                _ => (
                    "X-Forwarded-For",
                    self.one_of(&[
                        "192.0.2.7",
                        "192.0.2.77, 127.0.0.1",
                        "2001:db8::7",
                        "198.51.100.23",
                        "nonsense",
                        "10.0.0.1:99",
                    ]),
                ),
            };
            headers.push(Field { name: name.to_owned(), value: value.to_owned() });
        }
        if path.starts_with("/signed") {
            let at = self.below(self.tokens.len() as u64);
            let (name, value) = &self.tokens[usize::try_from(at).expect("an index")];
            headers.push(Field { name: (*name).to_owned(), value: value.clone() });
            let value = self.one_of(&["https", "http", "https, http", "ftp"]).to_owned();
            headers.push(Field { name: "X-Forwarded-Proto".to_owned(), value });
        }
        let peer = usize::from(self.below(4) == 0);
        let asked = ExplainRequest {
            method: self.one_of(&["GET", "GET", "POST", "PUT"]).to_owned(),
            url: format!("http://{host}{path}?n={number}{query}"),
            headers,
            ip: Some(Ipv4Addr::from(PEERS[peer]).to_string()),
            trusted: None,
        };
        (peer, asked)
    }
}

/// Connects from one of [`PEERS`].
fn connect(stack: &Stack, peer: [u8; 4]) -> Wire {
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    net::bind(&socket, &SocketAddr::from((peer, 0))).expect("an address of this host");
    net::connect(&socket, &stack.listen).expect("the gateway listens");
    Wire::new(TcpStream::from(socket))
}

/// Sends the request as a caller would.
fn head(asked: &ExplainRequest) -> String {
    let rest = asked.url.strip_prefix("http://").expect("an http URL");
    let (host, target) = rest.split_at(rest.find('/').expect("a path"));
    let fields: String =
        asked.headers.iter().map(|field| format!("{}: {}\r\n", field.name, field.value)).collect();
    format!("{} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n", asked.method)
}

/// Asks a worker about every request, many questions on their way at once.
fn explain(stack: &Stack, requests: &[(usize, ExplainRequest)]) -> Vec<Explained> {
    let socket = stack.data().join("gateway.sock");
    let mut visit = Visit::open(&socket, env!("CARGO_PKG_VERSION")).expect("the gateway answers");
    let mut explained = Vec::with_capacity(requests.len());
    let mut waiting: VecDeque<()> = VecDeque::new();
    let mut take = |visit: &mut Visit| match visit.receive().expect("an explanation").frame {
        Frame::Explained(one) => explained.push(*one),
        other => panic!("not an explanation: {other:?}"),
    };
    for (_, asked) in requests {
        visit.channel().send(&Frame::Explain(asked.clone())).expect("the gateway takes it");
        waiting.push_back(());
        if waiting.len() == PIPELINED {
            waiting.pop_front();
            take(&mut visit);
        }
    }
    waiting.into_iter().for_each(|()| take(&mut visit));
    explained
}

/// Returns the log lines by the number their request carries.
fn lines(stack: &Stack, count: usize) -> BTreeMap<usize, Value> {
    let number = |line: &Value| {
        let target = line["target"].as_str()?;
        let digits = target.split("n=").nth(1)?;
        digits.split('&').next()?.parse().ok()
    };
    stack.log(count).into_iter().map(|line| (number(&line).expect("a number"), line)).collect()
}

/// Returns what both sides say: the names of what was decided, and the answer when it is the gateway's own.
fn said_by_worker(explained: &Explained) -> Value {
    let drawn = explained.random;
    serde_json::json!({
        "route": explained.route, "tenant": explained.tenant, "release": explained.release,
        "variant": explained.variant.as_ref().filter(|_| !drawn), "reason": explained.reason,
        "fallback_from": explained.fallback_from.as_ref().filter(|_| !drawn),
        "target_id": explained.target_id, "bucket": explained.bucket.filter(|_| !drawn),
        "error": explained.error, "status": explained.status.unwrap_or(200),
        "rules_epoch": explained.rules_epoch, "instances_epoch": explained.instances_epoch,
    })
}

fn said_by_log(line: &Value, drawn: bool) -> Value {
    let mut said = line.clone();
    let members = said.as_object_mut().expect("an object");
    let mut taken = serde_json::Map::new();
    for name in [
        "route",
        "tenant",
        "release",
        "variant",
        "reason",
        "fallback_from",
        "target_id",
        "bucket",
        "error",
        "status",
        "rules_epoch",
        "instances_epoch",
    ] {
        let hidden = drawn && ["variant", "fallback_from", "bucket"].contains(&name);
        let value = members.remove(name).filter(|_| !hidden);
        taken.insert(name.to_owned(), value.unwrap_or_default());
    }
    taken.into()
}

on_each_engine! {
    fn what_is_explained_is_what_happens(engine: Engine) {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let seed = number("EXPLAIN_SEED").unwrap_or_else(|| u64::from(std::process::id()));
        let count = number("EXPLAIN_REQUESTS").and_then(|count| usize::try_from(count).ok()).unwrap_or(REQUESTS);
        println!("EXPLAIN_SEED={seed} EXPLAIN_REQUESTS={count}");
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &["--trusted", "127.0.0.1/32"]);
        let bundle = BUNDLE.replace("STABLE", &stable.address().to_string());
        stack.api.put_bundle("shop", &bundle.replace("CANARY", &canary.address().to_string()));

        let mut seeded = Seeded { state: seed, tokens: tokens(&stack.data().join("keys")) };
        let requests: Vec<(usize, ExplainRequest)> = (0..count).map(|number| seeded.request(number)).collect();
        let mut connections = PEERS.map(|peer| connect(&stack, peer));
        for (peer, asked) in &requests {
            connections[*peer].send(head(asked)).answer();
        }
        let explained = explain(&stack, &requests);
        let lines = lines(&stack, count);
        let mut met: BTreeMap<String, usize> = BTreeMap::new();
        for (at, explained) in explained.iter().enumerate() {
            let line = &lines[&at];
            let (said, happened) = (said_by_worker(explained), said_by_log(line, explained.random));
            assert_eq!(said, happened, "EXPLAIN_SEED={seed}\n{:#?}\n{explained:#?}", requests[at]);
            *met.entry(explained.reason.clone().or(explained.error.clone()).unwrap_or_default()).or_default() += 1;
            for (name, holds) in [
                ("minted", explained.steps.iter().any(|step| format!("{step:?}").starts_with("Minted"))),
                ("random", explained.random), ("fallback", explained.fallback_from.is_some()),
                ("refused", explained.status.is_some()),
                ("stripped", explained.steps.iter().any(|step| format!("{step:?}").starts_with("Stripped"))),
            ] {
                *met.entry(name.to_owned()).or_default() += usize::from(holds);
            }
        }
        println!("{met:?}");
        // A generator that never meets a rule would agree about nothing.
        for what in [
            "STATIC", "DISABLED", "OVERRIDE", "CACHED", "minted", "TARGETING_MATCH", "DEFAULT", "SPLIT", "destination_not_found",
            "http_request_error", "random", "fallback", "stripped",
        ] {
            assert!(count < REQUESTS || met.get(what).is_some_and(|met| *met > 3), "{what}: {met:?}");
        }
    }

    fn people_and_programs_are_told(engine: Engine) {
        let stable = Upstream::named("stable");
        let stack = Stack::start(engine, &["--upstream", &format!("http://{}", stable.address())]);
        let (api, socket) = (format!("http://{}", stack.api.address), stack.data().join("gateway.sock"));
        let socket = socket.to_str().expect("a path of text");
        for place in [["--api", &api], ["--socket", socket]] {
            let text = output(&["explain", place[0], place[1], "-H", "X-Release-Group: none", "http://localhost/a%2e"]);
            assert!(text.contains("GET localhost /a., caller 127.0.0.1"), "{text}");
            assert!(text.contains(&stable.address().to_string()) && text.contains("\n=> stable"), "{text}");
            let json = output(&["explain", "--json", place[0], place[1], "--ip", "203.0.113.7", "http://localhost/"]);
            let json: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!((&json["variant"], &json["steps"][0]["trusted"]), (&"stable".into(), &false.into()), "{json}");
            let trusted = ["explain", "--json", place[0], place[1], "--ip", "203.0.113.7", "--trusted", "http://localhost/"];
            let json: Value = serde_json::from_str(&output(&trusted)).expect("JSON");
            assert_eq!(json["steps"][0]["trusted"], true, "{json}");
            let refused = halftone(&["explain", place[0], place[1], "ftp://localhost/"]).output().expect("it starts");
            let told = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(refused.status.code() == Some(1) && told.contains("url: expected http://"), "{told}");
        }
        let refused = halftone(&["explain", "-H", "nonsense", "http://localhost/"]).output().expect("it starts");
        assert_eq!(refused.status.code(), Some(2));
    }
}

fn output(arguments: &[&str]) -> String {
    let output = halftone(arguments).output().expect("the binary starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
