//! Killed while it writes: whatever was acknowledged is there afterwards.
//!
//! The control plane runs in a child (this very test binary, asked for one test), because a process
//! cannot survive its own SIGKILL. The moment of each kill is drawn from a seed that is printed.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use halftone_controlplane::{ControlOptions, run_until};
use serde_json::Value;

const DATA: &str = "HALFTONE_TEST_DATA";
const ROUNDS: &str = "HALFTONE_TEST_KILLS";
const SEED: &str = "HALFTONE_TEST_SEED";
const DEADLINE: Duration = Duration::from_secs(30);
/// Enough that several wait for one write.
const WRITERS: usize = 6;

/// Runs in the child only.
#[test]
#[ignore = "the child of the test below"]
fn child() {
    let Some(data) = env::var_os(DATA) else { return };
    let options = ControlOptions {
        api: SocketAddr::from(([127, 0, 0, 1], 0)),
        gateways: Vec::new(),
        data: data.into(),
        upstream: None,
        bundles: Vec::new(),
        watch: false,
        geo: Vec::new(),
        geo_every: Duration::from_secs(3600),
        issuers: Vec::new(),
        issuers_every: Duration::from_secs(3600),
        take_over: false,
        version: "test",
    };
    let ready = |address: SocketAddr| {
        let mut out = std::io::stderr();
        writeln!(out, "serving {address}").expect("told");
    };
    run_until(options, ready, std::future::pending()).expect("it ends by being killed");
}

/// A control plane in a process of its own.
struct Control {
    child: Child,
    address: SocketAddr,
    opened: Duration,
}

impl Control {
    fn start(data: &Path) -> Self {
        let started = Instant::now();
        let mut child = Command::new(env::current_exe().expect("this binary"))
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(DATA, data)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("serving ")?.parse().ok())
            .expect("it serves");
        Self { child, address, opened: started.elapsed() }
    }

    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    fn get(&self, path: &str) -> Value {
        let mut answer = call(self.address, "GET", path, "").expect("an answer");
        answer.body_mut().read_json().expect("JSON")
    }
}

fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
    let config = ureq::Agent::config_builder().timeout_global(Some(DEADLINE));
    let agent = ureq::Agent::new_with_config(config.build());
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .body(body.to_owned())
        .expect("a request");
    agent.run(request)
}

fn bundle(tenant: usize, salt: u64) -> String {
    format!(
        r#"{{ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": {{ "tenant": "t{tenant}" }},
        "upstreams": {{ "web": {{ "variants": {{ "stable": {{ "addresses": ["127.0.0.1:1"] }},
                                                 "canary": {{ "addresses": ["127.0.0.1:2"] }} }} }} }},
        "routes": [{{ "name": "web", "hostnames": ["t{tenant}.example"], "rules": [{{ "release": "r" }}] }}],
        "releases": {{ "r": {{ "upstream": "web", "salt": "s{salt}",
                              "default": {{ "split": {{ "canary": "5%" }} }} }} }} }}"#
    )
}

/// What was acknowledged: how many instances of each writer, the newest digest of each tenant with
/// the one that was asked for after it, if any.
#[derive(Default)]
struct Acknowledged {
    instances: [u64; WRITERS],
    revisions: [u64; WRITERS],
    tags: [u64; WRITERS],
}

