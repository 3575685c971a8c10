//! Processes that die, stop and start again, and tunnels through them.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{Mutex, mpsc},
    thread,
};

use cucumber::{gherkin::Step, given, then, when};
use rustix::process::Signal;

use super::given::text;
use crate::{
    message::Wire,
    poll::{PATIENCE, until_true},
    ports::free_address,
    stack::{Engine, Process, get, halftone, send},
    stage::Stage,
    upstream::{Upstream, answer},
};

#[when("the control plane is killed")]
fn kill_control(stage: &mut Stage) {
    let control = stage.stack().child("control");
    send(control, Signal::KILL);
    until_true("another control process", || {
        let again = stage.stack().api.gateway().map(|_| stage.stack().child("control"));
        again.is_some_and(|again| again != control)
    });
}

#[given(expr = "a service {word} that takes its time")]
fn slow(stage: &mut Stage, name: String) {
    let (open, gate) = mpsc::channel();
    let (body, gate) = (name.clone(), Mutex::new(gate));
    let service = Upstream::answering(move |_| {
        // Without a word it answers late, and the scenario fails by what it expects.
        let _ = gate.lock().expect("nobody panics here").recv_timeout(PATIENCE);
        answer(&body)
    });
    stage.gate = Some(open);
    stage.add(&name, service);
}

#[when(expr = "{word} is asked and the gateway is told to stop")]
fn stop_in_flight(stage: &mut Stage, name: String) {
    let mut connection = stage.stack().connect();
    connection.send(get("/", &[]));
    until_true("a request in flight", || stage.service(&name).count() == 1);
    stage.stack().process.signal(Signal::TERM);
    let listen = stage.stack().listen;
    until_true("the gateway to take no more", || TcpStream::connect(listen).is_err());
    stage.gate.take().expect("a service that waits").send(()).expect("it waits");
    stage.answer = connection.answer();
}

#[then("gateway and control plane end well")]
fn ended(stage: &mut Stage) {
    assert!(stage.stack_mut().process.ended().success());
}

#[when("everything is stopped and a gateway starts alone")]
fn start_alone(stage: &mut Stage) {
    start_alone_on(stage, Engine::Epoll);
}

/// On a host that does not let it run, epoll stands in.
#[when(expr = "everything is stopped and a gateway starts alone on {word}")]
fn start_alone_with(stage: &mut Stage, name: String) {
    let engines = [Engine::IoUring, Engine::Epoll, Engine::Glommio];
    let engine = engines.into_iter().find(|engine| engine.name() == name).expect("an engine");
    start_alone_on(stage, if engine.runs_here() { engine } else { Engine::Epoll });
}

fn start_alone_on(stage: &mut Stage, engine: Engine) {
    stage.stack().process.signal(Signal::TERM);
    assert!(stage.stack_mut().process.ended().success());
    let (listen, admin) = (free_address(), free_address());
    let data = stage.stack().data();
    let mut command = halftone(&["gateway", "--engine", engine.name()]);
    command.args(["--listen", &listen.to_string(), "--admin", &admin.to_string()]);
    command.arg("--data").arg(data);
    stage.engine = engine.name();
    run_alone(stage, &mut command, listen, admin);
    until_true("a gateway that is ready", || {
        Wire::connect(admin).send(get("/readyz", &[])).answer().status() == 200
    });
}

/// A disk that fails on demand, to whomever the test runs as.
#[when(expr = "the control plane's folder {string} is {word}")]
fn folder(stage: &mut Stage, name: String, place: String) {
    let folder = stage.stack().data().join("control").join(name);
    let aside = folder.with_extension("aside");
    let (from, to) = if place == "gone" { (&folder, &aside) } else { (&aside, &folder) };
    std::fs::rename(from, to).expect("moved");
}

