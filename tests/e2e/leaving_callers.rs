//! Callers that leave while a service still thinks: the service is told, and the log says 499.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use crate::{
    on_each_engine,
    poll::PATIENCE,
    stack::{Engine, Stack, get},
};

/// Starts a service that never answers; it tells when a request has come, and when its connection ends.
fn thinker() -> (String, mpsc::Receiver<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell) = (stream.expect("a connection"), tell.clone());
            thread::spawn(move || {
                let mut seen = Vec::new();
                let mut piece = [0; 65536];
                while let Ok(bytes @ 1..) = stream.read(&mut piece) {
                    seen.extend_from_slice(&piece[..bytes]);
                    // The mark at the end of each body here, or the end of a head without one.
                    let whole = if seen.starts_with(b"POST") { "!" } else { "\r\n\r\n" };
                    if seen.ends_with(whole.as_bytes()) {
                        let _ = tell.send("asked");
                    }
                }
                let _ = tell.send("gone");
            });
        }
    });
    (url, told)
}

on_each_engine! {
    fn a_service_whose_caller_left_is_let_go(engine: Engine) {
        let (url, told) = thinker();
        let stack = Stack::start(engine, &["--upstream", &url]);
        let requests = [
            get("/", &[]),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nbody!".to_owned(),
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n{}!", "b".repeat(199_999)),
        ];
        for (at, request) in requests.iter().enumerate() {
            let mut caller = TcpStream::connect(stack.listen).expect("a connection");
            caller.write_all(request.as_bytes()).expect("taken");
            assert_eq!(told.recv_timeout(PATIENCE).expect("it comes"), "asked", "{at}");
            drop(caller);
            assert_eq!(told.recv_timeout(PATIENCE).expect("it ends"), "gone", "{at}");
            let line = stack.log(at + 1).pop().expect("a line");
            assert_eq!((line["status"].as_u64(), line["error"].as_str()), (Some(499), Some("client_closed")), "{line}");
        }
    }
}
