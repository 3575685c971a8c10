//! Gateway and control plane under test: `halftone up` on ports of its own.
//!
//! Owns the processes and their directory. On drop everything is killed by process id: what stops
//! gracefully is a test of its own.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use halftone_dataplane::engine::probe::{Request, probe};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::Api,
    message::{Message, Wire},
    poll::{until, until_true},
    ports::free_address,
};

/// What the workers run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    IoUring,
    Epoll,
    Glommio,
}

impl Engine {
    /// Returns its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::IoUring => "io_uring",
            Self::Epoll => "epoll",
            Self::Glommio => "glommio",
        }
    }

    /// Returns whether this machine lets it run; tells when not.
    pub(crate) fn runs_here(self) -> bool {
        let request: Request = self.name().parse().expect("one of the gateway's");
        let refusal = probe(request).err();
        if let Some(refusal) = &refusal {
            eprintln!("not tested on {}: {refusal}", self.name());
        }
        refusal.is_none()
    }
}

/// Returns a command of the binary under test.
pub(crate) fn halftone(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halftone"));
    command.args(arguments).env("RUST_LOG", "info").stdin(Stdio::null());
    command
}

/// A process that does not outlive the test.
pub(crate) struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts `command`; all it writes goes to a file in `directory`.
    pub(crate) fn start(command: &mut Command, directory: &Path) -> Self {
        let output = directory.join("output");
        let file = File::create(&output).expect("a file");
        let again = file.try_clone().expect("the same file");
        let child = command.stdout(file).stderr(again).spawn().expect("the binary starts");
        Self { child, output }
    }

    /// Returns its id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns what it has written.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Returns whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the end of a process", || self.child.try_wait().expect("it is ours"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let children = children(self.pid());
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // They end with it by themselves; here also if they do not, which a test of its own finds.
        for (child, _) in children.into_iter().filter(|(child, _)| is_alive(*child)) {
            send(child, Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("process {} wrote:\n{}", self.pid(), self.output());
        }
    }
}

/// Sends `signal` to a process, if it is there.
pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    let _ = kill_process(pid, signal);
}

/// Returns whether a process runs; one that has ended and was not waited for does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// Lists the children of a process with their command lines.
pub(crate) fn children(parent: u32) -> Vec<(u32, String)> {
    let pids = fs::read_dir("/proc").expect("proc(5)").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| state_and_parent(*pid).is_some_and(|(_, own)| own == parent))
        .map(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .collect()
}

fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// A running `halftone up`.
pub(crate) struct Stack {
    pub(crate) process: Process,
    pub(crate) listen: SocketAddr,
    pub(crate) api: Api,
    directory: TempDir,
}

impl Stack {
    /// Starts with these further arguments; returns when the gateway serves its first table.
    pub(crate) fn start(engine: Engine, arguments: &[&str]) -> Self {
        let (listen, api) = (free_address(), free_address());
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = halftone(&["up", "--engine", engine.name()]);
        command.arg("--listen").arg(listen.to_string()).arg("--api").arg(api.to_string());
        command.arg("--data").arg(directory.path().join("data")).args(arguments);
        let process = Process::start(&mut command, directory.path());
        let stack = Self { process, listen, api: Api::new(api), directory };
        stack.until_serving();
        stack
    }

    /// Waits until the gateway is connected and serves a table.
    pub(crate) fn until_serving(&self) {
        until_true("a gateway that serves", || {
            self.api.gateway().is_some_and(|gateway| {
                gateway["connected"] == true && gateway["rulesEpoch"].as_u64() > Some(0)
            })
        });
    }

    /// Returns the state directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Returns the process of `up` that runs this command.
    pub(crate) fn child(&self, command: &str) -> u32 {
        let wanted = format!("halftone {command} ");
        let found =
            children(self.process.pid()).into_iter().find(|(_, line)| line.starts_with(&wanted));
        found.unwrap_or_else(|| panic!("no child runs {command}")).0
    }

    /// Connects to the gateway.
    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.listen)
    }

    /// Sends one request with these fields, and returns the answer.
    pub(crate) fn get(&self, fields: &[(&str, &str)]) -> Message {
        self.connect().send(get("/", fields)).answer()
    }

    /// Returns the lines of the access log, when there are at least `count`; in order only those of one
    /// connection are.
    pub(crate) fn log(&self, count: usize) -> Vec<Value> {
        until("lines of the access log", || {
            let text = fs::read_to_string(self.data().join("access.log")).ok()?;
            let lines: Vec<Value> = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .map(|line| serde_json::from_str(line).expect("a line is JSON"))
                .collect();
            (lines.len() >= count).then_some(lines)
        })
    }
}

/// Returns a GET for `target` with these fields.
pub(crate) fn get(target: &str, fields: &[(&str, &str)]) -> String {
    let fields: String =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}