#[given("a gateway that runs by this file")]
fn by_file(stage: &mut Stage, step: &Step) {
    let (listen, admin) = (free_address(), free_address());
    let text = stage.filled(&text(step));
    let text = text.replace("<listen>", &listen.to_string());
    let path = stage.file("gateway.yaml");
    std::fs::write(&path, text.replace("<admin>", &admin.to_string())).expect("written");
    let mut command = halftone(&["gateway", "--config"]);
    command.arg(path);
    run_alone(stage, &mut command, listen, admin);
}

fn run_alone(stage: &mut Stage, command: &mut Command, listen: SocketAddr, admin: SocketAddr) {
    let output = stage.file("alone");
    std::fs::create_dir(&output).expect("a folder");
    let process = Process::start(command, &output);
    until_true("the admin address", || TcpStream::connect(admin).is_ok());
    stage.alone = Some((process, listen, admin));
}

#[when("half a head is sent to it")]
fn half_a_head(stage: &mut Stage) {
    let (_, listen, _) = stage.alone.as_ref().expect("a gateway was started alone");
    stage.answer = Wire::connect(*listen).send("GET / HTTP/1.1\r\nHost: a\r\n").answer();
}

#[when("a request without a host is sent to it")]
fn hostless(stage: &mut Stage) {
    let (_, listen, _) = stage.alone.as_ref().expect("a gateway was started alone");
    stage.answer = Wire::connect(*listen).send("GET / HTTP/1.1\r\n\r\n").answer();
}

#[then("its metrics name that engine")]
fn names_engine(stage: &mut Stage) {
    let part = format!("engine=\"{}", stage.engine);
    admin_shows(stage, "/metrics".to_owned(), part);
}

#[then(expr = "it serves {word}")]
fn serves_alone(stage: &mut Stage, name: String) {
    let (_, listen, _) = stage.alone.as_ref().expect("a gateway was started alone");
    assert_eq!(Wire::connect(*listen).send(get("/", &[])).answer().text(), name);
}

#[then(regex = r#"^it serves (\w+) to "([^:]+): (.*)"$"#)]
fn serves_alone_to(stage: &mut Stage, name: String, field: String, value: String) {
    let (_, listen, _) = stage.alone.as_ref().expect("a gateway was started alone");
    let request = get("/", &[(&field, &value)]);
    assert_eq!(Wire::connect(*listen).send(request).answer().text(), name);
}

#[then(expr = "its {word} shows {string}")]
fn admin_shows(stage: &mut Stage, path: String, part: String) {
    let (_, _, admin) = stage.alone.as_ref().expect("a gateway was started alone");
    until_true(&format!("{path} to show {part}"), || {
        Wire::connect(*admin).send(get(&path, &[])).answer().text().contains(&part)
    });
}

#[given("a gateway in front of a service that speaks WebSocket")]
fn tunnel(stage: &mut Stage) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut piece = [0; 4096];
        // The head of a small request comes at once on loopback.
        assert!(stream.read(&mut piece).is_ok_and(|bytes| bytes > 0));
        let changing =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let mut written = stream.write_all(changing.as_bytes());
        while let (Ok(()), Ok(bytes @ 1..)) = (&written, stream.read(&mut piece)) {
            written = stream.write_all(&piece[..bytes].to_ascii_uppercase());
        }
    });
    stage.start(&format!("--upstream http://{address}"));
}

#[then("bytes go both ways after the 101")]
fn tunnelled(stage: &mut Stage) {
    let mut caller = TcpStream::connect(stage.stack().listen).expect("the gateway listens");
    caller.set_read_timeout(Some(PATIENCE)).expect("a socket takes its options");
    let asking = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    caller.write_all(asking.as_bytes()).expect("sent");
    let mut received = Vec::new();
    let mut hello = Some(b"hello");
    while !received.ends_with(b"HELLO") {
        let mut piece = [0; 1024];
        let bytes = caller.read(&mut piece).expect("more bytes");
        assert!(bytes > 0, "the tunnel ended: {}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&piece[..bytes]);
        if received.windows(4).any(|four| four == b"\r\n\r\n")
            && let Some(hello) = hello.take()
        {
            caller.write_all(hello).expect("sent");
        }
    }
    assert!(received.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&received));
}
