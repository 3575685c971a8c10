//! `halftone push`: a gateway without a control plane takes bundles, and keeps its promise.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use halftone_core::bucket::bucket;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    message::Wire,
    on_each_engine,
    poll::until_true,
    ports::free_address,
    stack::{Engine, Process, Stack, get, halftone},
    upstream::Upstream,
};

const USERS: usize = 400;
/// The bundle that the documentation shows.
const ADDRESSES: &str = include_str!("../../docs/examples/addresses.yaml");

fn bundle(tenant: &str, host: &str, split: &str, ups: [&Upstream; 2]) -> String {
    let [stable, canary] = ups.map(Upstream::address);
    format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {tenant} }}
attributes: {{ user.id: {{ type: string, from: [ {{ cookie: uid }} ] }} }}
upstreams:
  web: {{ variants: {{ stable: {{ addresses: [\"{stable}\"] }}, canary: {{ addresses: [\"{canary}\"] }}, other: {{ addresses: [\"{canary}\"] }} }} }}
routes: [ {{ name: web, hostnames: [{host}], rules: [ {{ release: web-v2 }} ] }} ]
releases: {{ web-v2: {{ upstream: web, unit: [user.id], default: {{ split: {{ {split} }} }} }} }}
"
    )
}

/// A gateway alone.
struct Gateway {
    process: Process,
    listen: std::net::SocketAddr,
    directory: TempDir,
}

impl Gateway {
    fn start(engine: Engine) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listen = free_address();
        let process = run(engine, listen, directory.path());
        let gateway = Self { process, listen, directory };
        until_true("the control socket", || gateway.socket().exists());
        gateway
    }

    /// Kills it, and starts it again at once: its sockets may be there still.
    fn again(self, engine: Engine) -> Self {
        let Self { process, listen, directory } = self;
        process.signal(Signal::KILL);
        drop(process);
        let process = run(engine, listen, directory.path());
        let gateway = Self { process, listen, directory };
        until_true("the gateway", || gateway.process.output().contains("is listening"));
        gateway
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("gateway.sock")
    }

    fn push(&self, text: &str) -> (Option<i32>, Value, String) {
        push(&self.directory.path().join("bundle.yaml"), &self.socket(), text)
    }

    /// Returns the users that meet the canary at this host.
    fn canaries(&self, host: &str) -> BTreeSet<usize> {
        let mut wire = Wire::connect(self.listen);
        let mut met = BTreeSet::new();
        for user in 0..USERS {
            let request =
                get("/", &[("Cookie", &format!("uid=user-{user}"))]).replace("localhost", host);
            if wire.send(request).answer().text() == "canary" {
                met.insert(user);
            }
        }
        met
    }
}

fn run(engine: Engine, listen: std::net::SocketAddr, data: &std::path::Path) -> Process {
    let mut command = halftone(&["gateway", "--engine", engine.name()]);
    command.arg("--listen").arg(listen.to_string()).arg("--data").arg(data);
    Process::start(&mut command, data)
}

fn push(
    file: &std::path::Path,
    socket: &std::path::Path,
    text: &str,
) -> (Option<i32>, Value, String) {
    fs::write(file, text).expect("written");
    let mut command = halftone(&["push", "--json"]);
    let output = command.arg(file).arg("--socket").arg(socket).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), told)
}

fn within(ranges: &[(u32, u32)]) -> BTreeSet<usize> {
    let of = |user: &usize| bucket(b"web-v2", format!("user-{user}").as_bytes());
    (0..USERS)
        .filter(|user| ranges.iter().any(|(start, end)| (*start..*end).contains(&of(user))))
        .collect()
}

on_each_engine! {
    fn the_example_with_addresses_is_served(engine: Engine) {
        let names = ["first", "second", "canary"];
        let services = names.map(Upstream::named);
        let places = ["127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8010"];
        let text = places.iter().zip(&services).fold(ADDRESSES.to_owned(), |text, (place, service)| {
            assert_eq!(text.matches(place).count(), 1, "{place}");
            text.replace(place, &service.address().to_string())
        });
        let gateway = Gateway::start(engine);
        let (code, pushed, told) = gateway.push(&text);
        assert_eq!((code, &pushed["missing"]), (Some(0), &0.into()), "{told}");
        let mut wire = Wire::connect(gateway.listen);
        let mut met = BTreeMap::<String, usize>::new();
        for caller in 0..USERS {
            let address = format!("10.0.{}.{}", caller / 256, caller % 256);
            let answer = wire.send(get("/", &[("X-Forwarded-For", &address)])).answer();
            *met.entry(answer.text()).or_default() += 1;
        }
        assert!(met.keys().eq(["canary", "first", "second"]), "{met:?}");
        assert!((USERS / 8..USERS / 3).contains(&met["canary"]), "one in five: {met:?}");
    }

    fn a_push_keeps_the_promise_and_other_tenants(engine: Engine) {
        let ups = (Upstream::named("stable"), Upstream::named("canary"));
        let (gateway, ups) = (Gateway::start(engine), [&ups.0, &ups.1]);
        let shop = |split: &str| bundle("shop", "shop.example", split, ups);
        let (code, pushed, told) = gateway.push(&shop("canary: 20%"));
        assert_eq!((code, &pushed["revision"], &pushed["missing"]), (Some(0), &1.into(), &0.into()), "{told}");
        let at_20 = gateway.canaries("shop.example");
        assert_eq!(at_20, within(&[(0, 200_000)]));
        assert_eq!(gateway.push(&bundle("blog", "blog.example", "canary: 50%", ups)).0, Some(0));
        // Another variant takes what lies next; the first grows around it and keeps all it had.
        assert_eq!(gateway.push(&shop("canary: 20%, other: 10%")).0, Some(0));
        assert_eq!(gateway.push(&shop("canary: 30%, other: 10%")).0, Some(0));
        assert_eq!(gateway.canaries("shop.example"), within(&[(0, 400_000)]), "both answer as canary");
        assert_eq!(gateway.push(&shop("canary: 25%, other: 0%")).0, Some(0));
        // What was taken last was given back: the piece beyond the other variant.
        let at_25 = gateway.canaries("shop.example");
        assert_eq!(at_25, within(&[(0, 200_000), (300_000, 350_000)]));
        assert!(at_20.is_subset(&at_25));
        assert_eq!(gateway.canaries("blog.example"), within(&[(0, 500_000)]), "the other tenant's stays");

        let before = gateway.canaries("shop.example");
        let (code, _, told) = gateway.push(&shop("canary: 70%, other: 40%"));
        assert!(code == Some(1) && told.contains("split"), "{told}");
        let (code, _, told) = gateway.push(&bundle("greedy", "shop.example", "canary: 1%", ups));
        assert!(code == Some(1) && told.contains("belongs to tenant \"shop\""), "{told}");
        assert_eq!(gateway.canaries("shop.example"), before, "what is refused changes nothing");
    }

    /// Nobody else has what was pushed: who is told that it is done finds it after a crash.
    fn what_was_pushed_outlives_a_kill(engine: Engine) {
        let ups = (Upstream::named("stable"), Upstream::named("canary"));
        let ups = [&ups.0, &ups.1];
        let mut gateway = Gateway::start(engine);
        for share in [100, 0, 100] {
            let text = bundle("shop", "shop.example", &format!("canary: {share}%"), ups);
            let (code, _, told) = gateway.push(&text);
            assert_eq!(code, Some(0), "{told}");
            gateway = gateway.again(engine);
            assert_eq!(gateway.canaries("shop.example").len(), USERS * share / 100);
        }
    }

    fn a_push_that_cannot_be_kept_says_so(engine: Engine) {
        let ups = (Upstream::named("stable"), Upstream::named("canary"));
        let ups = [&ups.0, &ups.1];
        let gateway = Gateway::start(engine);
        // Where the table is written before it is moved to its place.
        let beside = gateway.directory.path().join("gateway/last-good/rules.new");
        fs::create_dir_all(&beside).expect("in its way");
        let text = bundle("shop", "shop.example", "canary: 100%", ups);
        let (code, pushed, told) = gateway.push(&text);
        assert_eq!((code, &pushed["missing"]), (Some(1), &0.into()), "{told}");
        assert!(told.contains("cannot be kept on disk") && told.contains("push again"), "{told}");
        assert_eq!(gateway.canaries("shop.example").len(), USERS, "it is served");
        fs::remove_dir(&beside).expect("out of its way");
        let (code, pushed, told) = gateway.push(&text);
        assert_eq!((code, &pushed["notKept"]), (Some(0), &Value::Null), "{told}");
    }

    fn a_push_beside_a_control_plane_says_so(engine: Engine) {
        let ups = (Upstream::named("stable"), Upstream::named("canary"));
        let ups = [&ups.0, &ups.1];
        let stack = Stack::start(engine, &[]);
        let (file, socket) = (stack.data().join("pushed.yaml"), stack.data().join("gateway.sock"));
        let (code, pushed, told) = push(&file, &socket, &bundle("shop", "localhost", "canary: 100%", ups));
        assert_eq!((code, &pushed["controlPlanes"]), (Some(0), &1.into()), "{told}");
        assert!(told.contains("control plane is connected"), "{told}");
        assert_eq!(stack.get(&[("Cookie", "uid=u")]).text(), "canary", "the last commit wins");
        stack.api.put_bundle("shop", &bundle("shop", "localhost", "canary: 0%", ups));
        assert_eq!(stack.get(&[("Cookie", "uid=u")]).text(), "stable", "and so does the next one");
    }
}
