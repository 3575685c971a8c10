//! `up`: children that die, that cannot start, and that must not be left behind.

use std::net::TcpListener;

use rustix::process::Signal;

use crate::{
    poll::until_true,
    ports::free_address,
    stack::{Engine, Process, Stack, children, halftone, is_alive},
};

#[test]
fn children_do_not_survive_their_supervisor() {
    let stack = Stack::start(Engine::Epoll, &[]);
    let processes = children(stack.process.pid());
    assert_eq!(processes.len(), 2, "{processes:?}");
    stack.process.signal(Signal::KILL);
    until_true("the end of all processes", || processes.iter().all(|(pid, _)| !is_alive(*pid)));
}

#[test]
fn a_taken_port_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    for option in ["--listen", "--api"] {
        let taken = TcpListener::bind(free_address()).expect("a free port");
        let (taken, free) = (
            taken.local_addr().map(|address| (taken, address)).expect("an address"),
            free_address(),
        );
        let other = if option == "--api" { "--listen" } else { "--api" };
        let mut command = halftone(&["up", option, &taken.1.to_string(), other, &free.to_string()]);
        let mut process =
            Process::start(command.arg("--data").arg(directory.path()), directory.path());
        assert_eq!(process.ended().code(), Some(1));
        let told = process.output();
        assert!(told.contains(&taken.1.to_string()) && told.contains(option), "{told}");
    }
}

/// The gateway cannot start; the control plane could, and is stopped.
#[test]
fn a_child_that_cannot_start_ends_all() {
    let directory = tempfile::tempdir().expect("a directory");
    let (listen, api) = (free_address().to_string(), free_address().to_string());
    let mut command = halftone(&["up", "--listen", &listen, "--api", &api, "--cpus", "1023"]);
    let mut process = Process::start(command.arg("--data").arg(directory.path()), directory.path());
    assert_eq!(process.ended().code(), Some(1));
    let told = process.output();
    assert!(told.contains("1023") && told.contains("gateway cannot start"), "{told}");
    assert!(TcpListener::bind(&api).is_ok(), "the control plane is still there");
}

#[test]
fn a_wrong_call_is_told_as_such() {
    let check = |arguments: &[&str], told: &str| {
        let output = halftone(arguments).output().expect("the binary starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(told), "{arguments:?}: {text}");
    };
    check(&["up", "--upstream", "https://localhost"], "TLS to upstreams");
    check(&["up", "--upstream", "http://localhost/path"], "a path cannot be given");
    check(&["up", "--listen", "127.0.0.1:0"], "a port is needed");
    check(&["gateway", "--trusted", "everyone"], "--trusted");
    check(&["gateway", "--engine", "select"], "io_uring");
    check(&["absent"], "unrecognized subcommand");
}

/// The parts run by themselves as `up` runs them.
#[test]
fn a_gateway_and_a_control_plane_find_each_other_by_their_defaults() {
    let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let state = tempfile::tempdir().expect("a directory");
    let (listen, api) = (free_address(), free_address());
    let start = |arguments: [&str; 3], directory: &tempfile::TempDir| {
        let mut command = halftone(&arguments);
        Process::start(command.env("XDG_STATE_HOME", state.path()), directory.path())
    };
    let _gateway = start(["gateway", "--listen", &listen.to_string()], &directories[0]);
    let _control = start(["control", "--api", &api.to_string()], &directories[1]);
    let client = crate::client::Api::new(api);
    until_true("them to be connected", || {
        client.gateway().is_some_and(|gateway| gateway["connected"] == true)
    });
    assert!(state.path().join("halftone/access.log").exists());
}
