//! Tests of the child guard.

use std::process::Command;

use super::*;
use crate::process::process_tree;

#[test]
fn a_guard_stops_the_child_and_shows_its_output() {
    let directory = tempfile::tempdir().unwrap();
    let cpu = CpuPlan::detect().unwrap().contender;
    let mut command = Command::new("sleep");
    let mut guard =
        ChildGuard::spawn("sleeper", command.arg("600"), cpu, directory.path()).unwrap();
    guard.check_alive().unwrap();
    assert_eq!(guard.output_tail(), "(nothing)");
    let pid = guard.pid();
    assert!(process_tree(std::process::id()).unwrap().contains(&pid));
    drop(guard);
    assert!(!process_tree(std::process::id()).unwrap().contains(&pid));
}

#[test]
fn a_child_deaf_to_the_polite_signal_is_stopped_with_its_own_children() {
    let directory = tempfile::tempdir().unwrap();
    let cpu = CpuPlan::detect().unwrap().contender;
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' TERM; echo ready; sleep 600; sleep 600"]);
    let guard = ChildGuard::spawn("deaf", &mut command, cpu, directory.path()).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while guard.process_tree().unwrap().len() < 2 || guard.output_tail() != "ready" {
        assert!(std::time::Instant::now() < deadline, "the shell has no child");
        std::thread::yield_now();
    }
    let tree = guard.process_tree().unwrap();
    let deadline = deadline + std::time::Duration::from_secs(10);
    drop(guard);
    for pid in tree {
        // A killed process is gone a moment later, and a zombie until its new parent looks.
        loop {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{pid} is left: {state}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn an_emptied_file_may_be_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    truncate(&path).unwrap();
    assert!(!path.exists());
    std::fs::write(&path, "line").unwrap();
    truncate(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}
