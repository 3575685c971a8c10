//! The relay between two ends of our own.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

use tempfile::TempDir;

use super::*;

/// A relay, the end that called it, and the end that it called.
struct Relayed {
    relay: Relay,
    caller: UnixStream,
    called: UnixStream,
    _directory: TempDir,
}

fn relayed() -> Relayed {
    let directory = tempfile::tempdir().expect("a directory");
    let [own, to] = ["own.sock", "to.sock"].map(|name| directory.path().join(name));
    let listener = UnixListener::bind(&to).expect("a socket");
    let relay = Relay::start(&own, &to).expect("it starts");
    let caller = UnixStream::connect(&own).expect("it listens");
    let (called, _) = listener.accept().expect("it connects");
    Relayed { relay, caller, called, _directory: directory }
}

#[test]
fn bytes_arrive_in_order_both_ways_whatever_the_delay() {
    let Relayed { relay, caller, called, .. } = relayed();
    let sent: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
    for (mut from, mut to) in [(&caller, &called), (&called, &caller)] {
        thread::scope(|scope| {
            scope.spawn(|| {
                for (number, piece) in sent.chunks(100_000).enumerate() {
                    // Shorter and longer in turn: what is sent later does not arrive earlier.
                    relay.delay_answers(Duration::from_millis([6, 0, 2][number % 3]));
                    from.write_all(piece).expect("the relay reads");
                }
            });
            let mut received = vec![0; sent.len()];
            to.read_exact(&mut received).expect("the relay writes");
            assert!(received == sent);
        });
    }
}

#[test]
fn an_answer_takes_the_delay_at_least() {
    let Relayed { relay, mut caller, mut called, .. } = relayed();
    let delay = Duration::from_millis(30);
    relay.delay_answers(delay);
    let asked = Instant::now();
    let mut byte = [0];
    caller.write_all(&[1]).expect("the relay reads");
    called.read_exact(&mut byte).expect("the relay writes");
    assert!(asked.elapsed() >= delay / 2);
    called.write_all(&[2]).expect("the relay reads");
    caller.read_exact(&mut byte).expect("the relay writes");
    assert!(asked.elapsed() >= delay, "{:?}", asked.elapsed());
    assert_eq!(byte, [2]);
}

#[test]
fn descriptors_are_passed_on_with_their_bytes() {
    let Relayed { relay: _relay, caller, called, .. } = relayed();
    for text in ["one", "two"] {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        send(&caller, text.as_bytes(), &[file.into()]).expect("the relay reads");
        let (bytes, descriptors) = receive(&called).expect("the relay writes");
        assert_eq!(bytes, text.as_bytes());
        let [descriptor] = <[OwnedFd; 1]>::try_from(descriptors).expect("one");
        let (mut file, mut found) = (File::from(descriptor), String::new());
        file.rewind().expect("a file");
        file.read_to_string(&mut found).expect("readable");
        assert_eq!(found, text);
    }
}

#[test]
fn the_end_of_a_side_is_passed_on() {
    let Relayed { relay: _relay, mut caller, mut called, .. } = relayed();
    caller.write_all(b"last").expect("the relay reads");
    caller.shutdown(Shutdown::Write).expect("open");
    let mut received = String::new();
    called.read_to_string(&mut received).expect("an end");
    assert_eq!(received, "last");
    // The other way is open until its own end.
    called.write_all(b"answer").expect("the relay reads");
    drop(called);
    received.clear();
    caller.read_to_string(&mut received).expect("an end");
    assert_eq!(received, "answer");
}

#[test]
fn a_relay_that_ends_leaves_nobody_waiting() {
    let Relayed { relay, mut caller, mut called, .. } = relayed();
    drop(relay);
    for end in [&mut caller, &mut called] {
        assert_eq!(end.read(&mut [0]).unwrap_or(0), 0);
    }
}

#[test]
fn nobody_to_call_is_an_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path().join("own.sock");
    let _relay = Relay::start(&own, &directory.path().join("none.sock")).expect("it starts");
    let mut caller = UnixStream::connect(&own).expect("it listens");
    assert_eq!(caller.read(&mut [0]).unwrap_or(0), 0);
}
