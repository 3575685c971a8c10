//! The parts of the push bench that need no processes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

#[test]
fn refusals_and_breaks_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answers = [
        "HTTP/1.1 200 OK\r\nHalftone-Applied: true\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nHalftone-Applied: false\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n",
        "",
    ];
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        for answer in answers {
            let mut bytes = [0; 4096];
            assert!(stream.read(&mut bytes).expect("a request") > 0);
            stream.write_all(answer.as_bytes()).expect("the caller reads");
        }
    });
    let (mut pushes, mut caller) = (Pushes::new(), Caller::new(address));
    for number in 0..answers.len() as u64 {
        pushes.push(&mut caller, number, Instant::now());
    }
    server.join().expect("it ends well");
    let counts = (pushes.offered, pushes.acknowledged, pushes.not_applied, pushes.refused.len());
    assert_eq!(counts, (4, 2, 1, 2), "{:?}", pushes.refused);
}
