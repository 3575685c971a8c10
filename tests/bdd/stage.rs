//! What a scenario has: its services, its gateway, and what it saw last.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, sync::mpsc::Sender};

use cucumber::World;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    message::{Message, Wire},
    stack::{Engine, Process, Stack},
    upstream::{Upstream, answer},
};

/// The stage of one scenario.
#[derive(Default, World)]
pub(crate) struct Stage {
    services: BTreeMap<String, Upstream>,
    stack: Option<Stack>,
    folder: Option<TempDir>,
    /// A connection that stays open over several steps.
    pub(crate) kept: Option<Wire>,
    /// Lets the service answer that waits for it.
    pub(crate) gate: Option<Sender<()>>,
    /// A gateway without a control plane, and its admin address.
    pub(crate) alone: Option<(Process, SocketAddr, SocketAddr)>,
    /// What that gateway was told to run on.
    pub(crate) engine: &'static str,
    /// The last body that was sent.
    pub(crate) body: Vec<u8>,
    /// The last request, as bytes, to be asked again.
    pub(crate) request: String,
    pub(crate) answer: Message,
    /// The API's last answer.
    pub(crate) told: (u16, Value),
    /// What a command has printed, and whether it ended well.
    pub(crate) printed: (Option<i32>, String),
    /// A command that still runs.
    pub(crate) running: Option<Process>,
    /// Who answered whom: user, service.
    pub(crate) met: BTreeMap<String, String>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = self.stack.as_ref().map(|stack| stack.process.output()).unwrap_or_default();
        let last: Vec<&str> = output.lines().rev().take(10).collect();
        formatter
            .debug_struct("Stage")
            .field("request", &self.request)
            .field("answer", &self.answer)
            .field("told", &self.told)
            .field("printed", &self.printed)
            .field("log, newest first", &last)
            .finish_non_exhaustive()
    }
}

impl Stage {
    /// Starts a service that answers with its name.
    pub(crate) fn add_service(&mut self, name: &str) {
        let body = name.to_owned();
        let service = Upstream::answering(move |_| answer(&body));
        self.services.insert(name.to_owned(), service);
    }

    /// Adds a service that answers as it likes.
    pub(crate) fn add(&mut self, name: &str, service: Upstream) {
        self.services.insert(name.to_owned(), service);
    }

    /// Returns a service.
    pub(crate) fn service(&self, name: &str) -> &Upstream {
        self.services.get(name).unwrap_or_else(|| panic!("there is no service {name}"))
    }

    /// Starts gateway and control plane with these further arguments.
    pub(crate) fn start(&mut self, arguments: &str) {
        let arguments = self.filled(arguments);
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let engine = if Engine::IoUring.runs_here() { Engine::IoUring } else { Engine::Epoll };
        self.stack = Some(Stack::start(engine, &arguments));
    }

    /// Returns gateway and control plane.
    pub(crate) fn stack(&self) -> &Stack {
        self.stack.as_ref().expect("the scenario has started a gateway")
    }

    /// The same, to be changed.
    pub(crate) fn stack_mut(&mut self) -> &mut Stack {
        self.stack.as_mut().expect("the scenario has started a gateway")
    }

    /// Returns the path of a file of the scenario's own folder.
    pub(crate) fn file(&mut self, name: &str) -> PathBuf {
        let folder = self.folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder"));
        folder.path().join(name)
    }

    /// Puts addresses and paths where a text has `<service>` and `<folder>`.
    pub(crate) fn filled(&mut self, text: &str) -> String {
        let folder = self.file("").display().to_string();
        let mut text = text.replace("<folder>", folder.trim_end_matches('/'));
        for (name, service) in &self.services {
            text = text.replace(&format!("<{name}>"), &service.address().to_string());
        }
        if let Some(stack) = &self.stack {
            text = text.replace("<data>", &stack.data().display().to_string());
            text = text.replace("<api>", &stack.api.address.to_string());
            text = text.replace("<gateway>", &stack.listen.to_string());
            text = text.replace("<data>", &stack.data().display().to_string());
        }
        text
    }

    /// Sends the request again, on a connection of its own or on the kept one.
    pub(crate) fn ask(&mut self) -> String {
        let answer = match &mut self.kept {
            Some(kept) => kept.send(&self.request).answer(),
            None => self.stack().connect().send(&self.request).answer(),
        };
        self.answer = answer;
        self.answer.text()
    }
}