/// Writes until the process is gone.
fn write_on(address: SocketAddr, writer: usize, acknowledged: &Mutex<Acknowledged>) {
    loop {
        let (instance, salt, tagged) = {
            let known = acknowledged.lock().expect("not poisoned");
            (known.instances[writer] + 1, known.revisions[writer] + 1, known.tags[writer] + 1)
        };
        let body = format!(r#"{{"service":"w{writer}","addr":"10.0.0.1:{instance}"}}"#);
        if call(address, "POST", "/v1/instances", &body).is_err() {
            return;
        }
        acknowledged.lock().expect("not poisoned").instances[writer] = instance;
        let path = format!("/v1/tenants/t{writer}/bundle");
        let Ok(mut answer) = call(address, "PUT", &path, &bundle(writer, salt)) else { return };
        let Ok(stored) = answer.body_mut().read_json::<Value>() else { return };
        assert!(stored["revision"].is_u64(), "{stored}");
        acknowledged.lock().expect("not poisoned").revisions[writer] = salt;
        let path = format!("/v1/tenants/t{writer}/tags/u{tagged}");
        if call(address, "PUT", &path, &format!("{{\"n\":{tagged}}}")).is_err() {
            return;
        }
        acknowledged.lock().expect("not poisoned").tags[writer] = tagged;
    }
}

/// Checks that everything acknowledged is there; what was asked for last may be, too.
fn check(control: &Control, known: &mut Acknowledged) {
    let list = control.get("/v1/instances");
    for writer in 0..WRITERS {
        let service = format!("w{writer}");
        let found = list.as_array().expect("a list").iter();
        let found = found.filter(|one| one["service"] == service).count() as u64;
        let acknowledged = known.instances[writer];
        assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged}");
        known.instances[writer] = found;
        check_tags(control, writer, &mut known.tags[writer]);
        if known.revisions[writer] == 0 {
            continue;
        }
        let shown = control.get(&format!("/v1/tenants/t{writer}/bundle"));
        let salt = shown["releases"]["r"]["salt"].as_str().and_then(|salt| salt.strip_prefix('s'));
        let salt: u64 = salt.expect("a salt").parse().expect("a number");
        let acknowledged = known.revisions[writer];
        assert!((acknowledged..=acknowledged + 1).contains(&salt), "{salt} of {acknowledged}");
        known.revisions[writer] = salt;
        let history = control.get(&format!("/v1/tenants/t{writer}/revisions"));
        let newest = &history[0];
        let one = control.get(&format!("/v1/tenants/t{writer}/revisions/{}", newest["revision"]));
        assert_eq!(one["bundle"]["releases"]["r"]["salt"], format!("s{salt}"), "the history fits");
    }
}

/// Checks that the ids that were acknowledged have their tags: as many as there are, and the last of them.
fn check_tags(control: &Control, writer: usize, acknowledged: &mut u64) {
    let summary = control.get(&format!("/v1/tenants/t{writer}/tags"));
    let found = summary["ids"].as_u64().expect("a number");
    assert!((*acknowledged..=*acknowledged + 1).contains(&found), "{found} of {acknowledged}");
    assert_eq!(summary["revision"], found, "each write has a number");
    *acknowledged = found;
    if found > 0 {
        let last = control.get(&format!("/v1/tenants/t{writer}/tags/u{found}"));
        assert_eq!(last["tags"]["n"], found.to_string());
    }
}

#[test]
fn no_acknowledged_write_is_lost_by_a_kill() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = number(ROUNDS).unwrap_or(50);
    let seed = number(SEED).unwrap_or_else(|| u64::from(std::process::id()));
    println!("{SEED}={seed} {ROUNDS}={rounds}");
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let known = Mutex::new(Acknowledged::default());
    let (mut random, mut slowest) = (seed | 1, Duration::ZERO);
    for _ in 0..rounds {
        let control = Control::start(&data);
        slowest = slowest.max(control.opened);
        check(&control, &mut known.lock().expect("not poisoned"));
        // xorshift: a kill within the first few writes, or right at the first.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let wait = Duration::from_micros(random % 60_000);
        let address = control.address;
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let known = &known;
                scope.spawn(move || write_on(address, writer, known));
            }
            // Not awaited for anything: the moment itself is what is drawn.
            thread::park_timeout(wait);
            control.kill();
        });
    }
    let control = Control::start(&data);
    let mut known = known.into_inner().expect("not poisoned");
    check(&control, &mut known);
    control.kill();
    let (instances, revisions) = (known.instances, known.revisions);
    println!("slowest start {slowest:?}; {instances:?} instances, {revisions:?} revisions");
    assert!(instances.iter().sum::<u64>() > rounds, "the kills came before any write");
    assert!(known.tags.iter().sum::<u64>() > 0, "no tags were written");
}
