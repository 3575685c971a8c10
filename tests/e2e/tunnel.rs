//! Tunnels: after 101 bytes go both ways, before it none do.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use crate::{
    on_each_engine,
    poll::PATIENCE,
    stack::{Engine, Stack},
};

const ASKING: &str =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const CHANGING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// Reads up to the end of a head; returns it, and what came behind it.
fn head(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut received = Vec::new();
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let behind = received.split_off(end + 4);
            return (String::from_utf8(received).expect("text"), behind);
        }
        let mut piece = [0; 4096];
        let bytes = stream.read(&mut piece).expect("more of a head");
        assert!(bytes > 0, "the connection ended within a head: {received:?}");
        received.extend_from_slice(&piece[..bytes]);
    }
}

/// Starts a service that answers `answer` and, when that changes the protocol, echoes.
///
/// It first sends what was behind the head when it answered: nothing, unless the gateway forwarded
/// bytes before the 101.
fn service(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                let (request, early) = head(&mut stream);
                assert!(
                    request.contains("\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"),
                    "{request}"
                );
                let greeting = format!("{answer}early:{};", early.len());
                let mut written = stream.write_all(greeting.as_bytes());
                let mut piece = [0; 8192];
                while written.is_ok() && answer == CHANGING {
                    match stream.read(&mut piece) {
                        Ok(bytes @ 1..) => written = stream.write_all(&piece[..bytes]),
                        _ => break,
                    }
                }
            });
        }
    });
    address
}

fn connect(stack: &Stack) -> TcpStream {
    let stream = TcpStream::connect(stack.listen).expect("the gateway listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

on_each_engine! {
    fn bytes_go_both_ways_until_both_sides_end(engine: Engine) {
        let stack = Stack::start(engine, &["--upstream", &format!("http://{}", service(CHANGING))]);
        let mut caller = connect(&stack);
        // The caller does not wait for the 101; the gateway does.
        caller.write_all(format!("{ASKING}hello").as_bytes()).expect("sent");
        let (answer, mut received) = head(&mut caller);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains("\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"), "{answer}");
        let sent: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
        let mut writer = caller.try_clone().expect("the same connection");
        thread::scope(|scope| {
            scope.spawn(|| {
                writer.write_all(&sent).expect("sent");
                writer.shutdown(Shutdown::Write).expect("half closed");
            });
            caller.read_to_end(&mut received).expect("everything, and the end");
        });
        let greeting = b"early:0;hello";
        assert_eq!(&received[..greeting.len()], greeting);
        assert!(received[greeting.len()..] == sent, "4 MB came back changed");
        let line = &stack.log(1)[0];
        assert_eq!((line["status"].as_u64(), line["variant"].as_str()), (Some(101), Some("stable")));
    }

    fn a_service_may_decline(engine: Engine) {
        let declined = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n";
        let stack = Stack::start(engine, &["--upstream", &format!("http://{}", service(declined))]);
        let mut caller = connect(&stack);
        caller.write_all(ASKING.as_bytes()).expect("sent");
        let (answer, _) = head(&mut caller);
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("Upgrade"), "{answer}");
    }
}
