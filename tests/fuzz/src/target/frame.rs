//! Frames of the control socket.
//!
//! Owns the promise that a frame that is understood is understood the same when it is sent on.

use halftone_core::wire::{Decoder, Frame, encode};

/// Reads frames out of a stream of bytes, until one is none.
pub(crate) fn read(bytes: &[u8]) {
    let mut decoder = Decoder::default();
    // In two parts: what is there of a frame waits for the rest.
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    for part in [first, rest] {
        decoder.push(part);
        while let Ok(Some(frame)) = decoder.next_frame() {
            let mut again = Decoder::default();
            again.push(&encode(&frame).expect("what came fits"));
            assert_eq!(again.next_frame().expect("it is understood"), Some(frame));
        }
    }
}

/// Frames that mean something.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let frames = [
        Frame::Ping,
        Frame::QueryState,
        Frame::Commit { rules: Some(1), instances: None, base: Some(7) },
        Frame::Reject { reason: "no".to_owned() },
    ];
    let one = |frame: &Frame| encode(frame).expect("it fits");
    let each = frames.iter().map(one);
    each.chain([frames.iter().flat_map(one).collect()]).collect()
}
