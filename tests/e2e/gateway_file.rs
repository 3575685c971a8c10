//! `halftone gateway --config`: what the file says is done, flags win, and mistakes are told at once.

use std::{fs, path::Path};

use crate::{
    message::Wire,
    poll::until,
    ports::free_address,
    readme::GATEWAY_EXAMPLE,
    stack::{Process, halftone},
};

fn write(directory: &Path, text: &str) -> String {
    let path = directory.join("gateway.yaml");
    fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_gateway_runs_as_its_file_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let (in_file, admin, by_flag) = (free_address(), free_address(), free_address());
    let text = GATEWAY_EXAMPLE
        .replace("127.0.0.1:8080", &in_file.to_string())
        .replace("127.0.0.1:9090", &admin.to_string())
        .replace("/tmp/halftone-example", directory.path().join("data").to_str().expect("UTF-8"))
        .replace("headBytes: 16KiB", "headBytes: 2KiB")
        .replace("uriBytes: 4KiB", "uriBytes: 512")
        .replace("engine: auto", "engine: epoll");
    let file = write(directory.path(), &text);
    let status = |address, head: &str| {
        let mut wire = Wire::connect(address);
        wire.send(head.as_bytes());
        wire.answer().status()
    };
    let get = |field: &str| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {field}\r\n\r\n");
    {
        let process =
            Process::start(&mut halftone(&["gateway", "--config", &file]), directory.path());
        until("a gateway that listens", || {
            process.output().contains("The gateway is listening").then_some(())
        });
        assert!(process.output().contains("engine=\"epoll\""), "{}", process.output());
        assert_eq!(status(in_file, &get(&"x".repeat(1000))), 503, "no table yet");
        assert_eq!(status(in_file, &get(&"x".repeat(3000))), 431);
        assert_eq!(
            status(in_file, &get("1").replace("GET /", &format!("GET /{}", "a".repeat(700)))),
            414
        );
        assert_eq!(status(admin, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
        assert!(!directory.path().join("data/access.log").exists(), "logs: off");
    }
    let flag = by_flag.to_string();
    let mut command = halftone(&["gateway", "--config", &file, "--listen", &flag]);
    let process = Process::start(&mut command, directory.path());
    until("a gateway that listens elsewhere", || {
        let said = format!("listen=[\"{by_flag}\"]");
        process.output().contains(&said).then_some(())
    });
    assert_eq!(status(by_flag, &get("1")), 503);
}

#[test]
fn every_mistake_of_the_file_is_told_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let bad = GATEWAY_EXAMPLE
        .replace("engine: auto", "engine: kqueue\ncpus: all")
        .replace("127.0.0.1:9090", "nowhere")
        .replace("headBytes: 16KiB", "headBytes: 1GiB")
        .replace("connections: 10000", "connections: 0")
        .replace("drain:", "dran:");
    let file = write(directory.path(), &bad);
    let expected = [
        ":8:9: error: engine: expected auto,",
        ":9:7: error: cpus: expected CPUs",
        ":13:14: error: limits.headBytes: expected 1024 to",
        ":17:16: error: limits.connections: expected 1 to",
        ":24:3: error: timeouts.dran: unknown field \"dran\"; did you mean \"drain\"?",
        ":27:19: error: admin.address: expected ip:port",
    ];
    for (command, in_output) in [("check", true), ("gateway", false)] {
        let mut command = halftone(&[command]);
        if !in_output {
            command.arg("--config");
        }
        let output = command.arg(&file).output().expect("it starts");
        let said = if in_output { &output.stdout } else { &output.stderr };
        let said = String::from_utf8_lossy(said);
        let lines: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix(&file)).collect();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(lines.len(), expected.len(), "{said}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.starts_with(expected), "{line:?} is not {expected:?}");
        }
    }
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/canary.yaml");
    let output = halftone(&["gateway", "--config", bundle]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
