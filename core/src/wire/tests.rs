//! Frames whole, in pieces and hostile.

use super::*;

#[test]
fn frames_survive_any_split() {
    let frames = [
        Frame::Hello(Hello::new("1", 7, Some(GatewayState::default()))),
        Frame::Prepare { kind: TableKind::Rules, revision: 3, digest: "sha256:ab".to_owned() },
        Frame::Commit { rules: Some(1), instances: None, base: Some(0) },
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
