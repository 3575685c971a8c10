//! A control plane whose disk takes nothing for a while.
//!
//! The disk is the kernel's: the process may not write to any file (`RLIMIT_FSIZE`), and then may again.

use std::{fs, process::Command};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::{
    client::Api,
    poll::until_true,
    ports::free_address,
    stack::{Process, halftone},
};

/// A control plane without gateways, and its disk.
struct Control {
    api: Api,
    process: Process,
    directory: tempfile::TempDir,
}

impl Control {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let address = free_address();
        // A write beyond the limit is an error then, and no signal.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        let binary = halftone(&[]);
        command.arg(binary.get_program()).env("RUST_LOG", "info");
        command.args(["control", "--api", &address.to_string(), "--data"]).arg(directory.path());
        let process = Process::start(&mut command, directory.path());
        let api = Api::new(address);
        until_true("the API", || api.call("GET", "/healthz", "").is_some());
        Self { api, process, directory }
    }

    fn allow_bytes(&self, bytes: Option<u64>) {
        let pid = i32::try_from(self.process.pid()).ok().and_then(Pid::from_raw);
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(pid, Resource::Fsize, limit).expect("it is ours");
    }

    fn call(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let (status, answer) = self.api.call(method, path, body).expect("an answer");
        (status, answer.to_string())
    }

    fn is_ready(&self) -> bool {
        self.call("GET", "/readyz", "").0 == 200
    }

    /// Returns the value of a sample of `/metrics` about a store.
    fn sample(&self, name: &str, store: &str) -> u64 {
        let url = format!("http://{}/metrics", self.api.address);
        let page = ureq::get(url).call().expect("an answer").body_mut().read_to_string();
        let page = page.expect("text");
        let wanted = format!("halftone_store_{name}{{store=\"{store}\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&wanted)?.parse().ok());
        value.unwrap_or_else(|| panic!("no {wanted} in {page}"))
    }
}

#[test]
fn a_log_that_cannot_be_written_ends_no_call() {
    let control = Control::start();
    control.allow_bytes(Some(0));
    // What it logs goes to a file, too.
    for _ in 0..2 {
        assert_eq!(control.call("POST", "/v1/explain", r#"{"url":"/"}"#).0, 503);
    }
    assert!(!control.process.output().contains("could not be explained"));
}

/// What each store is asked for.
const CHANGES: [(&str, &str, &str, &str); 3] = [
    ("control", "POST", "/v1/instances", r#"{"service":"a","addr":"127.0.0.1:1"}"#),
    ("tags", "PUT", "/v1/tenants/shop/tags/u1", r#"{"level":"vip"}"#),
    ("lists", "PUT", "/v1/tenants/shop/segments/staff", "u1\nu2\n"),
];

#[test]
fn a_control_plane_that_cannot_keep_changes_says_so_until_it_can() {
    let control = Control::start();
    assert!(control.is_ready());
    // Tables for gateways are files of the kernel's: a list has none then, so its disk fails otherwise.
    let lists = control.directory.path().join("control/lists");
    let aside = control.directory.path().join("aside");
    for (store, method, path, body) in CHANGES {
        match store {
            "lists" => fs::rename(&lists, &aside).expect("moved"),
            _ => control.allow_bytes(Some(0)),
        }
        let (status, answer) = control.call(method, path, body);
        assert_eq!(status, if store == "lists" { 500 } else { 507 }, "{store}: {answer}");
        assert_eq!(control.sample("failing", store), 1, "{store}");
        assert!(control.sample("failures_total", store) >= 1, "{store}");
        let (status, answer) = control.call("GET", "/readyz", "");
        assert_eq!(status, 503, "{store}: {answer}");
        assert!(answer.contains("changes cannot be kept"), "{answer}");
        let (status, answer) = control.call("GET", "/healthz", "");
        assert_eq!(status, 200, "a restart would not help");
        assert!(answer.contains("degraded") && answer.contains("cannot be kept"), "{answer}");
        match store {
            "lists" => fs::rename(&aside, &lists).expect("moved back"),
            _ => control.allow_bytes(None),
        }
        until_true("it to be ready, and nobody asked for a change", || control.is_ready());
        assert_eq!(control.sample("failing", store), 0, "{store}");
        let (status, answer) = control.call(method, path, body);
        assert!(matches!(status, 200 | 201), "{store}: {answer}");
    }
    assert_eq!(control.call("GET", "/healthz", ""), (200, r#"{"status":"ok"}"#.to_owned()));
    until_true("the log to say so", || control.process.output().contains("can be written again"));
}
