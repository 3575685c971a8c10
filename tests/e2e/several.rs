//! Several of them: gateways that one control plane leads, control planes that lead one gateway, and a
//! peer of the control socket that may not lead anything.

use std::{
    fs::{self, Permissions},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    thread,
};

use halftone_core::wire::{Frame, Hello};
use halftone_link::Channel;
use rustix::{
    process::{Signal, geteuid},
    thread::{Uid, set_thread_uid},
};
use serde_json::Value;

use crate::{
    client::Api,
    message::Wire,
    on_each_engine,
    poll::until_true,
    ports::free_address,
    stack::{Engine, Process, get, halftone},
    upstream::Upstream,
};

/// Somebody who is not the user the gateway runs as.
const NOBODY: u32 = 65_534;

fn bundle(tenant: &str, host: &str, upstream: &Upstream) -> String {
    let address = upstream.address();
    format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {tenant} }}
upstreams: {{ web: {{ variants: {{ stable: {{ addresses: [\"{address}\"] }} }} }} }}
routes: [ {{ name: web, hostnames: [{host}], rules: [ {{ upstream: web }} ] }} ]
"
    )
}

fn folder(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    fs::create_dir_all(&path).expect("a directory");
    path
}

/// A gateway alone, that can be started again where it was.
struct Gateway {
    engine: Engine,
    listen: SocketAddr,
    data: PathBuf,
    process: Process,
}

impl Gateway {
    fn start(engine: Engine, data: PathBuf) -> Self {
        let listen = free_address();
        let process = Self::process(engine, listen, &data);
        Self { engine, listen, data, process }
    }

    fn process(engine: Engine, listen: SocketAddr, data: &Path) -> Process {
        let mut command = halftone(&["gateway", "--engine", engine.name()]);
        command.arg("--listen").arg(listen.to_string()).arg("--data").arg(data);
        let process = Process::start(&mut command, data);
        until_true("the gateway to listen", || TcpStream::connect(listen).is_ok());
        process
    }

    fn socket(&self) -> PathBuf {
        self.data.join("gateway.sock")
    }

    /// Waits until what is served is on its disk.
    fn until_kept(&self) {
        let mut channel = Channel::new(UnixStream::connect(self.socket()).expect("connected"));
        let hello = Frame::Hello(Hello::new(env!("CARGO_PKG_VERSION"), 1, None));
        let mut ask = |frame: &Frame| {
            channel.send(frame).expect("sent");
            channel.receive().expect("received").expect("an answer").frame
        };
        assert!(matches!(ask(&hello), Frame::Hello(_)));
        assert_eq!(ask(&Frame::QueryKept), Frame::Kept);
    }

    fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.ended();
    }

    fn start_again(&mut self) {
        self.process = Self::process(self.engine, self.listen, &self.data);
        // The sockets of the one before may be there still, and take connections that nobody will answer.
        until_true("the gateway", || self.process.output().contains("is listening"));
    }

    /// Returns what answers at this host, or the status when nothing does.
    fn at(&self, host: &str) -> String {
        let request = get("/", &[]).replace("localhost", host);
        let answer = Wire::connect(self.listen).send(request).answer();
        if answer.status() == 200 { answer.text() } else { answer.status().to_string() }
    }
}

/// A control plane alone.
struct Control {
    api: Api,
    _process: Process,
}

impl Control {
    fn start(data: &Path, gateways: &[&Gateway]) -> Self {
        let control = Self::run(data, gateways, &[]);
        until_true("every gateway to be led", || {
            let shown = control.gateways();
            shown.len() == gateways.len() && shown.iter().all(|one| one["connected"] == true)
        });
        control
    }

    /// Starts one that may be turned away.
    fn run(data: &Path, gateways: &[&Gateway], options: &[&str]) -> Self {
        let api = free_address();
        let mut command = halftone(&["control", "--api", &api.to_string()]);
        command.args(options).arg("--data").arg(data).arg("--gateway");
        command.args(gateways.iter().map(|gateway| gateway.socket()));
        let process = Process::start(&mut command, data);
        let control = Self { api: Api::new(api), _process: process };
        until_true("the API", || control.gateways().len() == gateways.len());
        control
    }

    fn gateways(&self) -> Vec<Value> {
        let answer = self.api.call("GET", "/v1/gateways", "");
        answer.and_then(|(_, shown)| shown.as_array().cloned()).unwrap_or_default()
    }
}

on_each_engine! {
    fn one_control_plane_leads_several_gateways(engine: Engine) {
        let directory = tempfile::tempdir().expect("a directory");
        let (old, new) = (Upstream::named("old"), Upstream::named("new"));
        let first = Gateway::start(engine, folder(directory.path(), "first"));
        let mut second = Gateway::start(engine, folder(directory.path(), "second"));
        let control = Control::start(&folder(directory.path(), "control"), &[&first, &second]);
        // A change is served by both when it is answered.
        control.api.put_bundle("shop", &bundle("shop", "shop.example", &old));
        assert_eq!([first.at("shop.example"), second.at("shop.example")], ["old", "old"]);
        // One that is away holds up nobody.
        second.kill();
        until_true("the loss to be seen", || control.gateways()[1]["connected"] == false);
        control.api.put_bundle("shop", &bundle("shop", "shop.example", &new));
        assert_eq!(first.at("shop.example"), "new");
        assert!(control.gateways()[1]["error"].is_string(), "{:?}", control.gateways());
        // It comes back and takes what it missed.
        second.start_again();
        until_true("what was missed", || second.at("shop.example") == "new");
        control.api.put_bundle("blog", &bundle("blog", "blog.example", &old));
        assert_eq!([first.at("blog.example"), second.at("blog.example")], ["old", "old"]);
    }

    /// A disk that was lost, a --data that was mistyped: the gateway serves on, and knows whose tables these are.
    fn another_control_plane_changes_nothing_unless_it_is_told_to(engine: Engine) {
        let directory = tempfile::tempdir().expect("a directory");
        let (one, two) = (Upstream::named("one"), Upstream::named("two"));
        let mut gateway = Gateway::start(engine, folder(directory.path(), "gateway"));
        let (own, other) = (folder(directory.path(), "own"), folder(directory.path(), "other"));
        let first = Control::start(&own, &[&gateway]);
        first.api.put_bundle("shop", &bundle("shop", "shop.example", &one));
        // Beside the first one, and alone, also once the gateway was started again.
        let second = Control::run(&other, &[&gateway], &[]);
        let turned_away = |control: &Control| {
            let shown = &control.gateways()[0];
            shown["error"].as_str().is_some_and(|error| error.contains("--take-over"))
        };
        until_true("the second to be turned away", || turned_away(&second));
        let (_, answer) = second.api.call("PUT", "/v1/tenants/blog/bundle", &bundle("blog", "blog.example", &two)).expect("an answer");
        assert_eq!(answer["applied"], false, "{answer}");
        first.api.put_bundle("news", &bundle("news", "news.example", &one));
        gateway.until_kept();
        drop(first);
        gateway.kill();
        gateway.start_again();
        let served = || ["shop", "news", "blog"].map(|name| gateway.at(&format!("{name}.example")));
        assert_eq!(served(), ["one", "one", "404"]);
        drop(second);
        // Told so, it leads, and the first one changes nothing.
        let second = Control::run(&other, &[&gateway], &["--take-over"]);
        until_true("the second to lead", || served() == ["404", "404", "two"]);
        let first = Control::run(&own, &[&gateway], &[]);
        until_true("the first to be turned away", || turned_away(&first));
        second.api.put_bundle("blog", &bundle("blog", "blog.example", &one));
        assert_eq!(served(), ["404", "404", "one"]);
        drop(first);
        // One that is there already is told when another takes over, and stays away.
        let first = Control::run(&own, &[&gateway], &["--take-over"]);
        until_true("the first to lead", || served() == ["one", "one", "404"]);
        until_true("the second to be told", || turned_away(&second));
        first.api.put_bundle("news", &bundle("news", "news.example", &two));
        assert_eq!(served(), ["one", "two", "404"]);
    }

    /// The modes of socket and directory keep others out already; here they are opened, so that the
    /// gateway itself has to.
    fn another_user_may_not_lead(engine: Engine) {
        if !geteuid().is_root() {
            eprintln!("not tested: only root can be somebody else");
            return;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let gateway = Gateway::start(engine, folder(directory.path(), "gateway"));
        for path in [directory.path(), &gateway.data, &gateway.socket()] {
            fs::set_permissions(path, Permissions::from_mode(0o777)).expect("opened");
        }
        let told = |user: u32| {
            let socket = gateway.socket();
            let peer = thread::spawn(move || {
                // Of this thread alone: the kernel knows no other owner of credentials.
                set_thread_uid(Uid::from_raw(user)).expect("somebody else");
                let mut channel = Channel::new(UnixStream::connect(socket).expect("connected"));
                // Who may not is told before anything is asked, and the connection is at its end then.
                if user == 0 {
                    let hello = Hello::new(env!("CARGO_PKG_VERSION"), 1, None);
                    channel.send(&Frame::Hello(hello)).expect("sent");
                }
                channel.receive().expect("an answer").map(|received| received.frame)
            });
            peer.join().expect("a peer ends well")
        };
        assert!(matches!(told(0), Some(Frame::Hello(_))), "its own user");
        match told(NOBODY) {
            Some(Frame::Reject { reason }) => {
                assert_eq!(reason, "user 65534 may not control this gateway; it runs as 0");
            }
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
}
