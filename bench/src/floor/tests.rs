//! Tests of the relay: what goes in comes out, whatever its length, and the next client is served.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;

/// Answers each connection, for each byte it reads, with `answer`.
fn backend(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() {
                    stream.write_all(&answer).unwrap();
                }
            });
        }
    });
    address
}

#[test]
fn bytes_pass_whole_and_clients_follow_each_other() {
    for length in [1, COPIED_BYTES - 1, COPIED_BYTES, COPIED_BYTES + 1, 5_000_000] {
        let answer: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let listen = crate::contender::free_address().unwrap();
        let options = FloorOptions { listen, backend: backend(answer.clone()) };
        let mut relay = Relay::new(&options).unwrap();
        let no_event = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
        let client = std::thread::spawn(move || {
            for _ in 0..3 {
                let mut stream = TcpStream::connect(listen).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                for _ in 0..2 {
                    stream.write_all(b"?").unwrap();
                    let mut taken = vec![0; answer.len()];
                    stream.read_exact(&mut taken).unwrap();
                    assert!(taken == answer, "{} bytes come out as they went in", answer.len());
                }
            }
        });
        let mut events = [no_event; EVENTS_PER_TURN];
        let turn = rustix::event::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        while !client.is_finished() {
            let ready = epoll::wait(&relay.epoll, events.as_mut_slice(), Some(&turn)).unwrap();
            for event in events.iter().take(ready).copied() {
                relay.on_event(event.data.u64(), event.flags).unwrap();
            }
        }
        client.join().unwrap();
        assert_eq!(relay.pairs.len(), 1, "a client that has its answer leaves its upstream");
    }
}
