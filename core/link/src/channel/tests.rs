//! Frames and tables over a socketpair, and everything a hostile peer may send instead.

use std::io::Write as _;

use halftone_core::{
    limits::FRAME_BYTES_MAX,
    table::TableKind,
    wire::{GatewayState, Hello},
};
use rustix::pipe::pipe;

use super::*;
use crate::{SealedError, SealedTable, read_sealed};

fn pair() -> (Channel, Channel) {
    let (a, b) = UnixStream::pair().expect("a socketpair");
    let (a, b) = (Channel::new(a), Channel::new(b));
    for channel in [&a, &b] {
        let patience = Some(Duration::from_secs(10));
        channel.set_timeouts(patience, patience).expect("timeouts");
    }
    (a, b)
}

fn prepare(kind: TableKind) -> Frame {
    Frame::Prepare { kind, revision: 7, digest: "sha256:00".to_owned() }
}

#[test]
fn frames_arrive_in_order_then_the_end() {
    let (mut sender, mut receiver) = pair();
    let frames = [
        Frame::Hello(Hello::new("1", 7, Some(GatewayState::default()))),
        Frame::Commit { rules: Some(1), instances: None, base: None },
        Frame::Reject { reason: "é".repeat(40_000) },
        Frame::Pong,
    ];
    for frame in &frames {
        sender.send(frame).expect("sent");
    }
    drop(sender);
    for frame in &frames {
        let received = receiver.receive().expect("received").expect("a frame");
        assert_eq!(received.frame, *frame);
        assert!(received.table.is_none());
    }
    assert!(receiver.receive().expect("a clean end").is_none());
}

#[test]
fn tables_arrive_with_their_frames() {
    let (mut sender, mut receiver) = pair();
    let bytes = |fill: u8| vec![fill; 100_000];
    for (kind, fill) in [(TableKind::Rules, 1), (TableKind::Instances, 2)] {
        let table = SealedTable::create(&bytes(fill)).expect("sealed");
        sender.send_table(&prepare(kind), &table).expect("sent");
        sender.send(&Frame::Ping).expect("sent");
    }
    for (kind, fill) in [(TableKind::Rules, 1), (TableKind::Instances, 2)] {
        let received = receiver.receive().expect("received").expect("a frame");
        assert_eq!(received.frame, prepare(kind));
        let table = read_sealed(received.table.expect("a table")).expect("read");
        assert_eq!(table.as_slice(), bytes(fill));
        let ping = receiver.receive().expect("received").expect("a frame");
        assert!(ping.table.is_none());
    }
}

#[test]
fn received_descriptors_are_not_inherited() {
    let (mut sender, mut receiver) = pair();
    let table = SealedTable::create(&[0; 64]).expect("sealed");
    sender.send_table(&prepare(TableKind::Rules), &table).expect("sent");
    let received = receiver.receive().expect("received").expect("a frame").table.expect("a table");
    let flags = rustix::io::fcntl_getfd(&received).expect("flags");
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn a_table_that_can_still_change_is_refused_by_the_reader() {
    let (mut sender, mut receiver) = pair();
    let (pipe, _) = pipe().expect("a pipe");
    sender.send_table(&prepare(TableKind::Rules), pipe).expect("sent");
    let received = receiver.receive().expect("received").expect("a frame").table.expect("a table");
    assert!(matches!(read_sealed(&received), Err(SealedError::NotMemory)));
}

#[test]
fn a_prepare_without_a_table_is_refused() {
    let (mut sender, mut receiver) = pair();
    sender.send(&prepare(TableKind::Rules)).expect("sent");
    assert!(matches!(receiver.receive(), Err(LinkError::TableMissing)));
}

#[test]
fn surplus_descriptors_are_refused_and_closed() {
    for at_once in [1, 3, 100] {
        let (sender, mut receiver) = pair();
        let (mut reader, writer) = pipe().expect("a pipe");
        let ping = wire::encode(&Frame::Ping).expect("small");
        for _ in 0..3_usize.div_ceil(at_once) {
            send_descriptors(&sender.stream, &ping, &vec![writer.as_fd(); at_once]);
        }
        let error = loop {
            match receiver.receive() {
                Ok(received) => assert_eq!(received.expect("a frame").frame, Frame::Ping),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, LinkError::TooManyTables), "{at_once}: {error}");
        // Every copy of the write end is closed, so the pipe has ended.
        drop(writer);
        let read = rustix::io::read(&mut reader, &mut [0; 1]).expect("the end of the pipe");
        assert_eq!(read, 0, "{at_once}");
    }
}

fn send_descriptors(stream: &UnixStream, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(100))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    let sent = sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL);
    assert_eq!(sent.expect("sent"), bytes.len());
}

type Expected = fn(&LinkError) -> bool;

#[test]
fn hostile_bytes_are_refused() {
    let over = u32::try_from(FRAME_BYTES_MAX + 1).expect("small").to_le_bytes();
    let cases: [(&[u8], Expected); 6] = [
        (&[0xff; 64], |error| matches!(error, LinkError::Wire(WireError::TooLarge(_)))),
        (&over, |error| matches!(error, LinkError::Wire(WireError::TooLarge(_)))),
        (b"\x02\0\0\0{]", |error| matches!(error, LinkError::Wire(WireError::Malformed(_)))),
        (b"\0\0\0\0", |error| matches!(error, LinkError::Wire(WireError::Malformed(_)))),
        (b"\x02\0", |error| matches!(error, LinkError::Truncated)),
        (b"\x09\0\0\0{\"frame\"", |error| matches!(error, LinkError::Truncated)),
    ];
    for (bytes, expected) in cases {
        let (sender, mut receiver) = pair();
        (&sender.stream).write_all(bytes).expect("sent");
        drop(sender);
        let error = receiver.receive().expect_err("refused");
        assert!(expected(&error), "{bytes:?}: {error}");
    }
}

#[test]
fn a_receive_that_timed_out_goes_on_where_it_was() {
    let (sender, mut receiver) = pair();
    receiver.set_timeouts(Some(Duration::from_millis(1)), None).expect("timeouts");
    let bytes = wire::encode(&Frame::Ping).expect("small");
    for byte in bytes {
        assert!(matches!(receiver.receive(), Err(LinkError::TimedOut { .. })));
        (&sender.stream).write_all(&[byte]).expect("sent");
    }
    assert_eq!(receiver.receive().expect("received").expect("a frame").frame, Frame::Ping);
}

#[test]
fn the_peer_is_known_by_its_credentials() {
    let (channel, _other) = pair();
    let peer = channel.peer_credentials().expect("credentials");
    assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
    assert_eq!(u32::try_from(peer.pid), Ok(std::process::id()));
}

#[test]
fn a_send_to_nobody_is_an_error_not_a_signal() {
    let (mut sender, receiver) = pair();
    drop(receiver);
    assert!(matches!(sender.send(&Frame::Ping), Err(LinkError::Io { .. })));
}
