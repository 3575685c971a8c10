//! `demo`: what a newcomer sees, and the lines it offers to try.

use std::{path::Path, process::Command};

use rustix::process::Signal;

use crate::{
    client::Api,
    poll::{until, until_true},
    ports::free_address,
    stack::{Process, children, halftone, is_alive},
};

fn start(directory: &Path, arguments: &[&str]) -> (Process, String, Api) {
    let (listen, api) = (free_address().to_string(), free_address());
    let mut command = halftone(&["demo", "--listen", &listen, "--api", &api.to_string()]);
    (
        Process::start(command.args(arguments).current_dir(directory), directory),
        listen,
        Api::new(api),
    )
}

/// Returns the first number in the row of a variant.
fn requests(output: &str, variant: &str) -> Option<u64> {
    let row = output.lines().rev().find(|line| line.starts_with(variant))?;
    row.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn it_ends_by_itself_with_a_summary() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut demo, _, _) = start(directory.path(), &["--for", "3", "--plain"]);
    assert!(demo.ended().success(), "{}", demo.output());
    let output = demo.output();
    let (_, summary) = output.split_once("summary: ").expect("a summary");
    let (answered, rest) = summary.split_once(" requests answered, ").expect("a count");
    assert!(rest.starts_with("0 failed"), "{output}");
    let counted: u64 = ["demo/hello/stable", "demo/hello/canary"]
        .map(|variant| requests(summary, variant).expect("a row"))
        .iter()
        .sum();
    assert_eq!(answered.parse(), Ok(counted), "what was answered was counted: {output}");
    assert!(counted > 0, "{output}");
    assert!(output.contains("after 1 s"), "{output}");
    assert!(!directory.path().join(".halftone").exists(), "nothing is left");
}

#[test]
fn what_it_offers_to_try_works() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut demo, listen, api) = start(directory.path(), &["--plain"]);
    let shown = until("the lines to try", || {
        let output = demo.output();
        output.contains("after 1 s").then_some(output)
    });
    let processes = children(demo.pid());
    assert_eq!(processes.len(), 5, "{processes:?}");
    let (_, offered) = shown.split_once("try next").expect("lines to try");
    let offered: Vec<&str> = offered.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    let mut answers = Vec::new();
    for line in offered.iter().filter(|line| !line.starts_with('#')) {
        let output = Command::new("sh").arg("-c").arg(line).current_dir(directory.path()).output();
        let output = output.expect("a shell");
        assert!(output.status.success(), "{line}: {output:?}");
        answers.push(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let [user, canary, registered, half, status] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert!(user.starts_with("hello from v"), "{user}");
    assert_eq!(canary, "hello from v2\n");
    assert!(registered.contains(r#""applied":true"#), "{registered}");
    assert!(half.contains(r#""applied":true"#), "{half}");
    assert!(status.contains("demo/hello/canary") && status.contains(&listen), "{status}");

    let (code, bundle) = api.call("GET", "/v1/tenants/demo/bundle", "").expect("the API answers");
    assert_eq!(code, 200);
    assert_eq!(bundle["releases"]["hello-v2"]["default"]["split"]["canary"], "50%", "{bundle}");
    demo.signal(Signal::INT);
    assert!(demo.ended().success(), "{}", demo.output());
    until_true("the end of all processes", || processes.iter().all(|(pid, _)| !is_alive(*pid)));
    assert!(demo.output().contains("summary: "), "{}", demo.output());
}

#[test]
fn a_taken_port_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let taken = std::net::TcpListener::bind(free_address()).expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut command =
        halftone(&["demo", "--listen", &address, "--api", &free_address().to_string()]);
    let mut demo = Process::start(command.current_dir(directory.path()), directory.path());
    assert_eq!(demo.ended().code(), Some(1));
    assert!(demo.output().contains(&format!("{address} is taken")), "{}", demo.output());
}
