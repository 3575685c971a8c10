//! A control plane whose disk takes nothing for a while.
//!
//! The disk is the kernel's: the process may not write to any file (`RLIMIT_FSIZE`), and then may again.

use std::process::Command;

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
    _directory: tempfile::TempDir,
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
        Self { api, process, _directory: directory }
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
