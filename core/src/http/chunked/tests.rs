//! Bodies whole, in pieces and broken.

use proptest::prelude::*;

use super::*;

fn data(input: &[u8], step: usize) -> Result<(Vec<u8>, usize), ChunkError> {
    let mut scanner = ChunkScanner::default();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < input.len() && !scanner.is_ended() {
        let end = input.len().min(at + step);
        match scanner.next(&input[at..end])? {
            Piece::Framing(bytes) | Piece::Trailer(bytes) | Piece::End(bytes) => at += bytes,
            Piece::Data(bytes) => {
                out.extend_from_slice(&input[at..at + bytes]);
                at += bytes;
            }
        }
    }
    Ok((out, if scanner.is_ended() { at } else { usize::MAX }))
}

#[test]
fn whole_bodies() {
    for (input, expected) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;name=value\r\nhello\r\n00\r\n\r\n", "hello"),
        ("a\r\n0123456789\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n", "0123456789!"),
    ] {
        for step in 1..=input.len() {
            let follow = format!("{input}GET /");
            let (out, end) = data(follow.as_bytes(), step).expect(input);
            assert_eq!(
                (out.as_slice(), end),
                (expected.as_bytes(), input.len()),
                "{input:?} by {step}"
            );
        }
    }
}

#[test]
fn broken_bodies_are_refused() {
    for (input, expected) in [
        ("\r\n", ChunkError::Size),
        ("g\r\n", ChunkError::Size),
        ("-1\r\n", ChunkError::Size),
        ("0x5\r\n", ChunkError::Size),
        ("5 \r\nhello", ChunkError::Size),
        ("5\nhello", ChunkError::Size),
        (" 5\r\nhello", ChunkError::Size),
        ("1000000000000000\r\n", ChunkError::Size),
        ("5\r\nhello!\r\n", ChunkError::LineEnd),
        ("5\r\nhello\n0\r\n", ChunkError::LineEnd),
        ("5;a\nhello", ChunkError::LineEnd),
        ("5;a\rb", ChunkError::LineEnd),
        ("0\r\nX: a\nY: b\r\n\r\n", ChunkError::LineEnd),
        ("0\r\n folded\r\n\r\n", ChunkError::TrailerField),
        ("0\r\nX: a\r\n folded\r\n\r\n", ChunkError::TrailerField),
        ("0\r\nno colon\r\n\r\n", ChunkError::TrailerField),
        ("0\r\nnocolon\r\n\r\n", ChunkError::TrailerField),
        ("0\r\n: a\r\n\r\n", ChunkError::TrailerField),
        ("0\r\nX : a\r\n\r\n", ChunkError::TrailerField),
        ("0\r\nX: a\rb\r\n\r\n", ChunkError::LineEnd),
        ("0\r\nX: \0\r\n\r\n", ChunkError::LineEnd),
    ] {
        assert_eq!(data(input.as_bytes(), 1).expect_err(input), expected, "{input:?}");
        assert_eq!(data(input.as_bytes(), 99).expect_err(input), expected, "{input:?}");
    }
    let long = format!("5;{}\r\n", "a".repeat(CHUNK_LINE_BYTES_MAX + 1));
    assert_eq!(data(long.as_bytes(), 7), Err(ChunkError::Line));
    let trailer = format!("0\r\nX: {}\r\n\r\n", "a".repeat(TRAILER_BYTES_MAX));
    assert_eq!(data(trailer.as_bytes(), 7), Err(ChunkError::Trailer));
}

/// What comes next is the next request's, however often the scanner is asked.
#[test]
fn nothing_behind_the_end_is_taken() {
    let mut scanner = ChunkScanner::default();
    assert_eq!(scanner.scan(b"0\r\n\r\nGET"), Ok(5));
    assert!(scanner.is_ended());
    assert_eq!((scanner.next(b"GET"), scanner.scan(b"GET")), (Ok(Piece::End(0)), Ok(0)));
}

#[test]
fn data_beyond_what_is_taken_is_refused_when_it_is_announced() {
    let scan = |input: &[u8]| ChunkScanner::default().at_most(8).scan(input);
    let whole = b"5\r\nhello\r\n3\r\n!!!\r\n0\r\n\r\n";
    assert_eq!(scan(whole), Ok(whole.len()));
    assert_eq!(scan(b"9\r\n"), Err(ChunkError::TooLarge));
    assert_eq!(scan(b"5\r\nhello\r\n4\r\n"), Err(ChunkError::TooLarge));
    assert_eq!(scan(b"fffffffffffffff\r\n"), Err(ChunkError::TooLarge));
}

proptest! {
    #[test]
    fn any_split_finds_the_same(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8), step in 1usize..64) {
        let mut input = Vec::new();
        for chunk in &chunks {
            input.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            input.extend_from_slice(chunk);
            input.extend_from_slice(b"\r\n");
        }
        input.extend_from_slice(b"0\r\n\r\n");
        prop_assert_eq!(data(&input, step), Ok((chunks.concat(), input.len())));
    }

    #[test]
    fn noise_never_panics(input in prop::collection::vec(any::<u8>(), 0..200), step in 1usize..64) {
        let _ = data(&input, step);
    }
}
