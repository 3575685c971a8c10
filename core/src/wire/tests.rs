//! Frames whole, in pieces and hostile.

use super::*;
use crate::{
    rollout::allocation::Range,
    telemetry::moves::{Counter, Move, Rule, Sample},
};

#[test]
fn frames_survive_any_split() {
    let frames = [
        Frame::Hello(Hello::new("1", 7, Some(GatewayState::default()))),
        Frame::Prepare { kind: TableKind::Rules, revision: 3, digest: "sha256:ab".to_owned() },
        Frame::Commit { rules: Some(1), instances: None, base: Some(0) },
        allocation(),
        Frame::Shadow(ShadowRequest {
            sample_ppm: 1,
            for_ms: 2,
            key: [u64::MAX, 7],
            digest: String::new(),
        }),
        Frame::Shadowed(Box::new(shadowed())),
        Frame::Ping,
    ];
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| encode(frame).expect("small")).collect();
    for step in [1, 3, 7, bytes.len()] {
        let mut decoder = Decoder::default();
        let mut decoded = Vec::new();
        for piece in bytes.chunks(step) {
            decoder.push(piece);
            while let Some(frame) = decoder.next_frame().expect("well-formed") {
                decoded.push(frame);
            }
        }
        assert_eq!(decoded, frames);
    }
}

fn shadowed() -> Shadowed {
    let mut counter = Counter::default();
    let rules = || Move { from: Some(Rule::default()), to: None };
    let sample = || Sample::of("GET", b"a", b"/", b"q=1", Some(u64::MAX));
    counter.count(Some(u64::MAX));
    counter.moved(None, Some(u64::MAX), rules, sample);
    Shadowed { running: true, workers: 2, missing: 1, rules_epoch: 3, tally: counter.tally }
}

fn allocation() -> Frame {
    let ranges = [(0, 0, 10), (1, 20, 30), (2, 10, 20)]
        .map(|(place, start, end)| ("canary".to_owned(), place, Range { start, end }));
    let split = SplitKey {
        tenant: "shop".to_owned(),
        release: "v2".to_owned(),
        split: "default".to_owned(),
    };
    let ranges = Allocation::of_taken(ranges.into_iter());
    Frame::Allocation { base: 7, revision: 9, splits: vec![SplitRanges { split, ranges }] }
}

#[test]
fn a_moved_weight_is_a_small_frame_in_the_order_ranges_were_taken() {
    let text = serde_json::to_string(&allocation()).expect("JSON");
    let expected = concat!(
        r#"{"frame":"allocation","base":7,"revision":9,"splits":[{"#,
        r#""split":{"tenant":"shop","release":"v2","split":"default"},"#,
        r#""ranges":{"canary":[{"start":0,"end":10},{"start":20,"end":30},{"start":10,"end":20}]}}]}"#
    );
    assert_eq!(text, expected);
}

#[test]
fn hostile_bytes_are_refused() {
    for bytes in [
        &[0xff; 8][..],
        b"\x02\0\0\0{]",
        b"\x02\0\0\0{}",
        b"\0\0\0\0",
        b"\x0f\0\0\0{\"frame\":\"Xyz\"}",
    ] {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        assert!(decoder.next_frame().is_err(), "{bytes:?}");
    }
}

#[test]
fn another_layout_is_named() {
    let mut hello = Hello::new("9.9", 1, None);
    assert!(hello.check("1.0").is_ok());
    hello.layout = "0".to_owned();
    assert!(hello.check("1.0").expect_err("skewed").to_string().contains("9.9"));
}
